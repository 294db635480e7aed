package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// A serviceManager is told how the program is (sd_notify(3)). Where none
// listens, as at a keyboard or in a container, telling does nothing.
type serviceManager struct {
	log *slog.Logger
	// every is how often it wants a sign of life; 0: never.
	every time.Duration
}

func newServiceManager(log *slog.Logger) *serviceManager {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the service manager's watchdog is not served", "err", err)
	}
	return &serviceManager{log: log, every: limit / 3}
}

func (m *serviceManager) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		m.log.Warn("the service manager could not be told", "err", err)
	}
}

// attend says that visitors are answered, gives signs of life as long as alive
// returns, and says when ctx is done that no more are let in. The returned
// function ends it.
func (m *serviceManager) attend(ctx context.Context, alive func()) (stop func()) {
	m.tell(daemon.SdNotifyReady)
	leave := context.AfterFunc(ctx, func() { m.tell(daemon.SdNotifyStopping) })
	life, end := context.WithCancel(context.Background()) // draining is a sign of life, too
	if m.every > 0 {
		go m.signs(life, alive)
	}
	return func() {
		end()
		leave()
	}
}

func (m *serviceManager) signs(ctx context.Context, alive func()) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		alive()
		m.tell(daemon.SdNotifyWatchdog)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// reloading says that the configuration is being read again, and by the returned
// function that it was.
func (m *serviceManager) reloading() (done func()) {
	m.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	return func() { m.tell(daemon.SdNotifyReady) }
}

// alive returns when every room has answered. A room that hangs keeps it, and
// the service manager then starts the program anew.
func (h *house) alive() {
	h.gateway.ServeHTTP(unseen{}, &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/_lychgate/healthz"}, Host: "localhost",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody,
		RequestURI: "/_lychgate/healthz", RemoteAddr: "127.0.0.1:0",
	})
	h.gateway.Health()
	h.ledger.Health()
	h.analytics.Health()
}

// unseen is a writer whose answer nobody reads.
type unseen struct{}

func (unseen) Header() http.Header         { return http.Header{} }
func (unseen) Write(p []byte) (int, error) { return len(p), nil }
func (unseen) WriteHeader(int)             {}
