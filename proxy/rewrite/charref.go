package rewrite

import (
	"bytes"
	"html"
	"unicode/utf8"
)

// decodeRefs appends s with its character references decoded by the rules for
// attributes (13.2.5.72 and after): one without ";" is none when "=" or a
// letter or digit follows.
func decodeRefs(dst, s []byte) []byte {
	for {
		k := bytes.IndexByte(s, '&')
		if k < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:k]...)
		s = s[k:]
		n := 0
		if len(s) > 1 && s[1] == '#' {
			dst, n = numericRef(dst, s)
		} else {
			dst, n = namedRef(dst, s)
		}
		if n == 0 {
			dst, n = append(dst, '&'), 1
		}
		s = s[n:]
	}
}

// numericRef appends what the reference at s[0] means, and returns its length, 0
// for none.
func numericRef(dst, s []byte) ([]byte, int) {
	i, base := 2, rune(10)
	if i < len(s) && lower(s[i]) == 'x' {
		i, base = 3, 16
	}
	start, r := i, rune(0)
	for ; i < len(s); i++ {
		d, ok := hexDigit(s[i])
		if !ok || d >= base {
			break
		}
		r = min(r*base+d, utf8.MaxRune+1)
	}
	if i == start {
		return dst, 0
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	switch {
	case r == 0 || r > utf8.MaxRune || 0xD800 <= r && r <= 0xDFFF:
		r = utf8.RuneError
	case 0x80 <= r && r <= 0x9F: // Windows-1252, as the standard wants
		return append(dst, html.UnescapeString(string(s[:i]))...), i
	}
	return utf8.AppendRune(dst, r), i
}

// namedRef is numericRef for names.
func namedRef(dst, s []byte) ([]byte, int) {
	i := 1
	for i < len(s) && (class[s[i]]&letter != 0 || '0' <= s[i] && s[i] <= '9') {
		i++
	}
	if i == 1 || i > 40 {
		return dst, 0
	}
	name, closed := s[1:i], i < len(s) && s[i] == ';'
	if !closed && i < len(s) && s[i] == '=' {
		return dst, 0
	}
	n := i
	if closed {
		n++
	}
	switch string(name) {
	case "amp", "AMP":
		return append(dst, '&'), n
	case "lt", "LT":
		return append(dst, '<'), n
	case "gt", "GT":
		return append(dst, '>'), n
	case "quot", "QUOT":
		return append(dst, '"'), n
	case "apos":
		if closed {
			return append(dst, '\''), n
		}
	}
	// The standard library's table takes the longest name that begins the text,
	// which must be all of it here. Without the semicolon it is a name only if it
	// means what it means with it.
	with := html.UnescapeString("&" + string(name) + ";")
	if with[len(with)-1] == ';' && with != ";" {
		return dst, 0
	}
	if !closed && html.UnescapeString("&"+string(name)) != with {
		return dst, 0
	}
	return append(dst, with...), n
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case 'a' <= lower(c) && lower(c) <= 'f':
		return rune(lower(c)-'a') + 10, true
	}
	return 0, false
}

// appendEscaped appends v as the value of an attribute in double quotes. It
// never forms a tag, whoever reads it.
func appendEscaped(dst, v []byte) []byte {
	for _, c := range v {
		switch c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// cleanURL returns u as a URL parser starts on it: without tabs and newlines,
// and without blanks and control characters around (URL 4.4). It changes u.
func cleanURL(u []byte) []byte {
	for len(u) > 0 && u[0] <= ' ' {
		u = u[1:]
	}
	for len(u) > 0 && u[len(u)-1] <= ' ' {
		u = u[:len(u)-1]
	}
	if bytes.IndexByte(u, '\t') < 0 && bytes.IndexByte(u, '\n') < 0 && bytes.IndexByte(u, '\r') < 0 {
		return u
	}
	w := 0
	for _, c := range u {
		if c != '\t' && c != '\n' && c != '\r' {
			u[w] = c
			w++
		}
	}
	return u[:w]
}
