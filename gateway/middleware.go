package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"durapay/errs"
	"durapay/gateway/problem"
	"durapay/internal/id"
)

// maxBody is the most a request's body may hold, in bytes.
const maxBody = 64 << 10

// requestIDHeader carries the request's id in the answer.
const requestIDHeader = "X-Request-Id"

const requestIDKey = "request-id"

// identify gives the request its id. A client's own is not taken over: it could name
// another request's.
func identify() gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Set(requestIDKey, id.New(id.Request))
		stamp(c)
		c.Next()
	}
}

// stamp sets the headers of every answer.
func stamp(c *gin.Context) {
	c.Header(requestIDHeader, c.GetString(requestIDKey))
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Cache-Control", "no-store")
}

// unstamp leaves the headers of every answer to somebody else.
func unstamp(c *gin.Context) {
	for _, name := range []string{requestIDHeader, "X-Content-Type-Options", "Cache-Control"} {
		c.Header(name, "")
	}
}

// observe logs and measures every request. It logs the route, not the path, and no
// query, header or body: those may hold personal data.
func (s *Server) observe() gin.HandlerFunc {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "durapay_http_request_duration_seconds", Help: "Time to answer a request.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
	}, []string{"method", "route", "status"})
	s.Metrics.MustRegister(seconds)
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		route, status := c.FullPath(), c.Writer.Status()
		if route == "" || c.GetString(forwardedKey) != "" {
			route = cmp.Or(c.GetString(forwardedKey), "none")
		}
		took := time.Since(began)
		seconds.WithLabelValues(c.Request.Method, route, strconv.Itoa(status)).Observe(took.Seconds())
		level := slog.LevelDebug
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		s.Log.Log(c.Request.Context(), level, "request", "requestId", c.GetString(requestIDKey), "method", c.Request.Method,
			"route", route, "status", status, "tookMillis", took.Milliseconds(), "error", c.Errors.String())
	}
}

// survive answers a request whose handler panicked. An answer that was broken off on
// purpose stays broken off, so that nobody takes it for whole.
func (s *Server) survive() gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			p := recover()
			if p == http.ErrAbortHandler {
				panic(p)
			}
			if p != nil {
				s.Log.Error("panic", "requestId", c.GetString(requestIDKey), "panic", p, "stack", string(debug.Stack()))
				fail(c, errs.InternalError)
			}
		}()
		c.Next()
	}
}

func limitBody() gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
		c.Next()
	}
}

// requestTimeout bounds the work for one request, beside the wait for a flow. A database
// that says nothing must not keep a caller longer than the caller listens.
const requestTimeout = 10 * time.Second

// limitTime bounds a request that waits for its flow at most as long as configured.
func (s *Server) limitTime() gin.HandlerFunc {
	return func(c *gin.Context) {
		defer limit(c, s.FlowWait+requestTimeout)()
		c.Next()
	}
}

// limit bounds what is done for a request from now on.
func limit(c *gin.Context, d time.Duration) context.CancelFunc {
	ctx, cancel := context.WithTimeout(c.Request.Context(), d)
	c.Request = c.Request.WithContext(ctx)
	return cancel
}

func (s *Server) metrics() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{}))
}

// fail answers with the problem of an error.
func fail(c *gin.Context, err error) { failWith(c, 0, err) }

// failWith answers with the problem of an error under another status than its kind's.
func failWith(c *gin.Context, status int, err error) {
	p := problemOf(c, err)
	if status != 0 {
		p.Status = status
	}
	answerProblem(c, p, err)
}

func problemOf(c *gin.Context, err error) problem.Problem {
	return problem.Of(err, languageOf(c), c.GetString(requestIDKey))
}

func answerProblem(c *gin.Context, p problem.Problem, cause error) {
	if cause != nil {
		_ = c.Error(cause) // for the log; it answers nothing by itself
	}
	switch p.Status {
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Bearer realm="durapay"`)
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", "1")
	case http.StatusTooManyRequests:
		c.Header("Retry-After", p.Params["retryAfterSeconds"])
	}
	c.Header("Content-Type", problem.ContentType)
	c.Header("Content-Language", languageOf(c).Tag())
	c.Header("Vary", "Accept-Language")
	c.AbortWithStatusJSON(p.Status, p)
}

func languageOf(c *gin.Context) problem.Language {
	return problem.Choose(c.GetHeader("Accept-Language"))
}
