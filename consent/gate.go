// Package consent decides, records and shows what one visitor agreed to.
package consent

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
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
	// Changed is true when the visitor is Undecided only because their answer
	// was about an older list, which did not name all that is in force now.
	Changed bool
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

	// Dir is the data folder, where the lists that were ever in force are kept.
	// Empty keeps them in memory, which is for tests.
	Dir string
	// CountStates says that page requests are counted by state, which the
	// consent page then tells.
	CountStates bool

	Banner *banner.Banner
	Ledger *Ledger
	// Keys may be nil when the key file cannot be used: nobody can accept then,
	// until [Gate.SetKeys].
	Keys *Keys

	// Services are the third parties held on this site. May be nil.
	Services func() []Service
	// Counting decodes the visitor's counting cookie in plain words. May be nil.
	Counting func(*http.Request) []banner.Fact
	// Decided is called after a decision is recorded and before the answer is
	// written, so that counting can set or expire its cookie. The Grant is that
	// of the new decision. May be nil.
	Decided func(http.ResponseWriter, *http.Request, Decision, Grant)
	// Expire lists the cookies to take away from a visitor who has just said no
	// or allowed less than before: those that third parties set on this site.
	// The cookies are sent as they are. May be nil.
	Expire func(*http.Request) []*http.Cookie

	Log *slog.Logger
}

// A Gate keeps one site's consent. It is safe for concurrent use.
type Gate struct {
	config  Config
	history *history
	mux     *http.ServeMux
	cross   *http.CrossOriginProtection

	codec    atomic.Pointer[Codec] // nil while there are no keys
	state    atomic.Pointer[today]
	building sync.Mutex // held while a new state is made
}

// NewGate returns the Gate of one site. Config.Services is called once here and
// again at each [Gate.Refresh].
func NewGate(c Config) (*Gate, error) {
	if err := c.fill(); err != nil {
		return nil, fmt.Errorf("consent of %s: %w", c.Site, err)
	}
	g := &Gate{config: c, cross: http.NewCrossOriginProtection()}
	dir := c.Dir
	if dir != "" {
		dir = filepath.Join(dir, policyDir, c.Site)
	}
	g.history = newHistory(dir)
	g.mux = g.routes()
	if c.Keys != nil {
		g.useKeys(c.Keys)
	}
	if err := g.rebuild(true); g.state.Load() == nil {
		return nil, fmt.Errorf("consent of %s: %w", c.Site, err)
	} else if err != nil {
		c.Log.Error("the list of purposes could not be kept; it counts all the same", "site", c.Site, "err", err)
	}
	return g, nil
}

// fill puts defaults in and checks the rest.
func (c *Config) fill() error {
	if c.AskAgain == 0 {
		c.AskAgain = 180 * 24 * time.Hour
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Site == "" || strings.ContainsAny(c.Site, "|/\\\n "):
		return fmt.Errorf("site %q: want a host", c.Site)
	case c.AskAgain < 24*time.Hour || c.AskAgain > 400*24*time.Hour:
		// Browsers keep no cookie longer than 400 days (RFC 6265bis section 5.5).
		return fmt.Errorf("ask_again %v: want 1 to 400 days", c.AskAgain)
	case c.Banner == nil:
		return errors.New("no banner")
	case len(c.Purposes) > maxOwnPurposes:
		return fmt.Errorf("%d purposes: want at most %d", len(c.Purposes), maxOwnPurposes)
	}
	for _, p := range c.Purposes {
		if !isPurpose(p.ID) {
			return fmt.Errorf("purpose %q: want small letters, digits and hyphens", p.ID)
		}
	}
	return nil
}

// Refresh reads Config.Services again and puts the list in force. A host that
// is new in it was held for everybody until now, and is held from now on for
// those whose answer did not cover it.
func (g *Gate) Refresh() error { return g.rebuild(true) }

// SetKeys gives a Gate that was made without keys the keys it was waiting for.
func (g *Gate) SetKeys(k *Keys) error {
	g.useKeys(k)
	return g.rebuild(true)
}

func (g *Gate) useKeys(k *Keys) {
	// Cookies are signed up to a day before they are given, and answers end
	// by their day, so the signature must live two days longer.
	g.codec.Store(k.Signed("consent/cookie "+g.config.Site, g.config.AskAgain+48*time.Hour))
}

// Of reports the decision that r carries and the Grant that follows from it. It
// reads the consent cookie and, when there is none that counts, the Sec-GPC
// header, which then is a no (W3C Global Privacy Control). r.URL must be
// absolute: its scheme says which cookie names are read.
//
// A cookie that cannot be verified, is older than [Config.AskAgain], or
// answers an older list that did not name all that is in force now, counts as
// none: the question is asked again.
func (g *Gate) Of(r *http.Request) (Decision, Grant) {
	t := g.today()
	a, ok := g.read(r, t)
	if ok {
		if d, grant, ok := g.judge(t, a); ok {
			return d, grant
		}
	}
	if r.Header.Get("Sec-GPC") == "1" {
		return Decision{Answer: Declined, GPC: true}, Grant{}
	}
	return Decision{Changed: ok}, Grant{}
}

// read returns what r's cookie says, if it is genuine and not expired.
func (g *Gate) read(r *http.Request, t *today) (answered, bool) {
	name := consentCookie(secure(r))
	value := oneCookie(r, name)
	if value == "" || len(value) > MaxCookieBytes {
		return answered{}, false
	}
	a, ok := t.given[givenKey{secure(r), value}]
	if ok {
		return a, true
	}
	if a, ok = parseDeclined(value, g.config.Location); !ok {
		codec := g.codec.Load()
		if codec == nil {
			return a, false
		}
		text, err := codec.Decode(name, value)
		if err != nil {
			return a, false
		}
		if a, ok = parseAccepted(text, g.config.Site, g.config.Location); !ok {
			return a, false
		}
	}
	// A day ahead may be a clock that was set back; more is nobody's answer.
	if a.day.After(t.to) || !t.from.Before(g.ends(a.day)) {
		return a, false
	}
	return a, true
}

// judge holds an answer against the list in force.
func (g *Gate) judge(t *today, a answered) (Decision, Grant, bool) {
	set := a.purposes
	if a.version != t.policy.version {
		older := g.history.find(a.version)
		if older == nil || !t.policy.coveredBy(older) {
			return Decision{}, Grant{}, false
		}
		set = t.policy.translate(older, set)
	}
	d := Decision{Answer: Declined, Policy: a.version, Day: a.day}
	if a.accepted && set != 0 {
		d.Answer, d.Purposes = Accepted, set
	}
	return d, g.grant(t, d), true
}

// grant is the only place where a Grant is made.
func (g *Gate) grant(t *today, d Decision) Grant {
	if d.Answer != Accepted {
		return Grant{}
	}
	return Grant{site: g.config.Site, purposes: d.Purposes, ids: t.policy.ids, until: g.ends(d.Day)}
}

// ends is the day at whose beginning an answer of the given day no longer counts.
func (g *Gate) ends(day time.Time) time.Time {
	return day.AddDate(0, 0, int(g.config.AskAgain/(24*time.Hour)))
}

// Asks reports whether there is anything to ask: no banner otherwise.
func (g *Gate) Asks() bool { return g.today().policy.asked != 0 }

// Purposes are the ids of what is asked, in the list's order.
func (g *Gate) Purposes() []string {
	p := g.today().policy
	return p.names(p.asked)
}

// Policy is the version of the list in force.
func (g *Gate) Policy() string { return g.today().policy.version }

// Services are the third parties in force: those of the last Refresh. Only they
// may be let through, whatever has been found since.
func (g *Gate) Services() []Service { return g.today().services }

// ServeHTTP answers everything under /_lychgate/consent.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// LedgerFile is the ledger's name in the data folder.
const LedgerFile = "consent.db"
