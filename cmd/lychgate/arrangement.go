package main

import (
	"fmt"
	"net/http"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// An arrangement is what a house has for each of its sites, and what a reload
// replaces as a whole. It is never changed once it is in use.
type arrangement struct {
	c     *config
	sites []proxy.Site
	// gates and banners are found by site.
	gates   map[string]*consent.Gate
	banners map[string]*banner.Banner
}

// arrange opens the rooms that each site of c has for itself. Gates of sites
// that were there before go on where those have got to. services are the third
// parties in force on a site.
func (h *house) arrange(c *config, before *arrangement, services func(site string) []consent.Service) (*arrangement, error) {
	a := &arrangement{c: c, gates: map[string]*consent.Gate{}, banners: map[string]*banner.Banner{}}
	for i := range c.Sites {
		s := &c.Sites[i]
		words, err := banner.New(c.banner(s))
		if err != nil {
			return nil, fmt.Errorf("site[%d]: %w", i, err)
		}
		var follows *consent.Gate
		if before != nil {
			follows = before.gates[s.id()]
		}
		site, err := h.site(c, s, words, follows, services)
		if err != nil {
			return nil, fmt.Errorf("site[%d]: %w", i, err)
		}
		a.sites = append(a.sites, site)
		a.gates[s.id()], a.banners[s.id()] = site.Gate, words
	}
	return a, nil
}

// site opens the rooms of one site.
func (h *house) site(c *config, s *siteConfig, words *banner.Banner, before *consent.Gate, services func(site string) []consent.Service) (proxy.Site, error) {
	gate, err := consent.NewGate(consent.Config{
		Site: s.id(), AskAgain: c.Consent.AskAgain.Duration, Label: c.Consent.Policy,
		Purposes: c.purposes(), Statistics: !c.Analytics.Off, Location: h.location,
		Contact: s.Contact, PrivacyURL: s.PrivacyURL,
		KeepRecords: c.Consent.KeepRecords.Duration, KeepStatistics: c.Analytics.Retention.Duration,
		Dir: c.Shared, CountStates: c.Analytics.CountStates == nil || *c.Analytics.CountStates,
		Banner: words, Ledger: h.ledger, Keys: h.keys, Follows: before,
		Counting: h.analytics.Counting, Decided: h.analytics.Decided,
		Services: func() []consent.Service { return services(s.id()) },
		Always:   func() []consent.Service { return h.gateway.Always(s.id()) },
		Expire:   func(r *http.Request) []*http.Cookie { return h.gateway.Expire(r) },
		Log:      h.log,
	})
	if err != nil {
		return proxy.Site{}, err
	}
	return c.proxySite(s, gate, words)
}
