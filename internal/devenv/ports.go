package devenv

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// Port is a port on loopback and what it is for.
type Port struct {
	Name   string
	Number int
}

const dialBound = 500 * time.Millisecond

// CheckPorts refuses ports that something listens on, and names the first.
func CheckPorts(ports []Port) error {
	for _, port := range ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port.Number))
		// Where a listener on all addresses does not keep another from one of
		// them (macOS), only a connection shows it.
		conn, err := net.DialTimeout("tcp", address, dialBound)
		if err == nil {
			_ = conn.Close()
			return busyPort(port)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("%w (%w)", busyPort(port), err)
		}
		_ = listener.Close()
	}
	return nil
}

func busyPort(port Port) error {
	return fmt.Errorf("port %d for %s is in use: stop what uses it, or choose others with --base-port", port.Number, port.Name)
}

// FreePort gives a port on loopback that nothing listens on now.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
