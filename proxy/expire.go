package proxy

import (
	"net/http"
	"path"
	"strings"
)

// maxExpired bounds how many cookies one answer takes away.
const maxExpired = 60

// Expire lists what takes the cookies of third parties away from the visitor of
// r, for the answer to a no: every cookie the request shows that the site does
// not need, and those of services seen on the site, which may lie on paths this
// request does not see. Each is expired on the host and on its parent domains,
// because nobody can see for which of them it was set. It is the
// consent.Config.Expire of every site.
func (g *Gateway) Expire(r *http.Request) []*http.Cookie {
	s := g.sites().match(r.URL.Host)
	if s == nil {
		return nil
	}
	domains := parentDomains(hostname(r.URL.Host))
	secure := r.URL.Scheme == "https"
	var gone []*http.Cookie
	expire := func(name, path string) {
		for _, domain := range domains {
			if len(gone) < maxExpired && (domain == "" || !strings.HasPrefix(name, "__Host-")) {
				gone = append(gone, &http.Cookie{Name: name, Path: path, Domain: domain, MaxAge: -1, Secure: secure})
			}
		}
	}
	shown := map[string]bool{}
	for _, c := range r.Cookies() {
		if !shown[c.Name] && !ownCookie(c.Name) && (!s.essential.contain(c.Name) || s.trackerCookie(c.Name) != "") {
			shown[c.Name] = true
			expire(c.Name, "/")
		}
	}
	for _, name := range s.thirdParties.inventory.cookieNames() {
		for _, p := range parentPaths(r.PostFormValue("return_to")) {
			expire(name, p)
		}
	}
	return gone
}

// cookieNames are the names, without wildcards, that services seen on the site set.
func (in *inventory) cookieNames() []string {
	var names []string
	for p := range in.parties.Load().all() {
		if p.service == nil {
			continue
		}
		for _, c := range p.service.Cookies {
			if !strings.HasSuffix(c.Name, "*") {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// parentDomains are the Domain attributes a cookie seen at host can have: none,
// the host's own, and its parents' up to the registrable domain.
func parentDomains(host string) []string {
	domains := []string{""}
	f := familyOf(host)
	if f.alone {
		return domains
	}
	for d := host; f.has([]byte(d)); {
		domains = append(domains, d)
		_, rest, ok := strings.Cut(d, ".")
		if !ok {
			break
		}
		d = rest
	}
	return domains
}

// parentPaths are the folders a page lies in, but for the root: the paths its
// cookies have by default (RFC 6265 section 5.1.4) and those above.
func parentPaths(page string) []string {
	page, _, _ = strings.Cut(page, "?")
	if !strings.HasPrefix(page, "/") {
		return nil
	}
	var paths []string
	for p := path.Dir(page); p != "/" && len(paths) < 4; p = path.Dir(p) { // of "/blog/" it is "/blog"
		paths = append(paths, p)
	}
	return paths
}
