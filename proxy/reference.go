package proxy

import (
	"bytes"
	"net/url"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// base reads the page's base element; nil when it has none that counts.
func (h *hearing) base(ref []byte) *target {
	if len(ref) == 0 {
		return nil
	}
	if !h.based || !bytes.Equal(ref, h.baseRef) {
		h.baseRef, h.based = append(h.baseRef[:0], ref...), true
		h.b.parse(h.baseRef, h.scheme)
		if h.b.kind == hostTarget && h.b.scheme == "" {
			h.b.scheme = h.scheme
		}
	}
	switch h.b.kind {
	case relativeTarget, hostTarget:
		return &h.b
	}
	// HTML section 2.4.3: a base that is data: or javascript: does not count;
	// one that is no URL neither.
	return nil
}

// resolve makes a relative reference whole on a base of another host. It is
// the rare case and may allocate.
func (h *hearing) resolve(r *rewrite.Ref) {
	base := url.URL{Scheme: h.b.scheme, Host: hostPort(&h.b), Path: "/"}
	if len(h.b.path) > 0 {
		base.Path, base.RawPath = "", ""
		if u, err := base.Parse(string(bytes.ReplaceAll(h.b.path, []byte(`\`), []byte("/")))); err == nil {
			base = *u
		}
	}
	ref := bytes.ReplaceAll(r.URL, []byte(`\`), []byte("/"))
	if name, rest := cutScheme(ref); name != nil {
		ref = rest
	}
	u, err := base.Parse(string(ref))
	if err != nil {
		h.t.kind = brokenTarget
		return
	}
	h.t.parse([]byte(u.String()), "")
}

// hostPort is a target's host with its port, if it has one.
func hostPort(t *target) string {
	if len(t.port) == 0 {
		return string(t.host)
	}
	return string(t.host) + ":" + string(t.port)
}

// joined is a relative path, put on the page's or its base's.
func (h *hearing) joined(base *target) []byte {
	at := url.URL{Path: h.path}
	if base != nil {
		if u, err := at.Parse(string(base.path)); err == nil {
			at = *u
		}
	}
	u, err := at.Parse(string(h.t.path))
	if err != nil {
		return h.t.path
	}
	return []byte(u.Path)
}

// ownPath makes of what stands behind a host a reference to the site itself.
func (h *hearing) ownPath(full []byte) []byte {
	h.url = h.url[:0]
	switch {
	case slashes(full) > 1:
		h.url = append(h.url, "/."...) // "//a" would name a host
	case slashes(full) == 0:
		h.url = append(h.url, '/')
	}
	h.url = append(h.url, full...)
	return h.url
}

// here is a path of the site as it may stand in the place of r: whole where the
// document's base would lead it elsewhere, or there is none. A relayed sheet's
// base is where it was fetched, not where it is served.
func (h *hearing) here(r *rewrite.Ref, path []byte) []byte {
	if h.depth > 0 || !r.Rootless && len(r.Base) == 0 {
		return path
	}
	h.there = append(append(append(append(h.there[:0], h.scheme...), "://"...), h.host...), path...)
	return h.there
}

// absolute is the target as a whole URL, in memory lent by the hearing.
func (h *hearing) absolute() []byte {
	t := &h.t
	u := append(append(h.url[:0], t.scheme...), "://"...)
	u = append(u, t.host...)
	if len(t.port) > 0 {
		u = append(append(u, ':'), t.port...)
	}
	if len(t.path) == 0 {
		u = append(u, '/')
	}
	for _, c := range t.path {
		if c == '\\' {
			c = '/' // as browsers take it
		}
		u = append(u, c)
	}
	h.url = append(u, t.full[len(t.path):]...)
	return h.url
}
