package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Where the platform's ports are, counted from its base port.
const (
	bankOffset     = 10
	temporalOffset = 11
	webOffset      = 12
	mysqlOffset    = 13
)

// The range that base ports are taken from: below the ports that systems give to
// outgoing connections.
const (
	lowestBase  = 9_200
	highestBase = 30_000
	baseStep    = 20
)

// freeBase draws a base port whose ports are free now. Another process may take one
// meanwhile: then the platform's start says so, and another base is drawn.
func freeBase() (int, error) {
	const tries = 100
	for range tries {
		base := lowestBase + rand.IntN((highestBase-lowestBase)/baseStep)*baseStep
		if free(base) {
			return base, nil
		}
	}
	return 0, errors.New("no free ports")
}

func free(base int) bool {
	for _, offset := range []int{0, bankOffset, temporalOffset, webOffset, mysqlOffset} {
		l, err := net.Listen("tcp", loopback(base+offset))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
