package rewrite

// Strings and escapes of CSS (CSS Syntax 3, 4.3.5 and 4.3.7).

// cssString returns the index after the text of the string at i, and that after
// the string. A line feed ends it as well, as does the end of the sheet.
func cssString(s []byte, i int) (text, end int) {
	quote := s[i]
	for i++; i < len(s); i++ {
		switch s[i] {
		case quote:
			return i, i + 1
		case '\\':
			_, n := cssEscape(s[i:])
			i += n - 1
		case '\n', '\r', '\f':
			return i, i
		}
	}
	return len(s), len(s)
}

func lineEnd(b byte) bool { return b == '\n' || b == '\r' || b == '\f' }

// cssEscape returns what the escape at s[0] means and its length.
func cssEscape(s []byte) (r rune, n int) {
	n = 1
	for n < len(s) && n < 7 {
		d, ok := hexDigit(s[n])
		if !ok {
			break
		}
		r = r<<4 | d
		n++
	}
	switch {
	case n == 1 && len(s) == 1:
		return 0xFFFD, 1
	case n == 1 && s[1] == '\r' && len(s) > 2 && s[2] == '\n':
		return '\n', 3
	case n == 1:
		return rune(s[1]), 2
	case n+1 < len(s) && s[n] == '\r' && s[n+1] == '\n':
		n += 2
	case n < len(s) && class[s[n]]&blank != 0:
		n++
	}
	return r, n
}

// cssUnescape appends s with its escapes resolved.
func cssUnescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			i++
			continue
		}
		r, n := cssEscape(s[i:])
		switch {
		case n > 1 && lineEnd(s[i+1]): // the string goes on in the next line
		case n == 2 && r >= 0x80:
			dst = append(dst, byte(r)) // the first byte of a longer character
		default:
			dst = append(dst, string(r)...)
		}
		i += n
	}
	return dst
}

// appendCSSString appends u as it may stand in a double-quoted string, in a
// style element too.
func appendCSSString(dst, u []byte) []byte {
	const hex = "0123456789abcdef"
	for _, b := range u {
		if b < ' ' || b == '"' || b == '\\' || b == '<' || b == '>' || b == '\'' || b == '&' {
			dst = append(dst, '\\', hex[b>>4], hex[b&15], ' ')
			continue
		}
		dst = append(dst, b)
	}
	return dst
}
