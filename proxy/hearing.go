package proxy

import (
	"bytes"
	"strings"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/relay"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A hearing is a judge at work on one page for one visitor. It is a
// [rewrite.Judge]. Hearings are lent by [judge.open] and given back by close.
type hearing struct {
	j *judge
	// scheme, host (with port), name (without) and path are the page's own.
	scheme, host, name, path string
	family                   family
	// renamed are names of the site's server that visitors should not meet.
	renamed []string
	granted uint8 // bits of catalogPurposes
	force   *force

	// banner writes placeholders; nil leaves held frames empty. lang is the
	// page's own, accept and origin are as in [banner.Embed].
	banner *banner.Banner
	lang   []byte
	accept string

	// report is filled when a crawl asks; nil otherwise.
	report *ScanPage

	// held is true once something was held that a script could still ask for.
	held bool
	// captcha names the held check that a form of the page needs, if any.
	captcha string

	t, b    target // of the reference and of its base
	baseRef []byte
	based   bool
	parties []*party // seen on this page
	url     []byte
	there   []byte // a whole URL of the site
	key     []byte // of a relayed file
	doc     []byte
	depth   int // of style sheets around
}

// open starts a hearing. name is host without its port.
func (j *judge) open(scheme, host, path string) *hearing {
	h, ok := j.hearings.Get().(*hearing)
	if !ok {
		h = new(hearing)
	}
	h.j, h.scheme, h.host, h.name, h.path = j, scheme, host, hostname(host), path
	h.family = j.familyOf(h.name)
	h.force = j.inventory.inForce()
	return h
}

// A knownFamily is the family of the host that was asked for last.
type knownFamily struct {
	host   string
	family family
}

// familyOf is the family of the visitor's host. Nearly always that is the same
// host, and finding its family out costs memory.
func (j *judge) familyOf(host string) family {
	if known := j.known.Load(); known != nil && known.host == host {
		return known.family
	}
	f := familyOf(host)
	j.known.Store(&knownFamily{strings.Clone(host), f})
	return f
}

// close ends the page: the inventory learns what was on it.
func (h *hearing) close() {
	h.j.inventory.page(h.parties, h.path)
	clear(h.parties)
	j := h.j
	*h = hearing{parties: h.parties[:0], url: h.url[:0], there: h.there[:0], key: h.key[:0], doc: h.doc[:0], baseRef: h.baseRef[:0], lang: h.lang[:0]}
	j.hearings.Put(h)
}

// grant lets pass what the visitor agreed to.
func (h *hearing) grant(g consent.Grant) {
	for i, id := range catalogPurposes {
		if g.Allows(id) {
			h.granted |= 1 << i
		}
	}
}

// speak tells the page's own language, for the placeholders behind.
func (h *hearing) speak(lang []byte) { h.lang = append(h.lang[:0], lang...) }

// URL says what becomes of one reference.
func (h *hearing) URL(r *rewrite.Ref) rewrite.Verdict {
	base := h.base(r.Base)
	scheme := h.scheme
	if base != nil && base.scheme != "" {
		scheme = base.scheme
	}
	t := &h.t
	t.parse(r.URL, scheme)
	switch t.kind {
	case relativeTarget:
		if base == nil || base.kind == relativeTarget {
			return h.own(r, base)
		}
		h.resolve(r)
	case inertTarget:
		return rewrite.Verdict{}
	}
	if t.kind != hostTarget {
		// No URL, or data: or javascript: in a header, which needs neither. What
		// those of a page hold the rewriter judges itself.
		return rewrite.Verdict{Action: rewrite.Hold}
	}
	if t.scheme == "" {
		t.scheme = scheme
		if _, ok := relay.KindOf(r.Dest); ok {
			t.scheme = "https" // what the gateway may fetch either way it fetches the safe way
		}
	}
	return h.elsewhere(r)
}

// elsewhere judges a reference that names a host.
func (h *hearing) elsewhere(r *rewrite.Ref) rewrite.Verdict {
	t := &h.t
	beacon := r.Pixel || r.Noscript && r.Dest == rewrite.Image || r.Dest == rewrite.Beacon
	if rule := h.j.inventory.decided(t.host, t.path); rule != nil {
		o := rule.outcome
		if o == relays && !relayable(r.Dest) {
			o = holds // these cannot be relayed
		}
		known := h.j.catalogue.find(t.host, t.path)
		if known != nil {
			return h.rule(r, known.service, o)
		}
		return h.rule(r, nil, o)
	}
	if h.isOwn(t.host) {
		return h.own(r, nil)
	}
	for _, name := range h.renamed {
		if t.names(name) {
			return rewrite.Verdict{Action: rewrite.Replace, URL: h.here(r, h.ownPath(t.full))}
		}
	}
	if known := h.j.catalogue.find(t.host, t.path); known != nil {
		return h.rule(r, known.service, known.service.class.outcome(r.Dest, beacon))
	}
	return h.rule(r, nil, classUnknown.outcome(r.Dest, beacon))
}

// isOwn reports whether a host belongs to the site.
func (h *hearing) isOwn(host []byte) bool {
	if h.family.has(host) {
		return true
	}
	for _, f := range h.j.families {
		if f.has(host) {
			return true
		}
	}
	return false
}

// rule records what a reference's outcome is and carries it out, unless the
// visitor agreed to its purpose.
func (h *hearing) rule(r *rewrite.Ref, s *service, o outcome) rewrite.Verdict {
	// A sheet that is relayed for every site has no site to name.
	if o == relays && !r.Fixed && (!r.Rootless || h.depth == 0) {
		if url := h.relayed(r); url != nil {
			h.see(h.j.inventory.party(h.t.host, s), r.Dest, relays)
			if h.j.observe || h.grants(s, h.t.host) {
				return rewrite.Verdict{}
			}
			return rewrite.Verdict{Action: rewrite.Replace, URL: h.here(r, url)}
		}
	}
	if o == relays {
		o = holds // a beacon in the shape of a picture, or no way to relay it
	}
	if r.Dest == rewrite.Base && o == holds {
		o = passes
	}
	p := h.j.inventory.party(h.t.host, s)
	if o == holds && r.Dest == rewrite.Hint && s != nil && (s.class == classFonts || s.class == classCDN) {
		// A hint to somebody whose files are relayed: nothing is lost, nothing to ask.
		h.see(p, r.Dest, relays)
	} else {
		h.see(p, r.Dest, o)
	}
	if o == passes || h.j.observe || h.grants(s, h.t.host) {
		return rewrite.Verdict{}
	}
	h.held = true
	if s != nil && s.class == classCaptcha && r.Dest == rewrite.Script {
		h.captcha = s.Name
	}
	return rewrite.Verdict{Action: rewrite.Hold, Document: h.placeholder(r, s)}
}

// grants reports whether the visitor agreed to a service, or to an unknown
// host, as part of a list that named it.
func (h *hearing) grants(s *service, host []byte) bool {
	if h.granted&purposeBit(purposeOf(s)) == 0 {
		return false
	}
	if s != nil {
		return h.force.services[s.index]
	}
	return h.force.hosts[string(host)]
}

// own judges what stays on the site: its owner's rules, and trackers that the
// site serves itself. base is the base element's path on the site, if any.
func (h *hearing) own(r *rewrite.Ref, base *target) rewrite.Verdict {
	t := &h.t
	if r.Dest == rewrite.Base {
		return rewrite.Verdict{}
	}
	if len(h.j.ownPaths) > 0 {
		path := h.t.path
		if len(path) == 0 || path[0] != '/' {
			path = h.joined(base)
		}
		for _, own := range h.j.ownPaths {
			if hasPathPrefix(path, own) {
				return h.ownHeld(nil)
			}
		}
	}
	switch r.Dest {
	case rewrite.Script, rewrite.Image, rewrite.Worker, rewrite.Beacon, rewrite.Hint:
		if s := h.j.ownFiles[string(t.path[bytes.LastIndexByte(t.path, '/')+1:])]; s != nil {
			return h.ownHeld(s)
		}
	}
	return rewrite.Verdict{}
}

// ownHeld holds something of the site itself.
func (h *hearing) ownHeld(s *service) rewrite.Verdict {
	return rewrite.Verdict{Action: h.hold(s)}
}

// hold holds code of the site that is a service's, or the owner's choice.
func (h *hearing) hold(s *service) rewrite.Action {
	var p *party
	granted := false
	if s != nil {
		p = h.j.inventory.inline(s)
		granted = h.grants(s, nil)
	} else {
		p = h.j.inventory.ownCode()
		granted = h.granted&purposeBit(consent.Other) != 0 && h.force.hosts[ownCodeHost]
	}
	h.see(p, rewrite.Script, holds)
	if h.j.observe || granted {
		return rewrite.Pass
	}
	h.held = true
	return rewrite.Hold
}

// Script says what becomes of an inline script.
func (h *hearing) Script(text []byte) rewrite.Action {
	action := rewrite.Pass
	h.j.literals.find(text, func(s *service) bool {
		action = h.hold(s)
		return action == rewrite.Pass
	})
	for _, l := range h.j.ownerLiterals {
		if action == rewrite.Pass && bytes.Contains(text, l) {
			action = h.hold(nil)
		}
	}
	return action
}

// Meta leaves the page's policies alone.
func (h *hearing) Meta(_, _ []byte) []byte { return nil }

// see notes that a party is on this page.
func (h *hearing) see(p *party, d rewrite.Dest, o outcome) {
	if p == nil {
		return
	}
	p.saw(d, o)
	if h.report != nil {
		h.report.add(p, d, o)
	}
	for _, q := range h.parties {
		if q == p {
			return
		}
	}
	h.parties = append(h.parties, p)
}
