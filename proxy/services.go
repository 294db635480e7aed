package proxy

import (
	"errors"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// Services are the third parties of a site that are in force, as visitors are
// told of them: what is held until they agree. Third parties that are relayed
// learn nothing of visitors and are not among them, nor are payment and
// donation services, which a visitor comes to of his own accord, unless the
// site's owner holds them.
func (g *Gateway) Services(siteName string) []consent.Service {
	if g == nil {
		return nil
	}
	return g.sites().services(siteName)
}

func (all *sites) services(siteName string) []consent.Service {
	s := all.named(siteName)
	if s == nil {
		return nil
	}
	return s.thirdParties.inForce()
}

// Always are the third parties seen on a site that pass whatever its visitors
// say: payment and donation services, and what its owner allows.
func (g *Gateway) Always(siteName string) []consent.Service {
	if g == nil {
		return nil
	}
	s := g.sites().named(siteName)
	if s == nil || s.thirdParties.observe {
		return nil
	}
	seen := map[*service]bool{}
	var list []consent.Service
	for p := range s.thirdParties.inventory.parties.Load().all() {
		switch {
		case p.outcome() != passes || p.dests.Load() == 1<<rewrite.Base || p.service != nil && seen[p.service]:
		case p.service != nil:
			seen[p.service] = true
			c := p.service.forConsent()
			c.Purpose = "" // nobody is asked
			list = append(list, c)
		default:
			list = append(list, consent.Service{Name: p.host, Hosts: []string{p.host}})
		}
	}
	slices.SortFunc(list, func(a, b consent.Service) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// inForce makes the list from the inventory.
func (j *judge) inForce() []consent.Service {
	if j.observe {
		return nil // nothing is held, so there is nothing to agree to
	}
	var list []consent.Service
	force := j.inventory.inForce()
	for _, s := range j.services {
		if force.services[s.index] {
			list = append(list, s.forConsent())
		}
	}
	for host := range force.hosts {
		unknown := consent.Service{
			Name: host, Purpose: consent.Other, Hosts: []string{host},
			Text: "We do not know much about this company. It can see your visit.", Words: "company",
		}
		if host == ownCodeHost {
			unknown.Name, unknown.Hosts = "Parts of this site", nil
			unknown.Text, unknown.Words = "The owner holds these parts back until you say yes.", "parts"
		}
		list = append(list, unknown)
	}
	if cookies := j.inventory.undeclared(); len(cookies) > 0 {
		list = append(list, consent.Service{
			Name: "Other cookies of this site", Purpose: consent.Other, Cookies: cookies,
			Text: "This site sets these cookies. We do not know what they are for.", Words: "cookies",
		})
	}
	slices.SortStableFunc(list, func(a, b consent.Service) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// forConsent is the row as visitors are told of it.
func (s *service) forConsent() consent.Service {
	c := consent.Service{Name: s.Name, Purpose: purposeOf(s), Text: s.Text, Privacy: s.Privacy}
	for _, spec := range s.Hosts {
		if h := hostOfRule(spec); !slices.Contains(c.Hosts, h) {
			c.Hosts = append(c.Hosts, h)
		}
	}
	for _, k := range s.Cookies {
		c.Cookies = append(c.Cookies, consent.Cookie{Name: k.Name, Life: k.Life, Text: k.Text})
	}
	for _, k := range s.Storage {
		c.Cookies = append(c.Cookies, consent.Cookie{Name: k.Name, Life: k.Life, Text: k.Text, Storage: true})
	}
	return c
}

// undeclared are the cookies seen that neither the site's owner nor the
// catalogue declares.
func (in *inventory) undeclared() []consent.Cookie {
	var list []consent.Cookie
	for _, c := range in.cookieList() {
		if c.Service == "" {
			list = append(list, consent.Cookie{Name: c.Name, Life: "unknown", Text: "We do not know what it is for."})
		}
	}
	return list
}

// ThirdParties are all third parties and cookies seen on a site, for its owner.
func (g *Gateway) ThirdParties(siteName string) ([]ThirdParty, []SiteCookie) {
	s := g.sites().named(siteName)
	if s == nil {
		return nil, nil
	}
	in := s.thirdParties.inventory
	return in.list(), in.cookieList()
}

// Admit puts what was found on a site since its list was made onto the list,
// by its owner's press. Visitors whose answer did not name it are asked again.
func (g *Gateway) Admit(siteName string) error {
	s := g.sites().named(siteName)
	if s == nil {
		return nil
	}
	s.thirdParties.inventory.admit()
	return errors.Join(s.renewList(), g.SaveThirdParties())
}
