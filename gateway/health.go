package gateway

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// checkTimeout bounds each question of /readyz.
const checkTimeout = 2 * time.Second

// Health is whether the platform can serve, and which part cannot.
type Health struct {
	Status string            `json:"status" example:"ok"`
	Checks map[string]string `json:"checks,omitempty" example:"money:ok,temporal:ok"`
} // @name Health

// live tells that the process runs.
//
//	@Summary	Is the process alive
//	@ID			livez
//	@Tags		health
//	@Success	200	{object}	Health
//	@Router		/livez [get]
func live(c *gin.Context) { c.JSON(http.StatusOK, Health{Status: "ok"}) }

// ready tells whether everything the gateway needs is there.
//
//	@Summary	Can the platform serve
//	@ID			readyz
//	@Tags		health
//	@Success	200	{object}	Health
//	@Failure	503	{object}	Health
//	@Router		/readyz [get]
func (s *Server) ready(c *gin.Context) {
	h, status := Health{Status: "ok", Checks: s.ask(c)}, http.StatusOK
	for _, answer := range h.Checks {
		if answer != "ok" {
			h.Status, status = "unavailable", http.StatusServiceUnavailable
		}
	}
	c.JSON(status, h)
}

// ask asks all dependencies at once; why one does not answer goes to the log only.
func (s *Server) ask(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answers := make(map[string]string, len(s.Checks))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for name, check := range s.Checks {
		wg.Go(func() {
			answer := "ok"
			if err := check(ctx); err != nil {
				s.Log.Warn("not ready", "check", name, "error", err)
				answer = "unavailable"
			}
			mu.Lock()
			defer mu.Unlock()
			answers[name] = answer
		})
	}
	wg.Wait()
	return answers
}
