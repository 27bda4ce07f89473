package crash

import (
	"testing"
	"time"

	"durapay/test/harness"
)

// TestADeathInTheMiddleOfTheLoad kills each part of the platform, and all of it, while
// members move money. Their requests go on, and all the books agree.
func TestADeathInTheMiddleOfTheLoad(t *testing.T) {
	for name, kill := range map[string]func(*testing.T, *harness.Platform){
		"gateway and workers": killOne(harness.Serve),
		"Temporal":            killOne(harness.Temporal),
		"database":            killOne(harness.MariaDB),
		"bank":                killOne(harness.BankName),
		"everything": func(t *testing.T, p *harness.Platform) {
			killEverything(t, p)
			t.Logf("started again on the same data in %d ms", up(t, p).Milliseconds())
		},
	} {
		t.Run(name, func(t *testing.T) { dieInTheMiddle(t, name, kill) })
	}
}

func killOne(name string) func(*testing.T, *harness.Platform) {
	return func(t *testing.T, p *harness.Platform) { p.Kill(t, name) }
}

func dieInTheMiddle(t *testing.T, name string, kill func(*testing.T, *harness.Platform)) {
	p := start(t)
	member := newProbe(t, p)
	load := startDemo(t, p)
	load.awaitMiddle(t, p)

	at := time.Now()
	kill(t, p)
	load.requireRunning(t)
	member.awaitService(t, at, "death of "+name)

	load.requireAddsUp(t)
	t.Logf("everything asked for had ended %.1f s after the death", time.Since(at).Seconds())
	member.requireEachOnce(t)
	requireSound(t, p)
}
