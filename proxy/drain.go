package proxy

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// lastCall is how long a connection that was let in just before the doors closed
// may take to ask. net/http's own Shutdown closes such a connection unanswered,
// and the visitor would see an error for a request that a second later, or a
// second program on the same socket, answers.
const lastCall = 500 * time.Millisecond

// guests counts the connections inside.
type guests struct{ n atomic.Int64 }

// note is an http.Server.ConnState.
func (g *guests) note(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		g.n.Add(1)
	case http.StateClosed, http.StateHijacked:
		g.n.Add(-1)
	}
}

// gone waits until nobody is inside, or until ctx is done.
func (g *guests) gone(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for g.n.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// closeDoors lets nobody in any more, and those inside ask once more.
func (s *Server) closeDoors(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastCall)
	defer cancel()
	for _, d := range s.doors {
		if err := d.l.Close(); err != nil {
			s.g.log.Warn("stop", "err", err)
		}
		d.srv.SetKeepAlivesEnabled(false)
	}
	s.g.guests.gone(ctx)
}
