package analytics

import (
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// removed stands where a text looked like it named or numbered somebody.
const removed = "(removed)"

// other is the value under which rare or surplus values are counted together.
const other = "(other)"

// cleanText makes a text that a visitor or another site wrote fit to be kept:
// trimmed, valid UTF-8, without control characters, and without parts that may
// point to a person: e-mail-like words, more than 5 digits in a row, and tokens
// of more than 20 mixed letters and digits. Every text passes here before it is
// counted.
func cleanText(s string) string {
	if isPlain(s) && !personal(s) {
		return s // nearly all
	}
	if len(s) > 1024 {
		s = s[:1024]
	}
	s = strings.ToValidUTF8(s, "")
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	for i, w := range words {
		if personal(w) {
			words[i] = removed
		}
	}
	return strings.Join(words, " ")
}

// isPlain reports whether s is one word of visible ASCII.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) <= 1024
}

// cleanPath is cleanText for a path, part by part.
func cleanPath(path string) string {
	if !personal(path) {
		return path // nearly all
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if personal(p) {
			parts[i] = removed
		}
	}
	return strings.Join(parts, "/")
}

// personal reports whether a word or path may hold something that points to a
// person.
func personal(s string) bool {
	digits, token, mixed := 0, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '@', c == '%' && i+2 < len(s) && s[i+1] == '4' && s[i+2] == '0':
			return true
		case c >= '0' && c <= '9':
			digits++
			token++
			mixed |= 1
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			digits = 0
			token++
			mixed |= 2
		default:
			digits, token, mixed = 0, 0, 0
		}
		if digits > 5 || token > 20 && mixed == 3 {
			return true
		}
	}
	return false
}

// cutText shortens s to at most limit bytes at a character's boundary.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	if limit <= 0 {
		return ""
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// pageName is a page's name in the sums: its path, cleaned. One longer than
// maxPageBytes keeps its beginning and gets a checksum for its end, so that two
// long ones stay two.
func pageName(path string) string {
	path = cleanPath(path)
	if !utf8.ValidString(path) {
		path = strings.ToValidUTF8(path, "�")
	}
	if len(path) <= maxPageBytes {
		return path
	}
	h := fnv.New32a()
	h.Write([]byte(path))
	return cutText(path, maxPageBytes-9) + "~" + letters(h.Sum32())
}

// letters writes n in letters alone: digits could look like somebody's number.
func letters(n uint32) string {
	var b [8]byte
	for i := range b {
		b[i] = 'a' + byte(n>>(28-4*i)&15)
	}
	return string(b[:])
}
