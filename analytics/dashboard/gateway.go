package dashboard

import (
	"net/http"
	"time"
)

// GatewayStatus is what the gateway knows of a site, for its admins. Every part
// may be left empty; an empty part is not shown.
type GatewayStatus struct {
	// Notices are what an admin should know now, in plain words, worst first.
	Notices []string
	// ThirdParties are the other hosts that the site's pages would contact.
	ThirdParties []ThirdParty
	// Cookies are those that were seen to be set, with or without consent.
	Cookies []CookieSeen
	// Held is what was held back, newest day first.
	Held []HeldDay
	// Policies are the versions of what visitors are asked, newest first.
	Policies []PolicyVersion
	Ledger   *LedgerStatus
	// Certificates are those in use, and the names that still lack one.
	Certificates []Certificate
	// Upstream is the server or folder behind.
	Upstream *UpstreamHealth
}

// A ThirdParty is one other host that the site's pages would contact.
type ThirdParty struct {
	Host string
	// Service is the name people know it by: "YouTube"; empty when unknown.
	Service string
	// Purpose is what it is for, in words; empty when unknown.
	Purpose string
	// Kinds are the ways it is asked for: "script", "frame", "image".
	Kinds []string
	// Verdict is what the gateway does about it.
	Verdict Verdict
	// Pages is the number of pages it was found on; 0: not known.
	Pages int
	// FirstSeen is the day it was first met, as 00:00 UTC; may be zero.
	FirstSeen time.Time
}

// A Verdict is what the gateway does about a third party.
type Verdict uint8

// The verdicts.
const (
	// Held is held back until the visitor agrees.
	Held Verdict = iota
	// Relayed is fetched by the gateway, so that the visitor stays unknown there.
	Relayed
	// Passed is let through and listed: payment, donation, allowed by the owner.
	Passed
	// Pending was met lately and is held from everybody until it is on the list
	// that visitors are asked about.
	Pending
)

// String is the verdict in words.
func (v Verdict) String() string {
	switch v {
	case Relayed:
		return "relayed"
	case Passed:
		return "let through"
	case Pending:
		return "new: held from everybody"
	default:
		return "held until accepted"
	}
}

// A CookieSeen is one cookie of the site or of a third party.
type CookieSeen struct {
	Name string
	// From is who sets it: a service or "this website".
	From string
	// Passed is true when it is set without consent, as essential.
	Passed bool
}

// A HeldDay is how many things were held back on one day.
type HeldDay struct {
	Day   time.Time // 00:00 UTC
	Count int64
}

// A PolicyVersion is one version of what visitors are asked.
type PolicyVersion struct {
	Version string
	Since   time.Time
	// Change says what is new in it, in words; empty for the first.
	Change string
}

// A LedgerStatus is the state of the record of decisions.
type LedgerStatus struct {
	// Rows is the number of decisions on record, Erased that of those whose time
	// was over.
	Rows, Erased int64
	// Oldest is the day of the oldest record; may be zero.
	Oldest time.Time
	// Checkpoint is the newest signed checkpoint, as text to be kept elsewhere.
	Checkpoint string
	// Err says why decisions cannot be recorded; empty when well.
	Err string
}

// A Certificate is the certificate of some names.
type Certificate struct {
	Names    []string
	Issuer   string
	NotAfter time.Time // zero: there is none yet
	Err      string    // why the last renewal failed; empty when well
}

// An UpstreamHealth is how the server or folder behind the gateway is.
type UpstreamHealth struct {
	Address string
	OK      bool
	Since   time.Time // since when it is so; may be zero
	Err     string    // the last fault in words; empty when well
}

// A gatePage is the gate's side of a site, to be read only.
type gatePage struct {
	GatewayStatus
	Known    bool
	HeldMax  int64
	Now      time.Time
	Previews []link
}

// gate shows what the gateway holds back, lets through and keeps.
func (d *Dashboard) gate(c *call) error {
	p := gatePage{Now: time.Now(), Previews: previewLinks(c.site)}
	if d.c.Gateway != nil {
		p.GatewayStatus, p.Known = d.c.Gateway(c.site.ID), true
	}
	p.Held = p.Held[:min(len(p.Held), shownRows)]
	for _, h := range p.Held {
		p.HeldMax = max(p.HeldMax, h.Count)
	}
	return d.show(c, http.StatusOK, "gate", "Gate of "+c.site.Name, p)
}

// Share is a day's bar in the list of what was held, in per cent.
func (p gatePage) Share(h HeldDay) string {
	if p.HeldMax == 0 {
		return "0%"
	}
	return pct(100 * float64(h.Count) / float64(p.HeldMax))
}

// Expiry says in words when a certificate ends.
func (p gatePage) Expiry(c Certificate) string {
	switch left := c.NotAfter.Sub(p.Now); {
	case c.NotAfter.IsZero():
		return "none yet"
	case left < 0:
		return "ended on " + c.NotAfter.Format("2 January 2006")
	default:
		return "until " + c.NotAfter.Format("2 January 2006") + " (" + window(left) + ")"
	}
}
