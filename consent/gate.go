// Package consent decides, records and shows what one visitor agreed to.
package consent

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// Prefix is the path under which everything of lychgate's own lives. Nothing
// below it is ever passed upstream or counted.
const Prefix = "/_lychgate/"

// Statistics is the id of the built-in purpose of counting visits.
const Statistics = "statistics"

// Other is the id of the built-in purpose of everything not in the catalogue.
const Other = "other"

// A Purposes is a set of purposes as bits. Bit i is the i-th purpose of the
// site's list in force, which is at most eight long; bit 0 is Statistics.
type Purposes uint8

// An Answer is what a visitor said.
type Answer uint8

// The answers.
const (
	// Undecided: no valid cookie and no Sec-GPC. Nothing is granted, the banner is shown.
	Undecided Answer = iota
	// Declined: nothing is granted, no banner.
	Declined
	// Accepted: at least one purpose is granted.
	Accepted
)

// A Decision is what a request says about its visitor's choice.
type Decision struct {
	Answer Answer
	// Purposes are those granted; empty unless Accepted.
	Purposes Purposes
	// Policy is the version the visitor decided about.
	Policy string
	// Day is when, as a date in the site's zone. Zero when undecided.
	Day time.Time
	// GPC is true when the answer is Declined only because of Sec-GPC: 1.
	GPC bool
}

// A Grant is proof that a visitor agreed. Only this package makes one, from a
// verified cookie; the zero Grant allows nothing.
type Grant struct {
	site     string
	purposes Purposes
	ids      []string // the site's list, shared, never written
	until    time.Time
}

// Allows reports whether the visitor agreed to the purpose with this id.
func (g Grant) Allows(id string) bool {
	for i, p := range g.ids {
		if p == id {
			return g.purposes&(1<<i) != 0
		}
	}
	return false
}

// Site is the site the grant is for.
func (g Grant) Site() string { return g.site }

// Until is when the consent behind the grant ends: nothing that follows from it
// may live longer. Counting takes it for the Max-Age of its cookie.
func (g Grant) Until() time.Time { return g.until }

// Purposes is the set of purposes granted, the cache variant of a page.
func (g Grant) Purposes() Purposes { return g.purposes }

// A Purpose is one thing a visitor can agree to.
type Purpose struct {
	ID   string            // "statistics", "video", ...
	Name map[string]string // by language; shipped ids need none
	Text map[string]string // by language
}

// A Service is a third party the site would contact, as the visitor is told of it.
type Service struct {
	Name    string   // "YouTube"
	Purpose string   // a Purpose's ID
	Hosts   []string // "youtube.com", ...
	Cookies []Cookie
	Text    string // one plain sentence
	Privacy string // link to the provider's own policy
}

// A Cookie is one cookie or storage entry a service sets on the site.
type Cookie struct {
	Name, Text, Life string
	Storage          bool // web storage rather than a cookie
}

// Config says how one site's Gate works.
type Config struct {
	// Site is the site's canonical host, or "default" for a site matching every host.
	Site string
	// AskAgain is how long an answer holds, the same for both. Default 180 days.
	AskAgain time.Duration
	// Label is the owner's label of the policy ("2026-11").
	Label string
	// Purposes are the owner's own, besides Statistics and Other.
	Purposes []Purpose
	// Statistics says whether visits are counted on this site at all.
	Statistics bool
	// Location is the zone in which days begin.
	Location *time.Location
	// Contact and PrivacyURL are shown on the consent page.
	Contact, PrivacyURL string
	// Retention is shown on the consent page: how long records and sums are kept.
	KeepRecords, KeepStatistics time.Duration

	Banner *banner.Banner
	Ledger *Ledger
	Keys   *Keys

	// Services are the third parties held on this site. May be nil.
	Services func() []Service
	// Counting decodes the visitor's counting cookie in plain words. May be nil.
	Counting func(*http.Request) []banner.Fact
	// Decided is called after a decision is recorded and before the answer is
	// written, so that counting can set or expire its cookie. The Grant is that
	// of the new decision. May be nil.
	Decided func(http.ResponseWriter, *http.Request, Decision, Grant)

	Log *slog.Logger
}

// A Gate keeps one site's consent. It is safe for concurrent use.
type Gate struct{}

// NewGate returns the Gate of one site.
func NewGate(c Config) (*Gate, error) { return &Gate{}, nil }

// Of reports the decision that r carries and the Grant that follows from it.
// r.URL must be absolute: its scheme says which cookie names are read.
func (g *Gate) Of(r *http.Request) (Decision, Grant) { return Decision{}, Grant{} }

// Asks reports whether there is anything to ask: no banner otherwise.
func (g *Gate) Asks() bool { return true }

// Policy is the version of the list in force.
func (g *Gate) Policy() string { return "" }

// ServeHTTP answers everything under /_lychgate/consent.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// A Ledger is the durable record of decisions.
type Ledger struct{}

// LedgerFile is the ledger's name in the data folder.
const LedgerFile = "consent.db"
