package consent

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A Gate keeps one site's consent. It is safe for concurrent use.
type Gate struct {
	config  Config
	history *history
	mux     *http.ServeMux
	cross   *http.CrossOriginProtection
	flood   *flood

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
	g := &Gate{config: c, cross: http.NewCrossOriginProtection(), flood: newFlood()}
	dir := c.Dir
	if dir != "" {
		dir = filepath.Join(dir, policyDir, c.Site)
	}
	g.history = newHistory(dir)
	g.mux = g.routes()
	if c.Keys != nil {
		g.useKeys(c.Keys)
	}
	if f := c.Follows; f != nil {
		g.follow(f)
	}
	before := g.state.Load()
	if err := g.rebuild(true); g.state.Load() == before {
		return nil, fmt.Errorf("consent of %s: %w", c.Site, err)
	} else if err != nil {
		c.Log.Error("the list of purposes could not be kept; it counts all the same", "site", c.Site, "err", err)
	}
	return g, nil
}

// follow goes on where old has got to.
func (g *Gate) follow(old *Gate) {
	g.history = old.history
	if g.config.AskAgain == old.config.AskAgain {
		g.codec.Store(old.codec.Load())
	}
	g.state.Store(old.state.Load())
	g.config.Follows = nil // it may go now
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
	if a, ok := t.given[givenKey{secure(r), value}]; ok {
		return a, true
	}
	a, ok := parseDeclined(value, g.config.Location)
	if !ok {
		a, ok = g.verify(t, secure(r), name, value)
	}
	// A day ahead may be a clock that was set back; more is nobody's answer.
	if !ok || a.day.After(t.to) || !t.from.Before(g.ends(a.day)) {
		return answered{}, false
	}
	return a, true
}

// verify reads a signed cookie of an earlier day.
func (g *Gate) verify(t *today, secure bool, name, value string) (a answered, ok bool) {
	if seen, ok := t.verified.Load(givenKey{secure, value}); ok {
		return seen.(answered), true
	}
	if t.codec == nil {
		return a, false
	}
	text, err := t.codec.Decode(name, value)
	if err != nil {
		return a, false
	}
	if a, ok = parseAccepted(text, g.config.Site, g.config.Location); ok {
		t.verified.Store(givenKey{secure, value}, a)
	}
	return a, ok
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
