package proxy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/banner"
)

// What lychgate puts into a page must get past the site's own policies: the
// guard's script, and what the placeholder of a held frame needs. For each, and
// for nothing else, room is made, by exact address, hash or the page's own nonce.

// admitPlaceholders lets the placeholders' style in, and the frames in which a
// held embed is shown after a press.
func admitPlaceholders(policy, origin string) (amended string, changed bool) {
	policy, changed = admitStyle(policy, banner.EmbedStyleHash())
	ds := parsePolicy(policy)
	d, inherited := governing(ds, "frame-src", "child-src")
	if d == nil || allowsOwn(d.sources, origin, embedPath) {
		return policy, changed
	}
	if inherited {
		ds = append(ds, directive{"frame-src", slices.Clone(d.sources)})
		d = &ds[len(ds)-1]
	}
	d.add(origin + embedPath)
	return writePolicy(ds), true
}

// governing is the directive that counts for what is named: the first of names
// that is there, else default-src, from which it is then inherited.
func governing(ds []directive, names ...string) (d *directive, inherited bool) {
	for _, name := range names {
		if d := find(ds, name); d != nil {
			return d, false
		}
	}
	return find(ds, "default-src"), true
}

// allowsOwn reports whether sources let a path of the site through (CSP3 section
// 6.7.2.5). It knows the ways sites write that; where it does not, a source more
// does no harm.
func allowsOwn(sources []string, origin, path string) bool {
	scheme, _, _ := strings.Cut(origin, "//")
	for _, s := range sources {
		switch strings.ToLower(s) {
		case "'self'", "*", scheme, origin, origin + "/", origin + path:
			return true
		}
	}
	return false
}

// A scriptPass is what our script elements carry so that the site's policies let
// them run.
type scriptPass struct {
	nonce     string // of the page's own
	integrity bool   // their hashes are in a policy, and must be on the elements
}

// element writes the script element of an asset, with attributes behind.
func (p scriptPass) element(dst []byte, a *assets, path, attributes string) []byte {
	dst = append(append(append(dst, `<script src="`...), path...), '"')
	if p.nonce != "" {
		dst = append(append(append(dst, ` nonce="`...), p.nonce...), '"')
	}
	if p.integrity {
		dst = append(append(append(dst, ` integrity="`...), a.files[path].integrity...), '"')
	}
	return append(append(dst, attributes...), `></script>`...)
}

// admitScripts lets scripts of ours through one policy. Where no script runs at
// all they are not needed either. pass gathers what all policies want.
func admitScripts(policy, origin string, a *assets, paths []string, pass *scriptPass) (amended string, changed bool) {
	ds := parsePolicy(policy)
	d, inherited := governing(ds, "script-src-elem", "script-src")
	if d == nil || len(d.sources) == 0 || len(d.sources) == 1 && strings.EqualFold(d.sources[0], "'none'") {
		return policy, false
	}
	// 'strict-dynamic' looks at nonces and hashes only (CSP3 section 6.7.1.1).
	strict := has(d.sources, "'strict-dynamic'")
	if !strict && allowsOwn(d.sources, origin, paths[0]) {
		return policy, false
	}
	if nonce := nonceOf(d.sources); nonce != "" && (pass.nonce == "" || pass.nonce == nonce) {
		pass.nonce = nonce
		return policy, false
	}
	if inherited {
		ds = append(ds, directive{"script-src", slices.Clone(d.sources)})
		d = &ds[len(ds)-1]
	}
	for _, path := range paths {
		if strict {
			d.add("'" + a.files[path].integrity + "'")
		} else {
			d.add(origin + path)
		}
	}
	pass.integrity = pass.integrity || strict
	return writePolicy(ds), true
}

// nonceOf is the nonce among sources, when it can stand in an attribute as it is.
func nonceOf(sources []string) string {
	for _, s := range sources {
		if len(s) > len("'nonce-'") && strings.EqualFold(s[:len("'nonce-")], "'nonce-") && s[len(s)-1] == '\'' {
			if nonce := s[len("'nonce-") : len(s)-1]; !strings.ContainsAny(nonce, `"&<>`) {
				return nonce
			}
		}
	}
	return ""
}

// admitHeld makes room in the header's policies for what goes into a page on
// which something is held.
func (s *site) admitHeld(h http.Header, origin string) scriptPass {
	var pass scriptPass
	paths := []string{s.g.assets.guard, s.g.assets.captcha}
	for _, name := range policyHeaders {
		for i, line := range h[name] {
			policies := strings.Split(line, ",")
			for k, p := range policies {
				p, _ = admitPlaceholders(p, origin)
				policies[k], _ = admitScripts(p, origin, &s.g.assets, paths, &pass)
			}
			h[name][i] = strings.Join(policies, ",")
		}
	}
	return pass
}
