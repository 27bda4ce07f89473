package moneydb_test

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy passes the bytes of a client and its database on, counts the client's
// statements, and can cut a connection when a commit comes by.
type proxy struct {
	listener   net.Listener
	target     string
	cut        atomic.Bool
	arrives    atomic.Bool
	statements atomic.Int64
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, target: target}
	t.Cleanup(func() { _ = listener.Close() })
	go p.serve()
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// cutAtCommit cuts the next connection that commits: after the database has answered,
// or before the commit reaches it. The client sees no answer either way.
func (p *proxy) cutAtCommit(arrives bool) {
	p.arrives.Store(arrives)
	p.cut.Store(true)
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		s := &session{proxy: p, client: client, server: server}
		go s.requests()
		go s.answers()
	}
}

type session struct {
	*proxy
	client, server net.Conn
	dying          atomic.Bool
}

func (s *session) end() {
	_ = s.client.Close()
	_ = s.server.Close()
}

func (s *session) requests() {
	defer s.end()
	buf := make([]byte, 1<<20)
	for {
		n, err := s.client.Read(buf)
		if err != nil {
			return
		}
		if n > 5 && buf[3] == 0 && buf[4] == 3 { // packet 0 of a command, a query
			s.statements.Add(1)
		}
		if bytes.Equal(buf[:n], []byte("\x07\x00\x00\x00\x03COMMIT")) && s.cut.CompareAndSwap(true, false) {
			if !s.arrives.Load() {
				return
			}
			s.dying.Store(true)
		}
		if _, err := s.server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (s *session) answers() {
	defer s.end()
	buf := make([]byte, 1<<20)
	for {
		n, err := s.server.Read(buf)
		if err != nil || s.dying.Load() {
			return
		}
		if _, err := s.client.Write(buf[:n]); err != nil {
			return
		}
	}
}
