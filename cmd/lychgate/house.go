package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/analytics/dashboard"
	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// A house is every room of one running gateway, opened from the ground up and
// closed from the roof down.
type house struct {
	c         *config
	location  *time.Location
	ledger    *consent.Ledger
	analytics *analytics.Analytics
	dashboard *dashboard.Dashboard
	gates     []*consent.Gate
	gateway   *proxy.Gateway
	// banners are what visitors of each site are asked, by site.
	banners map[string]*banner.Banner
	started time.Time
	// certificates are nil when the gateway does not order them.
	certificates *proxy.Certificates
	// metrics are nil when nobody may read them.
	metrics *metrics
	log     *slog.Logger

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
	h := &house{c: c, log: log, started: time.Now(), banners: map[string]*banner.Banner{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.location, err = time.LoadLocation(c.Analytics.Timezone); err != nil {
		return nil, fmt.Errorf("analytics.timezone: %w", err)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		log.Error("the data folder cannot be made: nothing can be accepted or counted until it can", "err", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel

	keys, err := consent.OpenKeys(c.keyFile())
	if err != nil {
		log.Error("the keys cannot be used: everything is held back and nobody can accept until they can", "err", err)
		h.run("keys", func(ctx context.Context) error { return h.awaitKeys(ctx) }, ctx)
	}
	h.ledger = consent.OpenLedger(consent.LedgerConfig{Dir: c.Data, Keep: c.Consent.KeepRecords.Duration, Keys: keys, Log: log})
	h.run("ledger", h.ledger.Run, ctx)
	if h.analytics, err = analytics.Open(ctx, h.analyticsConfig(keys)); err != nil {
		return nil, err
	}
	h.run("analytics", h.analytics.Run, ctx)
	if h.dashboard, err = dashboard.Open(ctx, h.dashboardConfig(keys)); err != nil {
		return nil, err
	}
	h.run("dashboard", h.dashboard.Run, ctx)
	var sites []proxy.Site
	for i := range c.Sites {
		site, err := h.site(&c.Sites[i], keys)
		if err != nil {
			return nil, fmt.Errorf("site[%d]: %w", i, err)
		}
		sites = append(sites, site)
	}
	var observe func(proxy.Observation)
	if c.Admin.Listen != "" {
		h.metrics = newMetrics()
		h.metrics.registry.MustRegister(readings{h})
		observe = h.metrics.observe
	}
	h.gateway, err = proxy.New(proxy.Config{
		Sites: sites, Analytics: h.analytics, Admin: h.dashboard, AdminHost: c.Admin.Host,
		Keys: keys, TrustedProxies: c.trustedProxies(), Dir: c.Data, Location: h.location,
		Observe: observe, Log: log,
	})
	if err == nil {
		h.run("proxy", h.gateway.Run, ctx)
	}
	return h, err
}

// run does a room's background work until the house is closed.
func (h *house) run(room string, work func(context.Context) error, ctx context.Context) {
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
func (h *house) awaitKeys(ctx context.Context) error {
	tick := time.NewTicker(retryKeys)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		keys, err := consent.OpenKeys(h.c.keyFile())
		if err != nil {
			h.log.Error("the keys still cannot be used", "err", err)
			continue
		}
		h.ledger.SetKeys(keys)
		h.analytics.SetKeys(keys)
		h.log.Info("the keys can be used again")
		var errs []error
		for _, g := range h.gates {
			errs = append(errs, g.SetKeys(keys))
		}
		return errors.Join(errs...)
	}
}

// site opens the rooms that each site has for itself and tells the gateway of it.
func (h *house) site(s *siteConfig, keys *consent.Keys) (proxy.Site, error) {
	words, err := banner.New(h.c.banner(s))
	if err != nil {
		return proxy.Site{}, err
	}
	h.banners[s.id()] = words
	gate, err := consent.NewGate(consent.Config{
		Site: s.id(), AskAgain: h.c.Consent.AskAgain.Duration, Label: h.c.Consent.Policy,
		Purposes: h.c.purposes(), Statistics: !h.c.Analytics.Off, Location: h.location,
		Contact: s.Contact, PrivacyURL: s.PrivacyURL,
		KeepRecords: h.c.Consent.KeepRecords.Duration, KeepStatistics: h.c.Analytics.Retention.Duration,
		Dir: h.c.Data, CountStates: h.c.Analytics.CountStates == nil || *h.c.Analytics.CountStates,
		Banner: words, Ledger: h.ledger, Keys: keys,
		Counting: h.analytics.Counting, Decided: h.analytics.Decided,
		// The gateway is opened last, and answers nobody before; until then there
		// are no third parties.
		Services: func() []consent.Service { return h.gateway.Services(s.id()) },
		Always:   func() []consent.Service { return h.gateway.Always(s.id()) },
		Expire:   func(r *http.Request) []*http.Cookie { return h.gateway.Expire(r) },
		Log:      h.log,
	})
	if err != nil {
		return proxy.Site{}, err
	}
	h.gates = append(h.gates, gate)
	return s.proxySite(gate, words)
}

// proxySite is what the gateway is told of a site.
func (s *siteConfig) proxySite(gate *consent.Gate, words *banner.Banner) (proxy.Site, error) {
	site := proxy.Site{
		Name: s.id(), Hosts: s.Hosts, NoRedirect: s.Redirect != nil && !*s.Redirect,
		UpstreamHost: s.UpstreamHost, Dir: s.Dir, EssentialCookies: s.EssentialCookies,
		ThirdParties: s.ThirdParties, StrictConnections: s.StrictConnect, Allow: s.Allow, Hold: s.Hold, Relay: s.Relay, AnalyticsPaths: s.AnalyticsPaths,
		Gate: gate, Banner: words,
	}
	if s.Upstream != "" {
		u, err := url.Parse(s.Upstream)
		if err != nil {
			return site, err
		}
		site.Upstream = u
	}
	return site, nil
}

func (h *house) analyticsConfig(keys *consent.Keys) analytics.Config {
	a := analytics.Config{
		Dir: h.c.Data, ClickHouse: h.c.clickhouse(), Retention: h.c.Analytics.Retention.Duration, GeoIP: h.c.Analytics.GeoIP,
		CountStates: h.c.Analytics.CountStates, SmallNumber: h.c.Analytics.SmallNumber, Keys: keys, Log: h.log,
	}
	for i := range h.c.Sites {
		s := &h.c.Sites[i]
		site := analytics.SiteConfig{Site: s.id(), Location: h.location, SearchParams: s.SearchParams}
		for _, g := range s.Goals {
			site.Goals = append(site.Goals, analytics.Goal{Name: g.Name, Path: g.Path})
		}
		for _, f := range s.Funnels {
			site.Funnels = append(site.Funnels, analytics.Funnel{Name: f.Name, Steps: f.Steps})
		}
		a.Sites = append(a.Sites, site)
	}
	return a
}

func (h *house) dashboardConfig(keys *consent.Keys) dashboard.Config {
	d := dashboard.Config{
		Analytics: h.analytics, Keys: keys, Dir: h.c.Data, Log: h.log,
		Gateway: h.status, Choose: h.choose, Admit: func(site string) error { return h.gateway.Admit(site) },
		SessionLength: h.c.Admin.Session.Duration, SessionIdle: h.c.Admin.Idle.Duration, KeepAudit: h.c.Admin.KeepAudit.Duration,
		OwnOrigin: h.c.Admin.Host != "",
	}
	d.Mail = dashboard.Mail{Server: h.c.Mail.Server, From: h.c.Mail.From, Username: h.c.Mail.Username}
	if file := h.c.Mail.PasswordFile; file != "" {
		password, err := os.ReadFile(file)
		if err != nil {
			h.log.Error("the letters of the dashboard cannot be sent", "err", err)
		}
		d.Mail.Password = strings.TrimSpace(string(password))
	}
	for i := range h.c.Sites {
		s := &h.c.Sites[i]
		site := dashboard.Site{ID: s.id(), Name: s.title(), Location: h.location}
		site.Banner, site.DarkBanner = h.previews(s)
		d.Sites = append(d.Sites, site)
	}
	return d
}

// previews are the banner of a site as each of the two looks shows it; nil for
// words that the site itself cannot start with, which is said elsewhere.
func (h *house) previews(s *siteConfig) (light, dark *banner.Banner) {
	asLight, asDark := h.c.banner(s).Looks()
	light, err := banner.New(asLight)
	if err != nil {
		return nil, nil
	}
	if dark, err = banner.New(asDark); err != nil {
		return nil, nil
	}
	return light, dark
}

// banner is what the banner's room is told of a site.
func (c *config) banner(s *siteConfig) banner.Config {
	b := banner.Config{
		SiteName: s.title(), Place: s.Banner, Languages: s.Languages,
		Words: map[string]banner.Words{}, Theme: banner.Theme(s.Theme), Dark: banner.Theme(s.Dark),
	}
	for language, w := range s.Words {
		b.Words[language] = banner.Words(w)
	}
	for _, p := range c.Purposes {
		b.Purposes = append(b.Purposes, banner.Purpose{ID: p.ID, Name: p.Name, Text: p.Text})
	}
	return b
}

func (c *config) purposes() []consent.Purpose {
	var list []consent.Purpose
	for _, p := range c.Purposes {
		list = append(list, consent.Purpose{ID: p.ID, Name: p.Name, Text: p.Text})
	}
	return list
}

// trustedProxies are the networks of the configuration, which check has read.
func (c *config) trustedProxies() []netip.Prefix {
	var list []netip.Prefix
	for _, n := range c.Listen.TrustedProxies {
		if p, err := parseNetwork(n); err == nil {
			list = append(list, p)
		}
	}
	return list
}
