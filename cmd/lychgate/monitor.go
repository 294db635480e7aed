package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"
)

// A monitor is the door for the operator's own eyes: figures for Prometheus,
// the state of each room, and profiles. It is a listener of its own, because
// nothing of it is for visitors.
type monitor struct {
	l   net.Listener
	srv *http.Server
	log *slog.Logger
}

// openMonitor binds [admin] listen. nil when it is not set.
func openMonitor(ctx context.Context, addr string, h *house, log *slog.Logger) (*monitor, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("admin.listen %s: %w", addr, err)
	}
	m := &monitor{l: l, log: log, srv: &http.Server{
		Handler:           monitorRoutes(ctx, h),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	return m, nil
}

// monitorRoutes is every address of the monitor. stopping is done when the
// gateway takes no more visitors.
func monitorRoutes(stopping context.Context, h *house) http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", h.metrics.handler())
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if stopping.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(h.condition())) // the asker is gone if this fails
	})
	m.HandleFunc("GET /debug/pprof/", pprof.Index)
	m.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	m.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	m.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return m
}

// condition is one word, and a line for each room that is not well. The gateway
// serves the site all the same, so none of it is a reason to stop it.
func (h *house) condition() string {
	lines := []string{"ok"}
	add := func(room, trouble string) {
		lines[0] = "ok, but"
		lines = append(lines, room+": "+strings.ReplaceAll(trouble, "\n", "; "))
	}
	if err := h.ledger.Health().Err; err != nil {
		add("consent", err.Error())
	}
	counting := h.analytics.Health()
	if counting.Err != "" {
		add("analytics", counting.Err)
	}
	if counting.SpoolErr != "" {
		add("analytics", "counts stay in memory: "+counting.SpoolErr)
	}
	if err := h.analytics.Kept().Err; err != "" {
		add("retention", err)
	}
	if counting.PlaceErr != "" {
		add("places", counting.PlaceErr)
	}
	if err := h.dashboard.Err(); err != nil {
		add("dashboard", err.Error())
	}
	if g := h.gateway.Health(); g.UpstreamsDown > 0 {
		add("proxy", count(g.UpstreamsDown, "server", "servers")+" behind the sites did not answer when last asked")
	}
	if missing, ended := h.certificatesWanting(time.Now()); missing > 0 || ended > 0 {
		add("certificates", count(missing, "name has", "names have")+" none yet, "+count(ended, "has", "have")+" run out")
	}
	return strings.Join(lines, "\n") + "\n"
}

// serve answers until close.
func (m *monitor) serve() {
	if m == nil {
		return
	}
	if err := m.srv.Serve(m.l); !errors.Is(err, http.ErrServerClosed) {
		m.log.Error("the monitoring door is shut", "err", err)
	}
}

func (m *monitor) close() error {
	if m == nil {
		return nil
	}
	err := m.srv.Close()
	if lerr := m.l.Close(); !errors.Is(lerr, net.ErrClosed) { // it is not, if nothing was served
		err = errors.Join(err, lerr)
	}
	return err
}
