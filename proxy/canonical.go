package proxy

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/lychgate/lychgate/consent"
)

// canonical brings r into the one form on which every decision is made: an
// absolute URL with the visitor's scheme and host, and one spelling of the
// path. It returns 0, or the status of a request that has no such form.
//
// There must be no second reading of a path behind this one: what the gateway
// takes for a page of the site, the site must not take for something else.
func canonical(r *http.Request, https bool) (status int) {
	switch r.Method {
	case http.MethodConnect, http.MethodTrace:
		return http.StatusMethodNotAllowed
	}
	u := r.URL
	if u.Opaque != "" || !strings.HasPrefix(u.Path, "/") { // "OPTIONS *", "GET foo"
		return http.StatusBadRequest
	}
	host, ok := canonicalHost(r.Host, https)
	if !ok {
		return http.StatusBadRequest
	}
	path, raw, ok := canonicalPath(u.Path, u.RawPath)
	if !ok {
		return http.StatusBadRequest
	}
	u.Scheme, u.Host, u.User = "http", host, nil
	if https {
		u.Scheme = "https"
	}
	if path != u.Path || raw != u.RawPath {
		u.Path, u.RawPath = path, raw
		r.RequestURI = u.RequestURI()
	}
	r.Host = host
	return 0
}

// canonicalHost lower-cases a Host header and takes off the root's dot and the
// scheme's own port. An empty Host (HTTP/1.0) stays empty.
func canonicalHost(h string, https bool) (string, bool) {
	name, port := h, ""
	if strings.HasPrefix(h, "[") {
		end := strings.IndexByte(h, ']')
		if end < 0 {
			return "", false
		}
		if a, err := netip.ParseAddr(h[1:end]); err != nil || !a.Is6() || a.Zone() != "" {
			return "", false
		}
		name, port = h[:end+1], h[end+1:]
		if port != "" && port[0] != ':' {
			return "", false
		}
		port = strings.TrimPrefix(port, ":")
	} else if i := strings.IndexByte(h, ':'); i >= 0 {
		name, port = h[:i], h[i+1:]
	}
	if len(port) > 5 || len(name) > 254 || (name == "" && port != "") {
		return "", false
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return "", false
		}
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" && h != "" {
		return "", false
	}
	if name != "" && name[0] != '[' && !isHostname(name) {
		return "", false
	}
	switch {
	case port == "", https && port == "443", !https && port == "80":
		return name, true
	}
	return name + ":" + port, true
}

// isHostname accepts lower-case letters, digits, hyphen, underscore and single dots.
func isHostname(s string) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '.' && last != '.':
		default:
			return false
		}
		last = c
	}
	return last != '.'
}

// canonicalPath takes a decoded path and its encoded form, which is empty when
// the usual encoding is meant (as in url.URL), and returns the same pair in its
// one spelling. It refuses what different servers read differently: control
// characters, backslashes, ".." above the root, and an encoded slash that would
// make another path if it were read as a slash.
//
// Empty segments in the middle are left, since some sites give them a meaning;
// at the start and beside dot segments they go.
func canonicalPath(path, raw string) (string, string, bool) {
	dots, slashes := false, false
	for i := range len(path) {
		switch c := path[i]; {
		case c < 0x20 || c == 0x7f || c == '\\':
			return "", "", false
		case c != '/' || i+1 == len(path):
		case path[i+1] == '.':
			dots = dots || isDots(segment(path[i+1:]))
		case path[i+1] == '/' && i == 0:
			slashes = true
		}
	}
	if raw != "" && encodedSlash(raw) && slashMatters(path) {
		return "", "", false
	}
	switch {
	case dots:
		return removeDots(path, raw)
	case slashes:
		trimmed := "/" + strings.TrimLeft(path, "/")
		if raw != "" {
			raw = "/" + strings.TrimLeft(raw, "/")
		}
		return trimmed, raw, true
	}
	return path, raw, true
}

func segment(s string) string {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i]
	}
	return s
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

func encodedSlash(raw string) bool {
	return strings.Contains(raw, "%2f") || strings.Contains(raw, "%2F")
}

// slashMatters reports whether reading an encoded slash as a slash leads to
// another place: dot or empty segments, or the reserved prefix, come out of it.
func slashMatters(path string) bool {
	for s := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if s == "" || isDots(s) {
			return true
		}
	}
	return reserved(path)
}

// removeDots resolves dot segments (RFC 3986 section 5.2.4), reading "%2e" as a
// dot as browsers do, and drops empty segments with them.
func removeDots(path, raw string) (string, string, bool) {
	if raw == "" {
		raw = (&url.URL{Path: path}).EscapedPath()
	}
	var kept []string
	segments := strings.Split(raw, "/")
	for i, s := range segments {
		switch d := strings.NewReplacer("%2e", ".", "%2E", ".").Replace(s); d {
		case "":
		case ".", "..":
			if d == ".." {
				if len(kept) == 0 {
					return "", "", false
				}
				kept = kept[:len(kept)-1]
			}
			if i == len(segments)-1 {
				segments[i] = "" // "/a/." is the folder "/a/"
			}
		default:
			kept = append(kept, s)
		}
	}
	raw = "/" + strings.Join(kept, "/")
	if len(kept) > 0 && segments[len(segments)-1] == "" {
		raw += "/"
	}
	path, err := url.PathUnescape(raw)
	if err != nil {
		return "", "", false
	}
	if (&url.URL{Path: path}).EscapedPath() == raw {
		raw = ""
	}
	return path, raw, true
}

// reservedName is the segment under which everything of lychgate's own lives.
var reservedName = strings.Trim(consent.Prefix, "/")

// reserved reports whether some server could read path as one under the
// reserved prefix: in other letter case, encoded once more, with path
// parameters or trailing dots, anywhere in the path. No such request reaches
// the site; only the exact prefix is answered as our own.
func reserved(path string) bool {
	for range 4 {
		if hasReservedSegment(path) {
			return true
		}
		if strings.IndexByte(path, '%') < 0 {
			return false
		}
		again, err := url.PathUnescape(path)
		if err != nil || again == path {
			return false
		}
		path = again
	}
	return false
}

func hasReservedSegment(path string) bool {
	for i := 0; i+len(reservedName) <= len(path); i++ {
		j := strings.IndexByte(path[i:], reservedName[0])
		if j < 0 {
			return false
		}
		i += j
		end := i + len(reservedName)
		if end > len(path) || !strings.EqualFold(path[i:end], reservedName) {
			continue
		}
		before := i == 0 || path[i-1] == '/' || path[i-1] == '\\'
		rest := strings.TrimLeft(path[end:], ". \t")
		after := rest == "" || strings.IndexByte(`/\;?#`, rest[0]) >= 0 || rest[0] < 0x20
		if before && after {
			return true
		}
	}
	return false
}
