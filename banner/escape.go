package banner

import (
	"strconv"
	"unicode/utf8"
)

// appendText appends s as text or attribute value in pure ASCII: markup
// characters as named references, all others as numeric ones, so that the bytes
// mean the same in every ASCII-compatible encoding and in XML. Characters that
// XML cannot hold become U+FFFD.
func appendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		dst = appendReference(dst, r)
		i += size
	}
	return dst
}

func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '&':
		return append(dst, "&amp;"...)
	case '<':
		return append(dst, "&lt;"...)
	case '>':
		return append(dst, "&gt;"...)
	case '"':
		return append(dst, "&quot;"...)
	case '\'':
		return append(dst, "&#39;"...)
	}
	if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
		return appendReference(dst, utf8.RuneError)
	}
	return append(dst, c)
}

func appendReference(dst []byte, r rune) []byte {
	if r == 0xfffe || r == 0xffff { // XML 1.0 section 2.2
		r = utf8.RuneError
	}
	dst = append(dst, "&#"...)
	dst = strconv.AppendInt(dst, int64(r), 10)
	return append(dst, ';')
}
