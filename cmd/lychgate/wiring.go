package main

import (
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/analytics/dashboard"
	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// What each room is told of the configuration stands here.

// proxySite is what the gateway is told of a site.
func (c *config) proxySite(s *siteConfig, gate *consent.Gate, words *banner.Banner) (proxy.Site, error) {
	site := proxy.Site{
		Name: s.id(), Hosts: s.Hosts, NoRedirect: s.Redirect != nil && !*s.Redirect,
		UpstreamHost: s.UpstreamHost, Dir: s.Dir, Private: c.private(), EssentialCookies: s.EssentialCookies,
		ThirdParties: s.ThirdParties, StrictConnections: s.StrictConnect, Allow: s.Allow, Hold: s.Hold, Relay: s.Relay, AnalyticsPaths: s.AnalyticsPaths,
		HealthPath: s.HealthPath, SecurityHeaders: s.SecurityHeaders,
		Beacon: s.Beacon, Gate: gate, Banner: words,
	}
	for _, f := range s.Fallbacks {
		u, err := url.Parse(f)
		if err != nil {
			return site, err
		}
		site.Fallbacks = append(site.Fallbacks, u)
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
	return analytics.Config{
		Sites: h.c.analyticsSites(h.location),
		Dir:   h.c.Data, ClickHouse: h.c.clickhouse(), Retention: h.c.Analytics.Retention.Duration, GeoIP: h.c.Analytics.GeoIP,
		CountStates: h.c.Analytics.CountStates, SmallNumber: h.c.Analytics.SmallNumber, Keys: keys, Log: h.log,
	}
}

// analyticsSites is what counting is told of the sites.
func (c *config) analyticsSites(loc *time.Location) []analytics.SiteConfig {
	var list []analytics.SiteConfig
	for i := range c.Sites {
		s := &c.Sites[i]
		site := analytics.SiteConfig{Site: s.id(), Location: loc, SearchParams: s.SearchParams, Events: s.Events}
		for _, g := range s.Goals {
			site.Goals = append(site.Goals, analytics.Goal{Name: g.Name, Path: g.Path})
		}
		for _, f := range s.Funnels {
			site.Funnels = append(site.Funnels, analytics.Funnel{Name: f.Name, Steps: f.Steps})
		}
		list = append(list, site)
	}
	return list
}

func (h *house) dashboardConfig(keys *consent.Keys) dashboard.Config {
	return dashboard.Config{
		Sites: h.c.dashboardSites(h.location), Mail: h.mail(h.c),
		Analytics: h.analytics, Keys: keys, Dir: h.c.Data, Version: versionOf(), Log: h.log,
		Gateway: h.status, Choose: h.choose, Admit: func(site string) error { return h.gateway.Admit(site) },
		SessionLength: h.c.Admin.Session.Duration, SessionIdle: h.c.Admin.Idle.Duration, KeepAudit: h.c.Admin.KeepAudit.Duration,
		OwnOrigin: h.c.Admin.Host != "",
	}
}

// mail is what the dashboard is told of the server that sends its letters.
func (h *house) mail(c *config) dashboard.Mail {
	m := c.mail()
	if file := c.Mail.PasswordFile; file != "" {
		password, err := os.ReadFile(file)
		if err != nil {
			h.log.Error("the letters of the dashboard cannot be sent", "err", err)
		}
		m.Password = strings.TrimSpace(string(password))
	}
	return m
}

func (c *config) mail() dashboard.Mail {
	return dashboard.Mail{Server: c.Mail.Server, From: c.Mail.From, Username: c.Mail.Username}
}

// dashboardSites is what the dashboard is told of the sites.
func (c *config) dashboardSites(loc *time.Location) []dashboard.Site {
	var list []dashboard.Site
	for i := range c.Sites {
		s := &c.Sites[i]
		site := dashboard.Site{ID: s.id(), Name: s.title(), Location: loc}
		site.Banner, site.DarkBanner = c.previews(s)
		list = append(list, site)
	}
	return list
}

// previews are the banner of a site as each of the two looks shows it; nil for
// words that the site itself cannot start with, which is said elsewhere.
func (c *config) previews(s *siteConfig) (light, dark *banner.Banner) {
	asLight, asDark := c.banner(s).Looks()
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
