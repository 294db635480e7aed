package proxy

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/lychgate/lychgate/consent"
)

// The second belt: headers by which the browser itself refuses what the
// rewriter could not see because scripts make it up at run time. They only ever
// tighten, and stand beside the site's own policies.

// beltDirectives follow the list of sources. One default-src says for scripts,
// styles, images, fonts, media, frames and connections what ten directives
// would: within the site everything, inline and eval included, is as before.
const beltDirectives = "; worker-src 'self' data: blob:; object-src 'self' data:"

// allowConnections is the Connection-Allowlist that closes WebRTC, which no
// content security policy does, and nothing else. Redirects stay allowed, or
// our own 303 would fail.
const allowConnections = `(response-origin "*://*:*/*");redirects=allow;webrtc=block`

// fasten puts the second belt on an answer to somebody who has not agreed to
// everything the site asks about.
//
// page is the HTML that goes out, nil when it is none or not all of it is known.
func (s *site) fasten(h http.Header, r *http.Request, v *visit, page []byte) {
	if v.released || s.thirdParties.observe {
		return
	}
	b := s.belts.of(s, r, v)
	h.Add("Content-Security-Policy", b.policy)
	h["X-Dns-Prefetch-Control"] = []string{"off"}
	own := h["Connection-Allowlist"]
	if len(own) == 0 {
		h["Connection-Allowlist"] = []string{allowConnections}
		if s.StrictConnections && page != nil {
			h["Connection-Allowlist"] = []string{s.thirdParties.strictConnections(page, b.hosts)}
		}
		return
	}
	// The site's own list stays as strict as it is, but lets redirects be.
	if !strings.Contains(own[0], "redirects=") {
		h["Connection-Allowlist"] = []string{own[0] + ";redirects=allow"}
	}
}

// released reports whether the visitor agreed to every third party the site is
// known to have. What nobody was asked about is not agreed to, so a site
// without known third parties keeps the belt on.
func (s *site) released(d consent.Decision, g consent.Grant) bool {
	if d.Answer != consent.Accepted {
		return false
	}
	services := s.Gate.Services()
	for _, sv := range services {
		if !g.Allows(sv.Purpose) {
			return false
		}
	}
	return len(services) > 0
}

// A belt is what one kind of visitor gets: the additional policy, what the guard
// is told, and the hosts that may be contacted.
type belt struct {
	policy, guard string
	hosts         []string
}

// belts keeps those made so far. They depend on few things, which seldom change.
type belts struct {
	mu    sync.Mutex
	seen  *parties // the inventory they were made from
	force *force
	made  map[beltKey]belt
}

type beltKey struct {
	https    bool
	host     string
	purposes consent.Purposes
	policy   string
}

// maxBelts bounds what a site that answers to every host can be made to keep.
const maxBelts = 64

// of is the belt for one visitor's host and choice.
func (b *belts) of(s *site, r *http.Request, v *visit) belt {
	key := beltKey{v.https, r.URL.Host, v.decision.Purposes, v.decision.Policy}
	seen, force := s.thirdParties.inventory.parties.Load(), s.thirdParties.inventory.inForce()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen != seen || b.force != force || len(b.made) >= maxBelts {
		b.seen, b.force, b.made = seen, force, map[beltKey]belt{}
	}
	made, ok := b.made[key]
	if !ok {
		hosts := s.thirdParties.open(r.URL.Scheme, r.URL.Host, "").allowed(v.grant)
		made = belt{
			policy: "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:" + sources(hosts, v.https) + beltDirectives,
			guard:  guardAttributes(hosts, v.grant),
			hosts:  hosts,
		}
		b.made[key] = made
	}
	return made
}

// sources writes hosts as source expressions, each with its sub-domains, every
// port, and websockets, which a source without a scheme does not cover.
func sources(hosts []string, https bool) string {
	ws := "ws://"
	if https {
		ws = "wss://"
	}
	var b strings.Builder
	for _, h := range hosts {
		bare := strings.TrimPrefix(h, "=") // without sub-domains
		for _, scheme := range [...]string{"", ws} {
			b.WriteString(" " + scheme + bare + ":*")
			if bare == h {
				b.WriteString(" " + scheme + "*." + bare + ":*")
			}
		}
	}
	return b.String()
}

// allowed lists the hosts a page may contact before everything is granted: the
// site's own families, the owner's allow list, services that always pass and
// were seen on the site, and those granted. A leading "=" means only that host.
// It ends the hearing.
func (h *hearing) allowed(g consent.Grant) []string {
	defer h.close()
	h.grant(g)
	var hosts []string
	for _, f := range append([]family{h.family}, h.j.families...) {
		switch {
		case strings.HasPrefix(f.name, "[") || f.name == "": // CSP has no way to write IPv6; 'self' stands for it
		case h.j.holdsWithin(f):
			// A policy cannot leave one name out, so the others must be named.
			for _, name := range append([]string{h.name, f.name}, h.j.hosts...) {
				if f.has([]byte(name)) {
					hosts = append(hosts, "="+name)
				}
			}
		case f.alone:
			hosts = append(hosts, "="+f.name)
		default:
			hosts = append(hosts, f.name)
		}
	}
	for host, rules := range h.j.owner {
		if slices.ContainsFunc(rules, func(r rule) bool { return r.outcome == passes }) {
			hosts = append(hosts, host)
		}
	}
	hosts = append(hosts, h.j.inventory.chosenHosts()...)
	for p := range h.j.inventory.parties.Load().all() {
		switch {
		case p.service == nil:
			if h.grants(nil, []byte(p.host)) {
				hosts = append(hosts, p.host)
			}
		case p.service.class == classPass && p.outcome() == passes || h.grants(p.service, nil):
			for _, spec := range p.service.Hosts {
				hosts = append(hosts, hostOfRule(spec))
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
