package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/analytics/dashboard"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// A house is every room of one running gateway, opened from the ground up and
// closed from the roof down.
type house struct {
	location  *time.Location
	ledger    *consent.Ledger
	analytics *analytics.Analytics
	dashboard *dashboard.Dashboard
	gateway   *proxy.Gateway
	started   time.Time
	// certificates are nil when the gateway does not order them, pair when it does.
	certificates *proxy.Certificates
	pair         *keyPair
	// metrics are nil when nobody may read them.
	metrics *metrics
	log     *slog.Logger

	// c is the configuration that the house was opened with; what a reload
	// replaces is in now.
	c   *config
	now atomic.Pointer[arrangement]

	changing sync.Mutex    // held while now or keys are replaced
	keys     *consent.Keys // nil while they cannot be used

	cancel context.CancelFunc
	work   sync.WaitGroup // the rooms' background work
}

// closeTimeout bounds the last flush of sums. What is not through by then stays
// in the spool and is taken up at the next start.
const closeTimeout = 10 * time.Second

// retryKeys is how often a key file that cannot be used is tried again.
const retryKeys = 30 * time.Second

// open opens every room of c. Only what is wrong in the configuration is an
// error; what cannot be opened now is logged by its room and tried again.
func open(c *config, log *slog.Logger) (_ *house, err error) {
	h := &house{c: c, log: log, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.location, err = time.LoadLocation(c.Analytics.Timezone); err != nil {
		return nil, fmt.Errorf("analytics.timezone: %w", err)
	}
	for _, folder := range slices.Compact([]string{c.Data, c.Shared}) {
		if err := writable(folder); err != nil {
			log.Error("nothing can be written to the data folder: nothing can be accepted or counted until it can", "folder", folder, "err", withHint(err))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel

	h.changing.Lock()
	defer h.changing.Unlock()
	keys, err := consent.OpenKeys(c.keyFile(), c.Data)
	if h.keys = keys; err != nil {
		log.Error("the keys cannot be used: everything is held back and nobody can accept until they can", "err", err)
		h.run(ctx, "keys", func(ctx context.Context) error { return h.awaitKeys(ctx, c) })
	}
	h.ledger = consent.OpenLedger(consent.LedgerConfig{Dir: c.Data, Keep: c.Consent.KeepRecords.Duration, Keys: keys, Log: log})
	h.run(ctx, "ledger", h.ledger.Run)
	if h.analytics, err = analytics.Open(ctx, h.analyticsConfig(keys)); err != nil {
		return nil, err
	}
	h.run(ctx, "analytics", h.analytics.Run)
	if h.dashboard, err = dashboard.Open(ctx, h.dashboardConfig(keys)); err != nil {
		return nil, err
	}
	h.run(ctx, "dashboard", h.dashboard.Run)
	// The gateway is opened last, and answers nobody before; until then there are
	// no third parties.
	services := func(site string) []consent.Service { return h.gateway.Services(site) }
	first, err := h.arrange(c, nil, services)
	if err != nil {
		return nil, err
	}
	h.now.Store(first)
	var observe func(proxy.Observation)
	if c.Admin.Listen != "" {
		h.metrics = newMetrics()
		h.metrics.registry.MustRegister(readings{h})
		observe = h.metrics.observe
	}
	h.gateway, err = proxy.New(proxy.Config{
		Sites: first.sites, Analytics: h.analytics, Admin: h.dashboard, AdminHost: c.Admin.Host,
		Keys: keys, TrustedProxies: c.trustedProxies(), Limits: c.Limits.proxy(), Dir: c.Data, Shared: c.Shared, Location: h.location,
		Dial: relayDial(), Observe: observe, Log: log,
	})
	if err == nil {
		h.run(ctx, "proxy", h.gateway.Run)
	}
	return h, err
}

// writable makes folder if it is not there, and tries to write a file in it.
func writable(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".try-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// run does a room's background work until the house is closed.
func (h *house) run(ctx context.Context, room string, work func(context.Context) error) {
	h.work.Go(func() {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			h.log.Error("background work ended", "room", room, "err", err)
		}
	})
}

// close closes what is open, the roof first: sums are flushed before their
// store goes, and the ledger is the last to leave.
func (h *house) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if h.cancel != nil {
		h.cancel()
	}
	h.work.Wait()
	var errs []error
	if h.analytics != nil {
		errs = append(errs, h.analytics.Close(ctx))
	}
	if h.dashboard != nil {
		errs = append(errs, h.dashboard.Close())
	}
	if h.ledger != nil {
		errs = append(errs, h.ledger.Close())
	}
	return errors.Join(errs...)
}

// awaitKeys tries the key file until it can be used, and then gives the keys to
// everybody who was opened without them.
func (h *house) awaitKeys(ctx context.Context, c *config) error {
	tick := time.NewTicker(retryKeys)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		keys, err := consent.OpenKeys(c.keyFile(), c.Data)
		if err != nil {
			h.log.Error("the keys still cannot be used", "err", err)
			continue
		}
		h.changing.Lock()
		defer h.changing.Unlock()
		h.keys = keys
		h.ledger.SetKeys(keys)
		h.analytics.SetKeys(keys)
		h.log.Info("the keys can be used again")
		var errs []error
		for _, g := range h.now.Load().gates {
			errs = append(errs, g.SetKeys(keys))
		}
		return errors.Join(errs...)
	}
}
