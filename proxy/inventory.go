package proxy

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// An inventory is what the pages of one site really contained: third parties
// and cookies, with nothing of any visitor. It also says which of them are in
// force, which is to say on the list that visitors are asked about. What shows
// up later than that list is held for everybody, whatever they agreed to.
//
// Looking a party up takes no lock and allocates nothing.
type inventory struct {
	services []*service
	owner    hostRules                 // the site's own lists, which what was kept yields to
	chosen   atomic.Pointer[hostRules] // what its owner decided on the dashboard
	now      func() time.Time

	parties atomic.Pointer[parties]
	forced  atomic.Pointer[force]
	dirty   atomic.Bool // something is not in the file yet

	mu       sync.Mutex // held to change what follows or parties or forced
	learning bool       // what is found now is in force at once
	cookies  map[string]*seenCookie
	seed     maphash.Seed
}

// parties are found by service and host; unknown ones by host alone. The maps
// are never written once they are here.
type parties struct {
	unknown map[string]*party
	known   []map[string]*party // by service.index; nil where none was seen
	n       int
}

// force is what visitors' answers are about.
type force struct {
	services []bool // by service.index
	hosts    map[string]bool
}

// ownCodeHost stands in the list for what the owner holds of the site itself.
const ownCodeHost = "(this site)"

// Limits of what is remembered, so that no site and no visitor can fill the
// memory. A host beyond them is held all the same.
const (
	maxParties      = 2000
	maxPartyPages   = 4096
	maxSeenCookies  = 500
	forgetPartyDays = 90
)

// A party is one host of a service, or an unknown one, on the site's pages.
type party struct {
	host    string
	service *service // nil when unknown
	in      *inventory

	dests    atomic.Uint32 // bits of rewrite.Dest
	outcomes atomic.Uint32 // bits of outcome
	admitted atomic.Bool
	lastDay  atomic.Int64 // day since 1970 on which it was last seen

	mu    sync.Mutex
	since time.Time
	pages map[uint64]struct{} // hashes of paths
	known int                 // pages counted before the start, or by another gateway
}

func newInventory(services []*service, now func() time.Time) *inventory {
	in := &inventory{services: services, now: now, cookies: map[string]*seenCookie{}, seed: maphash.MakeSeed()}
	in.parties.Store(&parties{unknown: map[string]*party{}, known: make([]map[string]*party, len(services))})
	in.rebuild()
	return in
}

// inForce is the list in force.
func (in *inventory) inForce() *force { return in.forced.Load() }

// party returns the entry of a host, and makes it when it is new; nil when
// there are too many.
func (in *inventory) party(host []byte, s *service) *party {
	ps := in.parties.Load()
	m := ps.unknown
	if s != nil {
		m = ps.known[s.index]
	}
	if p := m[string(host)]; p != nil {
		return p
	}
	return in.add(string(host), s)
}

// inline returns the entry of a service of which only code was seen: that of its
// first host, so that the same pages always make the same list.
func (in *inventory) inline(s *service) *party {
	host := ownCodeHost
	if len(s.Hosts) > 0 {
		host = hostOfRule(s.Hosts[0])
	}
	return in.party([]byte(host), s)
}

// ownCode returns the entry of what the owner holds of the site itself.
func (in *inventory) ownCode() *party { return in.party([]byte(ownCodeHost), nil) }

// add makes an entry.
func (in *inventory) add(host string, s *service) *party {
	in.mu.Lock()
	defer in.mu.Unlock()
	old := in.parties.Load()
	next := &parties{unknown: old.unknown, known: old.known, n: old.n + 1}
	m := old.unknown
	if s != nil {
		m = old.known[s.index]
	}
	if p := m[host]; p != nil {
		return p // somebody was faster
	}
	if old.n >= maxParties {
		return nil
	}
	p := &party{host: host, service: s, in: in, since: in.now().UTC().Truncate(24 * time.Hour), pages: map[uint64]struct{}{}}
	if m = maps.Clone(m); m == nil {
		m = map[string]*party{}
	}
	p.lastDay.Store(in.now().Unix() / 86400) // or 03:00, coming before the page's end, would forget it
	m[host] = p
	if s == nil {
		next.unknown = m
	} else {
		next.known = append([]map[string]*party(nil), old.known...)
		next.known[s.index] = m
	}
	in.parties.Store(next)
	in.dirty.Store(true)
	return p
}

// saw notes one reference to the party.
func (p *party) saw(d rewrite.Dest, o outcome) {
	if bit := uint32(1) << d; p.dests.Load()&bit == 0 {
		p.dests.Or(bit)
		p.in.dirty.Store(true)
	}
	bit := uint32(1) << o
	if p.outcomes.Load()&bit != 0 || p.outcomes.Or(bit)&bit != 0 {
		return
	}
	p.in.dirty.Store(true)
	if o == holds {
		p.in.newlyHeld(p)
	}
}

// newlyHeld lets a party onto the list when the list is being made.
func (in *inventory) newlyHeld(p *party) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.learning {
		p.admitted.Store(true)
		in.rebuild()
	}
}

// page notes that these parties stand on the page at path.
func (in *inventory) page(seen []*party, path string) {
	if len(seen) == 0 {
		return
	}
	day := in.now().Unix() / 86400
	hash := maphash.String(in.seed, path)
	for _, p := range seen {
		if p.lastDay.Load() != day {
			p.lastDay.Store(day)
			in.dirty.Store(true)
		}
		p.mu.Lock()
		if _, ok := p.pages[hash]; !ok && len(p.pages) < maxPartyPages {
			p.pages[hash] = struct{}{}
			if len(p.pages) > p.known {
				in.dirty.Store(true)
			}
		}
		p.mu.Unlock()
	}
}

// sight is on how many pages the party was seen, and since when.
func (p *party) sight() (pages int, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(len(p.pages), p.known), p.since
}

// outcome is the strictest thing that became of it.
func (p *party) outcome() outcome {
	switch o := p.outcomes.Load(); {
	case o&(1<<holds) != 0:
		return holds
	case o&(1<<relays) != 0:
		return relays
	}
	return passes
}

// learn makes what is found from now on be in force at once, until it is
// called with false.
func (in *inventory) learn(on bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.learning = on
}

// listed reports whether visitors were ever asked about anything here.
func (in *inventory) listed() bool {
	for p := range in.parties.Load().all() {
		if p.admitted.Load() {
			return true
		}
	}
	return false
}

// admit puts everything known onto the list, and takes out what was not seen
// for long.
func (in *inventory) admit() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for p := range in.parties.Load().all() {
		if p.outcome() == holds {
			p.admitted.Store(true)
		}
	}
	in.forget()
	in.rebuild()
	in.dirty.Store(true)
}

// forget drops the parties that no page has held for long. in.mu is held.
func (in *inventory) forget() {
	oldest := in.oldestDay()
	gone := func(_ string, p *party) bool { return p.lastDay.Load() < oldest }
	old := in.parties.Load()
	next := &parties{unknown: maps.Clone(old.unknown), known: make([]map[string]*party, len(old.known))}
	maps.DeleteFunc(next.unknown, gone)
	next.n = len(next.unknown)
	for i, m := range old.known {
		if m = maps.Clone(m); m != nil {
			maps.DeleteFunc(m, gone)
		}
		if len(m) > 0 {
			next.known[i] = m
			next.n += len(m)
		}
	}
	in.parties.Store(next)
}

// oldestDay is the day since 1970 before which what was last seen is forgotten.
func (in *inventory) oldestDay() int64 { return in.now().Unix()/86400 - forgetPartyDays }

// rebuild makes force from what is admitted. in.mu is held.
func (in *inventory) rebuild() {
	f := &force{services: make([]bool, len(in.services)), hosts: map[string]bool{}}
	for p := range in.parties.Load().all() {
		switch {
		case !p.admitted.Load():
		case p.service != nil:
			f.services[p.service.index] = true
		default:
			f.hosts[p.host] = true
		}
	}
	in.forced.Store(f)
	// Who keeps something made of both sees by this pointer that it is old.
	same := *in.parties.Load()
	in.parties.Store(&same)
}

// all goes through every party.
func (ps *parties) all() func(yield func(*party) bool) {
	return func(yield func(*party) bool) {
		for _, p := range ps.unknown {
			if !yield(p) {
				return
			}
		}
		for _, m := range ps.known {
			for _, p := range m {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// A seenCookie is a cookie name that the site's answers tried to set.
type seenCookie struct {
	service *service // nil when the catalogue does not know it
	since   time.Time
}
