// Package harness runs the whole platform with the real binary, as `durapay up` does it
// for people, for tests that look at it from outside: over HTTP, at the bank's counter,
// and with an operator's access to the database and to Temporal.
//
//	func TestMain(m *testing.M) { os.Exit(harness.Main(m, harness.Options{})) }
//
//	func TestX(t *testing.T) {
//		p := harness.Shared(t)
//		hana := p.NewMember(t).WithAccount(t, 1_000_000).WithBalance(t, 50_000)
//	}
package harness
