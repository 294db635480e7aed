package consent

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// A today is what holds for one site on one day of its zone: the list in force
// and the cookies of that day. It is built when the gateway starts, at midnight
// and when the list changes, and never written afterwards, but for verified.
type today struct {
	policy   *policy
	services []Service
	date     string
	from, to time.Time // the day's first moment and the next day's
	codec    *Codec    // what the cookies are signed with, nil without keys

	// accepted holds every cookie that can be given today. securecookie stamps
	// the second of signing; signing all of them in advance makes that second
	// the same for everybody, so that it points to nobody.
	accepted map[cookieKey]string
	// given is accepted the other way round: today's visitors are recognised
	// without a signature check.
	given map[givenKey]answered
	// verified remembers genuine cookies of earlier days, from givenKey to
	// answered. There are few: one for each day and set of purposes.
	verified sync.Map
}

type givenKey struct {
	secure bool
	value  string
}

type cookieKey struct {
	secure  bool
	version string
	set     Purposes
}

// recentPolicies is how many lists, the one in force among them, may still be
// answered. A form of an older one leads back to the question.
const recentPolicies = 4

// FirstMoment is when a date begins in zone; a day or month too great is one of the
// next, as for [time.Date]. It is not always midnight: in the Azores, Chile and Cuba
// clocks are put forward then.
func FirstMoment(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if t.Hour() > 12 { // of the day before, in the hour that ends with the jump
		_, t = t.ZoneBounds()
	}
	return t
}

// newToday signs the day's cookies, or takes those over that old has of the same
// day: a list that changes at noon must not tell morning from afternoon.
func (g *Gate) newToday(old *today, now time.Time, services []Service) (*today, error) {
	now = now.In(g.config.Location)
	from := FirstMoment(now.Year(), now.Month(), now.Day(), g.config.Location)
	to := FirstMoment(now.Year(), now.Month(), now.Day()+1, g.config.Location)
	p := newPolicy(&g.config, services)
	t := &today{
		policy: p, services: p.listed(services),
		date: from.Format(dateForm), from: from, to: to,
		codec: g.codec.Load(), accepted: map[cookieKey]string{}, given: map[givenKey]answered{},
	}
	if t.codec == nil {
		return t, nil // without keys nobody can accept
	}
	if old != nil && old.date == t.date && old.codec == t.codec {
		t.accepted, t.given = maps.Clone(old.accepted), maps.Clone(old.given)
	}
	policies, err := g.history.recent(recentPolicies)
	if err != nil {
		g.config.Log.Warn("older lists of purposes cannot be read: forms that show them are asked again", "site", g.config.Site, "err", err)
	}
	for _, p := range append(policies, t.policy) {
		if err := g.sign(t, p); err != nil {
			return nil, fmt.Errorf("sign the day's cookies: %w", err)
		}
	}
	return t, nil
}

// sign makes t's cookies for each set of purposes of p that one can accept.
func (g *Gate) sign(t *today, p *policy) error {
	for set := Purposes(1); set != 0; set++ {
		if set&^p.asked != 0 {
			continue
		}
		for _, secure := range []bool{false, true} {
			key := cookieKey{secure, p.version, set}
			if t.accepted[key] != "" {
				continue
			}
			value, err := t.codec.Encode(consentCookie(secure), acceptedText(g.config.Site, p.version, set, t.date))
			if err != nil {
				return err
			}
			t.accepted[key] = value
			t.given[givenKey{secure, value}] = answered{true, p.version, set, t.from}
		}
	}
	return nil
}

// today returns what holds now. It never fails: if a new day cannot be built,
// the old one goes on.
func (g *Gate) today() *today {
	t := g.state.Load()
	if now := time.Now(); !now.Before(t.to) || now.Before(t.from) {
		if err := g.rebuild(false); err != nil {
			g.config.Log.Error("the cookies of a new day could not be made", "site", g.config.Site, "err", err)
		}
		t = g.state.Load()
	}
	return t
}

// rebuild makes a new today. With fresh it reads the services anew; without, it
// does nothing when another request was faster.
func (g *Gate) rebuild(fresh bool) error {
	g.building.Lock()
	defer g.building.Unlock()
	old, now := g.state.Load(), time.Now()
	if !fresh && now.Before(old.to) && !now.Before(old.from) {
		return nil
	}
	var services []Service
	switch {
	case !fresh:
		services = old.services
	case g.config.Services != nil:
		services = g.config.Services()
	}
	t, err := g.newToday(old, now, services)
	if err != nil {
		return err
	}
	g.state.Store(t)
	if old == nil || old.policy.version != t.policy.version {
		return g.history.add(t.policy)
	}
	return nil
}
