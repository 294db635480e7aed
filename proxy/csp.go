package proxy

import (
	"net/http"
	"strings"
)

// policyHeaders are where a site's own content security policies stand.
var policyHeaders = [...]string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"}

// admitBanner makes room for the banner in the site's policies: its style and
// its form. It loosens nothing else. It reports whether forms are forbidden
// altogether, so that only a link can stand there.
func admitBanner(h http.Header, style string, soften bool) (linkOnly bool) {
	for _, name := range policyHeaders {
		lines := h[name]
		if len(lines) == 0 {
			continue
		}
		amended := make([]string, len(lines))
		for i, line := range lines {
			policies := strings.Split(line, ",")
			for j, p := range policies {
				linkOnly = linkOnly || (name == policyHeaders[0] && forbidsForms(p))
				if changed, ok := admitStyle(p, style); ok {
					policies[j] = changed
				}
			}
			amended[i] = strings.Join(policies, ",")
		}
		h[name] = amended
	}
	if soften && lastToken(h["Referrer-Policy"]) == "no-referrer" {
		// Over plain http, Origin is all that tells our own form from a foreign
		// one, and under no-referrer browsers send "Origin: null".
		h["Referrer-Policy"] = []string{"same-origin"}
	}
	return linkOnly
}

// lastToken is the last item of a comma-separated header, in lower case.
func lastToken(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	last := lines[len(lines)-1]
	return strings.ToLower(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]))
}

// A directive is one of a policy's, as written, with its parts.
type directive struct {
	name    string // lower case
	sources []string
}

// parsePolicy splits one policy (CSP3 section 2.2.1). Of equal names the first counts.
func parsePolicy(p string) []directive {
	var ds []directive
	seen := map[string]bool{}
	for part := range strings.SplitSeq(p, ";") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			continue
		}
		name := strings.ToLower(fields[0])
		if seen[name] {
			continue
		}
		seen[name] = true
		ds = append(ds, directive{name, fields[1:]})
	}
	return ds
}

func writePolicy(ds []directive) string {
	var b strings.Builder
	for i, d := range ds {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(d.name)
		for _, s := range d.sources {
			b.WriteByte(' ')
			b.WriteString(s)
		}
	}
	return b.String()
}

func find(ds []directive, name string) *directive {
	for i := range ds {
		if ds[i].name == name {
			return &ds[i]
		}
	}
	return nil
}

// admitStyle lets one inline style, by its hash, and a form to the own origin
// into policy. Browsers look at style-src-elem, else style-src, else default-src
// (CSP3 section 6.8.1). Several hashes have a blank between. A live
// 'unsafe-inline' stays untouched: a hash beside it would switch it off and
// break the site (CSP3 section 6.7.3.2).
func admitStyle(policy, hash string) (amended string, changed bool) {
	ds := parsePolicy(policy)
	if d := find(ds, "form-action"); d != nil && !has(d.sources, "'self'") && !has(d.sources, "*") {
		d.add("'self'")
		changed = true
	}
	d := find(ds, "style-src-elem")
	if d == nil {
		d = find(ds, "style-src")
	}
	inherited := d == nil
	if inherited {
		d = find(ds, "default-src")
	}
	if d == nil || allowsInline(d.sources) {
		hash = ""
	}
	for one := range strings.FieldsSeq(hash) {
		if has(d.sources, one) {
			continue
		}
		if inherited {
			ds = append(ds, directive{"style-src", append([]string(nil), d.sources...)})
			d, inherited = &ds[len(ds)-1], false
		}
		d.add(one)
		changed = true
	}
	if !changed {
		return policy, false
	}
	return writePolicy(ds), true
}

// add appends a source; 'none' means nothing only when alone.
func (d *directive) add(source string) {
	kept := d.sources[:0:0]
	for _, s := range d.sources {
		if !strings.EqualFold(s, "'none'") {
			kept = append(kept, s)
		}
	}
	d.sources = append(kept, source)
}

func has(sources []string, source string) bool {
	for _, s := range sources {
		if strings.EqualFold(s, source) {
			return true
		}
	}
	return false
}

// allowsInline reports a live 'unsafe-inline': none of hash or nonce beside it.
func allowsInline(sources []string) bool {
	inline := false
	for _, s := range sources {
		s = strings.ToLower(s)
		inline = inline || s == "'unsafe-inline'"
		for _, p := range [...]string{"'nonce-", "'sha256-", "'sha384-", "'sha512-"} {
			if strings.HasPrefix(s, p) {
				return false
			}
		}
	}
	return inline
}

// forbidsForms reports a sandbox that lets no form be sent.
func forbidsForms(policy string) bool {
	d := find(parsePolicy(policy), "sandbox")
	return d != nil && !has(d.sources, "allow-forms")
}
