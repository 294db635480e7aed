package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// rename puts the visitor's name for the site where the upstream used its own:
// sites on somebody else's hosting answer as "charity.example-host.net".
func (u *upstream) rename(r *http.Request, h http.Header) {
	own := u.ownNames(r)
	if len(own) == 0 {
		return
	}
	for _, name := range [...]string{"Location", "Content-Location"} {
		if v := get(h, name); v != "" {
			h[name] = []string{renameURL(v, r.URL, own)}
		}
	}
	if v := get(h, "Refresh"); v != "" {
		if delay, to, ok := cutRefresh(v); ok {
			h["Refresh"] = []string{delay + "; url=" + renameURL(to, r.URL, own)}
		}
	}
	for i, line := range h["Link"] {
		h["Link"][i] = renameLink(line, r.URL, own)
	}
	for i, line := range h["Set-Cookie"] {
		h["Set-Cookie"][i] = renameDomain(line, own)
	}
}

// ownNames are the upstream's hosts that the visitor does not know, with port.
func (u *upstream) ownNames(r *http.Request) []string {
	var own []string
	add := func(name string) {
		if n := strings.ToLower(name); n != "" && n != r.URL.Host {
			own = append(own, n)
		}
	}
	add(u.name)
	for _, s := range u.servers {
		add(s.host)
	}
	return own
}

// renameURL gives an absolute URL on one of the upstream's hosts the visitor's
// scheme and host. Others are returned as they are.
func renameURL(raw string, visitor *url.URL, own []string) string {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Host == "" || (u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https") {
		return raw
	}
	host := strings.ToLower(u.Host)
	for _, n := range own {
		if host == n || (hostname(host) == hostname(n) && strings.IndexByte(n, ':') < 0) {
			u.Host = visitor.Host
			if u.Scheme != "" {
				u.Scheme = visitor.Scheme
			}
			return u.String()
		}
	}
	return raw
}

// cutRefresh splits "5; url=/next" (HTML section 4.2.5.3, shared by the header).
func cutRefresh(v string) (delay, to string, ok bool) {
	i := strings.IndexAny(v, ";,")
	if i < 0 {
		return "", "", false
	}
	delay, to = strings.TrimSpace(v[:i]), strings.TrimSpace(v[i+1:])
	if len(to) >= 3 && strings.EqualFold(to[:3], "url") {
		if rest := strings.TrimSpace(to[3:]); strings.HasPrefix(rest, "=") {
			to = strings.TrimSpace(rest[1:])
		}
	}
	return delay, strings.Trim(to, `'"`), to != ""
}

// renameLink renames the targets of a Link header (RFC 8288 section 3).
func renameLink(line string, visitor *url.URL, own []string) string {
	var b strings.Builder
	for {
		start := strings.IndexByte(line, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(line[start:], '>')
		if end < 0 {
			break
		}
		b.WriteString(line[:start+1])
		b.WriteString(renameURL(line[start+1:start+end], visitor, own))
		line = line[start+end:]
	}
	b.WriteString(line)
	return b.String()
}

// renameDomain drops a Set-Cookie's Domain that names the upstream: the cookie
// is then the visitor's host's own.
func renameDomain(line string, own []string) string {
	parts := strings.Split(line, ";")
	kept := parts[:1]
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "domain") && namesOwn(value, own) {
			continue
		}
		kept = append(kept, p)
	}
	return strings.Join(kept, ";")
}

func namesOwn(domain string, own []string) bool {
	d := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(domain), "."))
	for _, n := range own {
		if n = hostname(n); n == d || strings.HasSuffix(n, "."+d) {
			return true
		}
	}
	return false
}

// loops reports a redirect to the very URL that was asked for, which no visitor
// can get out of, and tells the operator once how to end it. A redirect that
// sets a cookie first is a cookie check and passes.
func (s *site) loops(r *http.Request, a *answer) bool {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return false
	}
	if s.upstream == nil || a.header["Set-Cookie"] != nil || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return false
	}
	to, err := r.URL.Parse(get(a.header, "Location"))
	if err != nil || to.String() != r.URL.String() {
		return false
	}
	if !s.upstream.looped.Swap(true) {
		s.g.log.Warn("upstream redirects a page to itself", "site", s.Name,
			"hint", "it wants another name or https: set upstream_host to the name it knows itself by, or use an https:// upstream")
	}
	return true
}
