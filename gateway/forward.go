package gateway

import (
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"durapay/errs"
)

// The bounds of a request that is passed on. A service bounds its own work; these are for
// one that is there and says nothing.
const (
	forwardDial    = 2 * time.Second
	forwardSilence = longestPoll + 2*requestTimeout // longer than the longest answer takes to begin
	forwardIdle    = 30 * time.Second               // shorter than a service keeps a connection that is not used
	forwardConns   = 256
)

// forwarder passes requests on to the services in other processes.
type forwarder struct {
	to        map[string]*url.URL // by service
	transport http.RoundTripper
	trusted   []netip.Prefix // whose X-Forwarded-For is believed
	log       *log.Logger
}

func newForwarder(d Dependencies) *forwarder {
	return &forwarder{to: d.Forward, trusted: networks(d.Proxies), log: slog.NewLogLogger(d.Log.Handler(), slog.LevelWarn), transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: forwardDial}).DialContext,
		ResponseHeaderTimeout: forwardSilence, IdleConnTimeout: forwardIdle, MaxIdleConnsPerHost: forwardConns, TLSHandshakeTimeout: forwardDial,
	}}
}

// networks reads addresses and networks. What is neither was refused with the settings.
func networks(texts []string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			out = append(out, p)
		} else if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return out
}

// forwardRest answers paths that have no route here: they are another process's, or nobody's.
func (s *Server) forwardRest(c *gin.Context) {
	if !s.forward(c, serviceOfPath(c.Request.URL.Path)) {
		fail(c, errs.NoSuchRoute)
	}
}

// forwardFlow passes on a question for a flow of another process's.
func (s *Server) forwardFlow(c *gin.Context) { s.forward(c, serviceOfFlow(c.Param("id"))) }

// forwardedKey has the service that a request was passed on to.
const forwardedKey = "forwarded"

// forward passes a request on to the process that has the service, if it is another one.
func (s *Server) forward(c *gin.Context, service string) bool {
	target := s.forwards.to[service]
	if target == nil {
		return false
	}
	c.Abort() // no handler here is to follow
	c.Set(forwardedKey, "forwarded to "+service)
	unstamp(c) // the service's own are told
	allowTime(c.Writer, csvTime+csvPageTime)
	proxy := httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { s.forwards.rewrite(r, target) },
		Transport: s.forwards.transport, ErrorLog: s.forwards.log,
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) { notForwarded(c, err) },
	}
	proxy.ServeHTTP(c.Writer, c.Request)
	return true
}

// rewrite sends the request to the target and tells it for whom. What a client says about
// itself counts only when it comes by a trusted proxy.
func (f *forwarder) rewrite(r *httputil.ProxyRequest, target *url.URL) {
	r.SetURL(target)
	if f.trusts(r.In.RemoteAddr) {
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}
	r.SetXForwarded()
}

func (f *forwarder) trusts(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, network := range f.trusted {
		if network.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// clientGone is the status of an answer that nobody waits for any more, for the log.
const clientGone = 499

func notForwarded(c *gin.Context, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case c.Request.Context().Err() != nil:
		c.AbortWithStatus(clientGone)
	case errors.As(err, &tooLarge):
		stamp(c)
		fail(c, errs.BodyTooLarge.With("limit", tooLarge.Limit))
	default:
		stamp(c)
		fail(c, errs.ServiceUnavailable.Because(err))
	}
}
