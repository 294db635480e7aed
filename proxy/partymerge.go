package proxy

import (
	"slices"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// merge takes in a site's part of the file. It reports whether that put anything
// in force, and returns the entries that mean nothing to this gateway, because
// its catalogue is older or younger than that of whoever wrote them: they are
// kept for those who know.
func (in *inventory) merge(kept *partyListSite) (strange []ThirdParty, renewed bool) {
	byID := map[string]*service{}
	for _, s := range in.services {
		byID[s.ID] = s
	}
	before := in.inForce()
	for i := range kept.Parties {
		t := &kept.Parties[i]
		s := byID[t.Service]
		last, err := time.Parse(dateForm, t.Last)
		stale := err == nil && last.Unix()/86400 < in.oldestDay()
		switch {
		case t.Host == "":
		case t.Service != "" && s == nil:
			if !stale {
				strange = append(strange, *t)
			}
		case stale && !in.has(t.Host, s):
			// Forgotten here already. Whoever still knows it forgets it at 03:00.
		default:
			in.mergeParty(t, s)
		}
	}
	in.mergeCookies(kept.Cookies, byID)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.rebuild()
	return strange, !in.inForce().equal(before)
}

// has reports whether a party is known.
func (in *inventory) has(host string, s *service) bool {
	ps := in.parties.Load()
	if s != nil {
		return ps.known[s.index][host] != nil
	}
	return ps.unknown[host] != nil
}

// mergeParty takes in one entry: of everything the earlier, the later, the more.
// What the site's owner has since decided about a host counts, not what became
// of it before.
func (in *inventory) mergeParty(t *ThirdParty, s *service) {
	fresh := !in.has(t.Host, s)
	p := in.party([]byte(t.Host), s)
	if p == nil {
		return
	}
	if fresh {
		p.lastDay.Store(0)
	}
	p.mu.Lock()
	p.known = max(p.known, t.Pages)
	if d, err := time.Parse(dateForm, t.Since); err == nil && d.Before(p.since) {
		p.since = d
	}
	p.mu.Unlock()
	if d, err := time.Parse(dateForm, t.Last); err == nil {
		if day := d.Unix() / 86400; day > p.lastDay.Load() {
			p.lastDay.Store(day)
		}
	}
	for d := rewrite.Dest(0); d <= rewrite.Base; d++ {
		if slices.Contains(t.Loads, destWord(d)) {
			p.dests.Or(1 << d)
		}
	}
	if r := in.decided([]byte(t.Host), nil); r != nil && r.outcome.String() != t.Verdict {
		return
	}
	for _, o := range [...]outcome{passes, holds, relays} {
		if o.String() == t.Verdict {
			p.outcomes.Or(1 << o)
		}
	}
	if t.InForce {
		p.admitted.Store(true)
	}
}

// mergeCookies takes in the cookies others have seen.
func (in *inventory) mergeCookies(kept []SiteCookie, byID map[string]*service) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, c := range kept {
		since, err := time.Parse(dateForm, c.Since)
		if err != nil {
			since = in.now().UTC()
		}
		known := in.cookies[c.Name]
		if known == nil {
			if len(in.cookies) < maxSeenCookies {
				in.cookies[c.Name] = &seenCookie{service: byID[c.Service], since: since}
			}
		} else if since.Before(known.since) {
			known.since = since
		}
	}
}

// equal reports whether two lists ask about the same.
func (f *force) equal(g *force) bool {
	if !slices.Equal(f.services, g.services) || len(f.hosts) != len(g.hosts) {
		return false
	}
	for h := range f.hosts {
		if !g.hosts[h] {
			return false
		}
	}
	return true
}
