package proxy

import "bytes"

// A target is where a reference leads, as the browser's URL parser reads it
// (WHATWG URL section 4.4), as far as a judge needs it. Its slices point into
// the reference, but for host.
type target struct {
	kind targetKind
	// scheme is http, https, ws, wss or ftp; empty when the base's holds.
	scheme string
	// host is in lower case and ASCII, without a trailing dot; IPv6 in brackets.
	host []byte
	port []byte
	// path goes from its first slash to ? or #, and full up to # only. Where
	// the kind is relative, both are the reference as written.
	path, full []byte

	buf [256]byte // host's memory
}

// A targetKind says what a reference is.
type targetKind uint8

// The kinds.
const (
	relativeTarget targetKind = iota // within the base's origin
	hostTarget                       // names a host
	dataTarget                       // data:, path is what comes after the colon
	scriptTarget                     // javascript:, path is what comes after the colon
	inertTarget                      // nothing a page would fetch: about:, blob:, mailto: ...
	brokenTarget                     // a browser makes no URL of it
)

// parse reads ref against a base whose scheme is given. ref has neither blanks
// around it nor tabs or newlines inside.
func (t *target) parse(ref []byte, baseScheme string) {
	t.kind, t.scheme, t.host, t.port, t.path, t.full = relativeTarget, "", nil, nil, nil, nil
	name, rest := cutScheme(ref)
	if name == nil {
		t.relative(ref)
		return
	}
	switch t.scheme = specialScheme(name); {
	case t.scheme == "":
		t.path = rest
		switch {
		case equalFold(name, "data"):
			t.kind = dataTarget
		case equalFold(name, "javascript"):
			t.kind = scriptTarget
		default:
			t.kind = inertTarget
		}
	case t.scheme == baseScheme && slashes(rest) < 2:
		// "https:path" and "https:/path" on an https page stay on the page's
		// host; on any other page they name a host.
		t.scheme = ""
		t.relative(rest)
	default:
		t.authority(rest[slashes(rest):])
	}
}

// relative reads a reference without a scheme.
func (t *target) relative(ref []byte) {
	if n := slashes(ref); n >= 2 {
		t.authority(ref[n:])
		return
	}
	t.path, t.full = cutPath(ref)
}

// authority reads what follows the slashes.
func (t *target) authority(s []byte) {
	t.kind = hostTarget
	end := 0
	for end < len(s) && s[end] != '/' && s[end] != '\\' && s[end] != '?' && s[end] != '#' {
		end++
	}
	host := s[:end]
	t.path, t.full = cutPath(s[end:])
	if at := bytes.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	if colon := bytes.LastIndexByte(host, ':'); colon >= 0 && bytes.IndexByte(host[colon:], ']') < 0 {
		host, t.port = host[:colon], host[colon+1:]
		if !t.cleanPort() {
			t.kind = brokenTarget
			return
		}
	}
	var ok bool
	if t.host, ok = appendHost(t.buf[:0], host); !ok {
		t.kind = brokenTarget
	}
}

// names reports whether the target is on hostport, which is canonical.
func (t *target) names(hostport string) bool {
	n := len(t.host)
	if len(hostport) < n || hostport[:n] != string(t.host) {
		return false
	}
	if len(t.port) == 0 {
		return len(hostport) == n
	}
	return len(hostport) == n+1+len(t.port) && hostport[n] == ':' && hostport[n+1:] == string(t.port)
}

// cleanPort drops leading zeros and the scheme's own port.
func (t *target) cleanPort() bool {
	for _, c := range t.port {
		if c < '0' || c > '9' {
			return false
		}
	}
	for len(t.port) > 1 && t.port[0] == '0' {
		t.port = t.port[1:]
	}
	if len(t.port) > 5 {
		return false
	}
	switch string(t.port) {
	case "80":
		if t.scheme == "http" || t.scheme == "ws" {
			t.port = nil
		}
	case "443":
		if t.scheme == "https" || t.scheme == "wss" {
			t.port = nil
		}
	}
	return true
}

// cutScheme splits "scheme:" off; name is nil when there is none.
func cutScheme(ref []byte) (name, rest []byte) {
	for i, c := range ref {
		switch {
		case c == ':' && i > 0:
			return ref[:i], ref[i+1:]
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return nil, ref
		}
	}
	return nil, ref
}

// specialScheme is the scheme as a constant when it is one that names hosts.
func specialScheme(name []byte) string {
	for _, s := range [...]string{"https", "http", "wss", "ws", "ftp"} {
		if equalFold(name, s) {
			return s
		}
	}
	return ""
}

// equalFold compares with lower-case ASCII.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// slashes counts the slashes at the start; browsers take \ for /.
func slashes(s []byte) int {
	n := 0
	for n < len(s) && (s[n] == '/' || s[n] == '\\') {
		n++
	}
	return n
}

// cutPath returns the path without query, and both without fragment.
func cutPath(s []byte) (path, full []byte) {
	if i := bytes.IndexByte(s, '#'); i >= 0 {
		s = s[:i]
	}
	if i := bytes.IndexByte(s, '?'); i >= 0 {
		return s[:i], s
	}
	return s, s
}
