package proxy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/internal/signedpath"
	"github.com/lychgate/lychgate/proxy/relay"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A judge knows, for one site, what becomes of every URL a page could make a
// browser contact. It is compiled once and never changes; what is in force is
// asked of the inventory.
//
// The first of these that knows the URL decides: the owner's own lists, the
// site's own family of hosts, the catalogue. Whatever none of them knows is an
// unknown third party: what would run, frame or tell is held, what would only
// be looked at is relayed.
type judge struct {
	services  []*service
	owner     hostRules // the site's allow, hold and relay
	catalogue hostRules
	// ownPaths are held paths of the site itself, as its owner lists them.
	ownPaths []string
	// ownFiles are file names of trackers that sites serve themselves.
	ownFiles map[string]*service
	literals literals
	// ownerLiterals are held inline scripts as the owner lists them.
	ownerLiterals [][]byte
	families      []family
	hosts         []string // of the site, as configured
	cookies       trackerCookies
	observe       bool

	inventory *inventory
	relay     *relay.Relay // nil holds what would be relayed
	embeds    *signedpath.Signer
	hearings  sync.Pool // of *hearing
	known     atomic.Pointer[knownFamily]
}

// An outcome is what becomes of a reference before anything is granted.
type outcome uint8

// The outcomes.
const (
	passes outcome = iota
	holds
	relays
)

// String is the word for it in files and tables.
func (o outcome) String() string {
	switch o {
	case holds:
		return "held"
	case relays:
		return "relayed"
	}
	return "passed"
}

// A rule is one entry for a host: the catalogue's has a service, an owner's
// says what to do.
type rule struct {
	path    string // prefix at a segment's boundary; empty for all
	service *service
	outcome outcome
}

// hostRules finds rules by host suffix, those with the longest path first.
type hostRules map[string][]rule

// add adds a rule written as "host" or "host/path".
func (hr hostRules) add(spec string, r rule) {
	host, path, hasPath := strings.Cut(spec, "/")
	if hasPath {
		r.path = "/" + path
	}
	rules := append(hr[host], r)
	slices.SortStableFunc(rules, func(a, b rule) int { return len(b.path) - len(a.path) })
	hr[host] = rules
}

// find returns the rule of the longest host suffix that knows host and path.
func (hr hostRules) find(host, path []byte) *rule {
	for {
		if rules, ok := hr[string(host)]; ok {
			for i := range rules {
				if hasPathPrefix(path, rules[i].path) {
					return &rules[i]
				}
			}
		}
		dot := bytes.IndexByte(host, '.')
		if dot < 0 {
			return nil
		}
		host = host[dot+1:]
	}
}

// hasPathPrefix reports whether path begins with prefix and then a boundary.
func hasPathPrefix(path []byte, prefix string) bool {
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		return false
	}
	if len(path) == len(prefix) || prefix == "" {
		return true
	}
	last, next := prefix[len(prefix)-1], path[len(prefix)]
	return last == '/' || next == '/' || next == '\\' || next == '?' || next == ';'
}

// newJudge compiles the catalogue and the lists of a site.
func newJudge(services []*service, c Site) (*judge, error) {
	j := &judge{
		services:  services,
		owner:     hostRules{},
		catalogue: hostRules{},
		ownFiles:  map[string]*service{},
		observe:   c.ThirdParties == "observe",
	}
	for _, s := range services {
		for _, h := range s.Hosts {
			j.catalogue.add(h, rule{service: s})
		}
		for _, o := range s.Own {
			j.ownFiles[o] = s
		}
		j.cookies.add(s)
	}
	j.inventory = newInventory(services, time.Now)
	j.inventory.owner = j.owner
	j.literals = newLiterals(services)
	for _, l := range []struct {
		entries []string
		outcome outcome
	}{{c.Hold, holds}, {c.Relay, relays}, {c.Allow, passes}} {
		for _, entry := range l.entries {
			if err := j.addOwner(entry, l.outcome); err != nil {
				return nil, err
			}
		}
	}
	for _, h := range c.Hosts {
		name, err := asciiHost(h)
		if err != nil {
			return nil, fmt.Errorf("host %q: %w", h, err)
		}
		j.hosts = append(j.hosts, hostname(name))
		if f := familyOf(hostname(name)); !slices.Contains(j.families, f) {
			j.families = append(j.families, f)
		}
	}
	return j, nil
}

// holdsWithin reports whether the owner holds a host of a family of the site's:
// a tracker's under the site's name.
func (j *judge) holdsWithin(f family) bool {
	for host, rules := range j.owner {
		for _, r := range rules {
			if r.outcome == holds && r.path == "" && f.has([]byte(host)) {
				return true
			}
		}
	}
	return false
}

// addOwner takes an entry of the site's allow, hold or relay list: a host with
// or without a path, and for hold also a path of the site itself ("/track.js")
// or the literal of an inline script ("inline:myTracker.start").
func (j *judge) addOwner(entry string, o outcome) error {
	literal, inline := strings.CutPrefix(entry, "inline:")
	switch {
	case entry == "":
		return fmt.Errorf("an empty entry in the list of what is %s", o)
	case inline && o == holds && len(literal) < 4:
		return fmt.Errorf("%q would hold scripts by chance: write at least four letters of one", entry)
	case inline && o == holds:
		j.ownerLiterals = append(j.ownerLiterals, []byte(literal))
	case strings.HasPrefix(entry, "/") && o == holds && len(entry) > 1:
		j.ownPaths = append(j.ownPaths, entry)
	default:
		host, path, hasPath := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(entry, "https://"), "http://"), "/")
		canonical, ok := appendHost(nil, []byte(strings.TrimPrefix(host, "*.")))
		if !ok || strings.ContainsAny(host, " *,:@") && !strings.HasPrefix(host, "*.") {
			return fmt.Errorf("%q is no host: write a name such as \"maps.example.org\", with a path if you like", entry)
		}
		spec := string(canonical)
		if suffix, icann := publicsuffix.PublicSuffix(spec); icann && suffix == spec && o != holds {
			return fmt.Errorf("%q is the ending of everybody's names: write the name of one host", entry)
		}
		if hasPath && path != "" {
			spec += "/" + path
		}
		j.owner.add(spec, rule{outcome: o})
	}
	return nil
}

// CheckRule reports what is wrong with an entry of one of a site's lists:
// "allow", "hold" or "relay".
func CheckRule(list, entry string) error {
	o, ok := map[string]outcome{"allow": passes, "hold": holds, "relay": relays}[list]
	if !ok {
		return fmt.Errorf("there is no list %q", list)
	}
	return (&judge{owner: hostRules{}}).addOwner(entry, o)
}

// outcome is what becomes of what a page would load from a service of class c.
// beacon says that the reference looks like a message rather than a picture.
func (c class) outcome(d rewrite.Dest, beacon bool) outcome {
	switch c {
	case classPass:
		return passes
	case classTracker, classCaptcha:
		return holds
	}
	if d == rewrite.Base {
		return passes // what is relative to it is judged
	}
	if beacon {
		return holds
	}
	switch d {
	case rewrite.Image, rewrite.Style, rewrite.Font, rewrite.Media:
		return relays
	case rewrite.Script:
		if c == classCDN {
			return relays
		}
	}
	return holds
}

// hostOfRule is the host of "host/path".
func hostOfRule(spec string) string {
	host, _, _ := strings.Cut(spec, "/")
	return host
}

// purposeOf is the purpose a service, or nothing known, is held for.
func purposeOf(s *service) string {
	if s == nil || s.Purpose == "" {
		return consent.Other
	}
	return s.Purpose
}
