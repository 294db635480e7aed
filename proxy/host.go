package proxy

import (
	"bytes"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// browserIDNA is domain to ASCII as browsers do it (WHATWG URL section 3.3).
var browserIDNA = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false),
	idna.CheckHyphens(false), idna.CheckJoiners(true), idna.BidiRule(), idna.VerifyDNSLength(false))

// appendHost appends raw as a browser's URL parser would write it (WHATWG URL
// section 3.5), but for a trailing dot, which is left out: DNS knows no
// difference. It reports false when no browser accepts it. It allocates only
// where raw is not plain ASCII.
func appendHost(dst, raw []byte) ([]byte, bool) {
	start := len(dst)
	if len(raw) > 0 && raw[0] == '[' {
		return appendIPv6(dst, raw)
	}
	for _, c := range raw {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '%' || c >= utf8.RuneSelf:
			return appendOddHost(dst[:start], raw)
		case forbiddenInHost(c):
			return dst, false
		}
		dst = append(dst, c)
	}
	return finishHost(dst, start)
}

// appendOddHost takes the percent-encoded and the not ASCII.
func appendOddHost(dst, raw []byte) ([]byte, bool) {
	start := len(dst)
	decoded := percentDecode(make([]byte, 0, len(raw)), raw)
	ascii, err := browserIDNA.ToASCII(string(bytes.ToValidUTF8(decoded, []byte("\uFFFD"))))
	if err != nil {
		return dst, false
	}
	for i := range len(ascii) {
		if c := ascii[i]; forbiddenInHost(c) || c == '%' {
			return dst, false
		}
	}
	for i := range len(ascii) {
		c := ascii[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return finishHost(dst, start)
}

// finishHost takes off the trailing dot and reads an IPv4 address in any of its
// odd spellings.
func finishHost(dst []byte, start int) ([]byte, bool) {
	host := dst[start:]
	if n := len(host); n > 0 && host[n-1] == '.' {
		host, dst = host[:n-1], dst[:len(dst)-1]
	}
	// One that still ends in a dot is found by no resolver, and would be an address
	// ("0..") to whoever reads it again.
	if len(host) == 0 || len(host) > 253 || host[len(host)-1] == '.' {
		return dst, false
	}
	last := host[bytes.LastIndexByte(host, '.')+1:]
	if _, numeric := ipv4Part(last); !numeric && !allDigits(last) {
		return dst, true
	}
	a, ok := parseIPv4(host)
	if !ok {
		return dst, false
	}
	return netip.AddrFrom4(a).AppendTo(dst[:start]), true
}

// parseIPv4 reads 1 to 4 decimal, octal or hexadecimal parts (WHATWG URL
// section 3.5, IPv4 parser).
func parseIPv4(host []byte) (a [4]byte, ok bool) {
	var parts [4]uint64
	n := 0
	for part := range bytes.SplitSeq(host, []byte(".")) {
		if n == len(parts) {
			return a, false
		}
		if parts[n], ok = ipv4Part(part); !ok {
			return a, false
		}
		n++
	}
	var v uint64
	for i := range n - 1 {
		if parts[i] > 255 {
			return a, false
		}
		v |= parts[i] << (8 * (3 - i))
	}
	if parts[n-1] >= 1<<(8*(5-n)) {
		return a, false
	}
	v |= parts[n-1]
	return [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, true
}

// ipv4Part reads one number; ok is false when it is none.
func ipv4Part(p []byte) (v uint64, ok bool) {
	base := uint64(10)
	switch {
	case len(p) == 0:
		return 0, false
	case len(p) > 1 && p[0] == '0' && p[1]|0x20 == 'x':
		p, base = p[2:], 16
	case len(p) > 1 && p[0] == '0':
		p, base = p[1:], 8
	}
	for _, c := range p {
		var d uint64
		switch {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			d = uint64(c|0x20-'a') + 10
		default:
			return 0, false
		}
		if d >= base {
			return 0, false
		}
		if v = v*base + d; v > 1<<40 {
			v = 1 << 40 // too large whatever follows
		}
	}
	return v, true
}

func allDigits(p []byte) bool {
	for _, c := range p {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(p) > 0
}

func appendIPv6(dst, raw []byte) ([]byte, bool) {
	if raw[len(raw)-1] != ']' {
		return dst, false
	}
	a, err := netip.ParseAddr(string(raw[1 : len(raw)-1]))
	if err != nil || !a.Is6() || a.Zone() != "" {
		return dst, false
	}
	dst = append(dst, '[')
	if a.Is4In6() { // browsers write it in hexadecimal
		b := a.As16()
		dst = append(dst, "::ffff:"...)
		dst = strconv.AppendUint(dst, uint64(b[12])<<8|uint64(b[13]), 16)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(b[14])<<8|uint64(b[15]), 16)
	} else {
		dst = a.AppendTo(dst)
	}
	return append(dst, ']'), true
}

// forbiddenInHost is the set of forbidden domain code points, but for %.
func forbiddenInHost(c byte) bool {
	switch c {
	case '#', '/', ':', '<', '>', '?', '@', '[', '\\', ']', '^', '|', 0x7F:
		return true
	}
	return c <= ' '
}

// percentDecode appends s with its percent-encoded bytes decoded.
func percentDecode(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				dst = append(dst, hi<<4|lo)
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// A family is a host with everything below its registrable domain.
type family struct {
	name  string
	alone bool // only the host itself: an address, or a public suffix
}

// familyOf is the family of a canonical host without port: what belongs to
// whoever registered its domain (publicsuffix.org).
func familyOf(host string) family {
	if host == "" || host[0] == '[' {
		return family{host, true}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return family{host, true}
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return family{host, true}
	}
	return family{d, false}
}

// has reports whether host, in canonical form, belongs to the family.
func (f family) has(host []byte) bool {
	n := len(host) - len(f.name)
	if n < 0 || f.name == "" || string(host[n:]) != f.name {
		return false
	}
	return n == 0 || (!f.alone && host[n-1] == '.')
}
