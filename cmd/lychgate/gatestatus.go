package main

import (
	"cmp"
	"context"
	"time"

	"github.com/lychgate/lychgate/analytics/dashboard"
	"github.com/lychgate/lychgate/proxy"
)

// statusTimeout bounds what the dashboard's page waits for the ledger.
const statusTimeout = 3 * time.Second

// status is the gate's side of a site, for the dashboard.
func (h *house) status(site string) dashboard.GatewayStatus {
	var s dashboard.GatewayStatus
	parties, cookies := h.gateway.ThirdParties(site)
	for _, p := range parties {
		s.ThirdParties = append(s.ThirdParties, partyStatus(p))
	}
	for _, c := range cookies {
		s.Cookies = append(s.Cookies, dashboard.CookieSeen{Name: c.Name, From: cmp.Or(c.Service, "this website")})
	}
	s.Ledger = h.ledgerStatus(site)
	if h.certificates != nil {
		for _, c := range h.certificates.Status() {
			s.Certificates = append(s.Certificates, dashboard.Certificate{Names: []string{c.Host}, NotAfter: c.Expires})
		}
	}
	return s
}

func partyStatus(p proxy.ThirdParty) dashboard.ThirdParty {
	d := dashboard.ThirdParty{Host: p.Host, Service: p.Service, Purpose: p.Purpose, Kinds: p.Loads, Pages: p.Pages}
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
