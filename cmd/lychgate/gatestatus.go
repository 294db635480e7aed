package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics/dashboard"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// statusTimeout bounds what the dashboard's page waits for the ledger.
const statusTimeout = 3 * time.Second

// shownPolicies is how many versions of the list the dashboard shows.
const shownPolicies = 6

// status is the gate's side of a site, for the dashboard.
func (h *house) status(site string) dashboard.GatewayStatus {
	s := dashboard.GatewayStatus{Ledger: h.ledgerStatus(site), Policies: h.policyVersions(site), Certificates: h.certificateStatus(site)}
	s.Purposes = h.gate(site).Purposes()
	parties, cookies := h.gateway.ThirdParties(site)
	chosen := map[string]bool{}
	for _, c := range h.gateway.Choices(site) {
		chosen[c.Host] = true
	}
	for _, p := range parties {
		d := partyStatus(p)
		d.Purpose = cmp.Or(h.purposeName(site, p.Purpose), p.Kind)
		d.Chosen, d.Fixed = chosen[p.Host], h.gateway.Configured(site, p.Host)
		s.ThirdParties = append(s.ThirdParties, d)
	}
	for _, c := range cookies {
		s.Cookies = append(s.Cookies, dashboard.CookieSeen{Name: c.Name, From: cmp.Or(c.ServiceName, "this website")})
	}
	if u := h.gateway.Upstream(site); u.Address != "" {
		s.Upstream = upstreamHealth(u)
	}
	refused := h.gateway.Refused()
	s.Refused = &dashboard.Refused{Connections: refused.Connections + refused.Cut, Requests: refused.Requests, Since: h.started}
	return s
}

func partyStatus(p proxy.ThirdParty) dashboard.ThirdParty {
	d := dashboard.ThirdParty{Host: p.Host, Service: p.Name, Kinds: p.Loads, Pages: p.Pages, AsksToo: p.AsksToo()}
	switch {
	case p.Verdict == "relayed":
		d.Verdict = dashboard.Relayed
	case p.Verdict == "passed":
		d.Verdict = dashboard.Passed
	case !p.InForce:
		d.Verdict = dashboard.Pending
	}
	if day, err := time.Parse(time.DateOnly, p.Since); err == nil {
		d.FirstSeen = day
	}
	return d
}

// choose is the owner's press about one other host, in the dashboard's words.
func (h *house) choose(site, host, verdict string) error {
	err := h.gateway.Choose(site, host, verdict)
	switch {
	case errors.Is(err, proxy.ErrUnknownParty):
		return dashboard.ErrUnknownParty
	case errors.Is(err, proxy.ErrConfigured):
		return dashboard.ErrConfigured
	}
	return err
}

// purposeName is a purpose in the words that visitors read.
func (h *house) purposeName(site, id string) string {
	if words := h.now.Load().banners[site]; words != nil && id != "" {
		return words.PurposeName(id)
	}
	return id
}

// gate is the gate of a site that is there.
func (h *house) gate(site string) *consent.Gate { return h.now.Load().gates[site] }

// ledgerStatus asks the ledger for its state; what it cannot answer in time is
// said as an error of its own.
func (h *house) ledgerStatus(site string) *dashboard.LedgerStatus {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	s := new(dashboard.LedgerStatus)
	totals, err := h.ledger.Totals(ctx, site, time.Time{}, time.Now().Add(day))
	if err == nil {
		s.Rows = totals.Accept + totals.Decline + totals.Withdraw
		s.Checkpoint, err = h.ledger.Checkpoint(ctx)
	}
	if err = cmp.Or(h.ledger.Err(), err); err != nil {
		s.Err = err.Error()
	}
	return s
}

// policyVersions are the lists that visitors of a site were asked about.
func (h *house) policyVersions(site string) (list []dashboard.PolicyVersion) {
	versions, err := h.gate(site).Versions(shownPolicies)
	if err != nil {
		h.log.Error("the lists of purposes cannot be read", "site", site, "err", err)
	}
	for _, v := range versions {
		list = append(list, dashboard.PolicyVersion{Version: v.Version, Since: v.Since, Current: v.Current, Change: changeOf(v)})
	}
	return list
}

// changeOf says in words what is new in a version.
func changeOf(v consent.Version) string {
	var parts []string
	say := func(what string, names []string) {
		const most = 5
		if len(names) > most {
			names = append(slices.Clone(names[:most]), fmt.Sprintf("%d more", len(names)-most))
		}
		if len(names) > 0 {
			parts = append(parts, what+strings.Join(names, ", "))
		}
	}
	say("Added: ", v.Added)
	say("Removed: ", v.Removed)
	if v.Relabelled {
		parts = append(parts, "The policy's label changed, so everybody was asked again")
	}
	if len(parts) == 0 && v.Services > 0 {
		parts = append(parts, count(v.Services, "service", "services")+" named")
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ". ") + "."
}

// certificateStatus lists the certificates of a site's hosts.
func (h *house) certificateStatus(site string) (list []dashboard.Certificate) {
	var hosts []string
	for _, s := range h.now.Load().c.Sites {
		if s.id() == site {
			hosts = s.Hosts
		}
	}
	if h.certificates != nil {
		for _, c := range h.certificates.Status() {
			if len(hosts) == 0 || slices.Contains(hosts, c.Host) {
				d := dashboard.Certificate{Names: []string{c.Host}, NotAfter: c.Expires}
				if c.Problem != nil {
					d.Problem, d.Tried = c.Problem.Err, c.Problem.At
				}
				list = append(list, d)
			}
		}
	}
	if h.pair != nil {
		list = append(list, ownStatus(h.pair.current.Load().Leaf))
	}
	return list
}

func ownStatus(leaf *x509.Certificate) dashboard.Certificate {
	return dashboard.Certificate{
		Names: leaf.DNSNames, NotAfter: leaf.NotAfter, Issuer: cmp.Or(leaf.Issuer.CommonName, strings.Join(leaf.Issuer.Organization, ", ")),
	}
}

// upstreamHealth is down since the last of its servers is.
func upstreamHealth(u proxy.UpstreamStatus) *dashboard.UpstreamHealth {
	d := &dashboard.UpstreamHealth{Address: addresses(u), OK: !u.Down}
	if u.Down {
		for _, server := range u.Servers {
			if !server.Since.Before(d.Since) {
				d.Since, d.Fault = server.Since, server.Fault
			}
		}
	}
	return d
}

// addresses names what is behind a site, and the servers that others stand in for.
func addresses(u proxy.UpstreamStatus) string {
	if len(u.Servers) < 2 {
		return u.Address
	}
	var list []string
	for _, server := range u.Servers {
		address := server.Address
		if server.Down && !u.Down {
			address += " (does not answer since " + server.Since.Format("2 January, 15:04") + ": " + server.Fault + ")"
		}
		list = append(list, address)
	}
	return strings.Join(list, ", ")
}
