package dashboard

import "time"

// GatewayStatus is what the gateway knows of a site, for its admins. Every part
// may be left empty; an empty part is said not to be known.
type GatewayStatus struct {
	// ThirdParties are the other hosts that the site's pages would contact.
	ThirdParties []ThirdParty
	// Cookies are those that were seen to be set, with or without consent.
	Cookies []CookieSeen
	// Purposes are the ids of what visitors are asked now.
	Purposes []string
	// Policies are the versions of what visitors are asked, newest first.
	Policies []PolicyVersion
	Ledger   *LedgerStatus
	// Certificates are those in use, and the names that still lack one.
	Certificates []Certificate
	// Upstream is the server or folder behind.
	Upstream *UpstreamHealth
	// Refused is what the guard against disruptive use turned away on all sites.
	Refused *Refused
}

// A Refused counts what networks were refused because they asked for more than
// their people could need, since Since.
type Refused struct {
	Connections, Requests int64
	Since                 time.Time
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
	// Chosen says that Verdict was decided on the dashboard, Fixed that the
	// configuration file decides and no button here.
	Chosen, Fixed bool
	// AsksToo says that it is another cookie banner.
	AsksToo bool
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
		return "fetched by the gateway"
	case Passed:
		return "let through"
	case Pending:
		return "new, held from everybody"
	default:
		return "held until a visitor agrees"
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

// A PolicyVersion is one version of what visitors are asked.
type PolicyVersion struct {
	Version string
	Since   time.Time // may be zero
	Current bool
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
	Issuer   string    // may be empty
	NotAfter time.Time // zero: there is none yet
	// Problem says why the last order or renewal failed, at Tried; empty when it
	// did not.
	Problem string
	Tried   time.Time
}

// An UpstreamHealth is how the server or folder behind the gateway is.
type UpstreamHealth struct {
	Address string
	OK      bool
	// Since is when it stopped answering, and Fault what was wrong the last time.
	// Both may be empty.
	Since time.Time
	Fault string
}
