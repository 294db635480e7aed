package rewrite

import "bytes"

// The functions in this file know where the tokens of HTML end. Each takes the
// bytes src[:n] and a start, and returns an end, or -1 when the token goes on
// beyond n. Section numbers are those of the WHATWG HTML standard.

// Classes of bytes inside a tag.
const (
	blank    uint8 = 1 << iota // tab, line feed, form feed, carriage return, blank
	solidus                    // "/"
	nameEnd                    // what ends an attribute's name: blanks, "/", ">", "="
	valueEnd                   // what ends an unquoted value: blanks, ">"
	letter                     // ASCII letter
)

var class = func() (c [256]uint8) {
	for _, b := range []byte("\t\n\f\r ") {
		c[b] = blank | nameEnd | valueEnd
	}
	c['/'] = solidus | nameEnd
	c['>'] = nameEnd | valueEnd
	c['='] = nameEnd
	for b := 'a'; b <= 'z'; b++ {
		c[b], c[b-'a'+'A'] = letter, letter
	}
	return c
}()

// tagName returns the end of the tag name that starts at i (13.2.5.8). An "="
// belongs to it.
func tagName(src []byte, i, n int) int {
	for i < n && (class[src[i]]&nameEnd == 0 || src[i] == '=') {
		i++
	}
	return i
}

// An attr is one attribute as it stands in the page, as offsets into it.
type attr struct {
	id            attrID
	edit          edit
	name, nameEnd int
	val, valEnd   int // without quotes; val is 0 when there is no value
	end           int
	from, to      int // the new value in page.tmp, when edit is replaced
}

// scanAttrs reads attributes from i to the end of the tag (13.2.5.32 to .40) and
// appends those that w wants to attrs, duplicates too. It returns the index
// after ">", or -1, and whether the tag closes itself.
func scanAttrs(attrs []attr, src []byte, i, n int, w *names[attrID]) ([]attr, int, bool) {
	for {
		slash := false
		for i < n && class[src[i]]&(blank|solidus) != 0 {
			slash = src[i] == '/'
			i++
		}
		if i >= n {
			return attrs, -1, false
		}
		if src[i] == '>' {
			return attrs, i + 1, slash
		}
		name := i
		i++ // a leading "=" is part of the name
		for i < n && class[src[i]]&nameEnd == 0 {
			i++
		}
		end := i
		for i < n && class[src[i]]&blank != 0 {
			i++
		}
		if i >= n {
			return attrs, -1, false
		}
		val, valEnd := 0, 0
		if src[i] == '=' {
			i++
			for i < n && class[src[i]]&blank != 0 {
				i++
			}
			if i >= n {
				return attrs, -1, false
			}
			switch c := src[i]; c {
			case '"', '\'':
				k := bytes.IndexByte(src[i+1:n], c)
				if k < 0 {
					return attrs, -1, false
				}
				val, valEnd = i+1, i+1+k
				i = valEnd + 1
			case '>':
				val, valEnd = i, i
			default:
				val = i
				for i < n && class[src[i]]&valueEnd == 0 {
					i++
				}
				if i >= n {
					return attrs, -1, false
				}
				valEnd = i
			}
		} else {
			i = end
		}
		if l := end - name; l < 32 && w.first[src[name]&31][l] != 0 || w.every {
			if id := w.find(src[name:end]); id != attrNone || w.every {
				attrs = append(attrs, attr{id: id, name: name, nameEnd: end, val: val, valEnd: valEnd, end: i})
			}
		}
	}
}

// commentEnd returns the index after the comment whose text starts at i, after
// "<!--" (13.2.5.43 to .51).
func commentEnd(src []byte, i, n int) int {
	if i < n && src[i] == '>' {
		return i + 1
	}
	if i+1 < n && src[i] == '-' && src[i+1] == '>' {
		return i + 2
	}
	return commentRest(src, i, n)
}

// commentRest is commentEnd for the middle of a comment.
func commentRest(src []byte, i, n int) int {
	for {
		k := bytes.Index(src[min(i, n):n], []byte("--"))
		if k < 0 {
			return -1
		}
		i += k + 2
		switch {
		case i < n && src[i] == '>':
			return i + 1
		case i+1 < n && src[i] == '!' && src[i+1] == '>':
			return i + 2
		}
		i-- // "--->" ends as well
	}
}

// A tagState is where inside a tag the input stopped.
type tagState uint8

const (
	beforeName tagState = iota
	inName
	afterName
	beforeValue
	doubleQuoted
	singleQuoted
	unquoted
)

// end is scanAttrs byte by byte, for tags of any length: it returns the index
// after the ">" that ends the tag, or -1.
func (s *tagState) end(src []byte, i, n int) int {
	for ; i < n; i++ {
		c := src[i]
		switch *s {
		case doubleQuoted, singleQuoted:
			if c == '"' && *s == doubleQuoted || c == '\'' && *s == singleQuoted {
				*s = beforeName
			}
			continue
		case beforeValue:
			switch {
			case class[c]&blank != 0:
				continue
			case c == '"':
				*s = doubleQuoted
				continue
			case c == '\'':
				*s = singleQuoted
				continue
			}
			*s = unquoted
		}
		switch {
		case c == '>':
			return i + 1
		case *s == unquoted:
			if class[c]&blank != 0 {
				*s = beforeName
			}
		case c == '/':
			*s = beforeName
		case c == '=' && *s != beforeName:
			*s = beforeValue
		case class[c]&blank == 0:
			*s = inName
		case *s == inName:
			*s = afterName
		}
	}
	return -1
}

// after returns the index after the next t, or -1.
func after(src []byte, i, n int, t string) int {
	if k := bytes.Index(src[min(i, n):n], []byte(t)); k >= 0 {
		return i + k + len(t)
	}
	return -1
}

// An answer to a question about bytes that may not be there yet.
type answer uint8

const (
	no answer = iota
	yes
	unknown
)

// prefix says whether b starts with s.
func prefix(b []byte, s string) answer {
	switch {
	case len(b) >= len(s) && string(b[:len(s)]) == s:
		return yes
	case len(b) < len(s) && string(b) == s[:len(b)]:
		return unknown
	}
	return no
}

// hasPrefixFold says whether b starts with the lower-case ASCII letters s.
func hasPrefixFold(b []byte, s string) bool {
	return len(b) >= len(s) && equalFold(b[:len(s)], s)
}

// equalFold says whether b is s, which is in lower case, whatever b's ASCII case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// nextWord cuts the first word off v.
func nextWord(v []byte) (word, rest []byte) {
	i := 0
	for i < len(v) && class[v[i]]&blank != 0 {
		i++
	}
	k := i
	for k < len(v) && class[v[k]]&blank == 0 {
		k++
	}
	return v[i:k], v[k:]
}

// skipBlanks returns the index of the first byte from i that is no blank.
func skipBlanks(v []byte, i int) int {
	for i < len(v) && class[v[i]]&blank != 0 {
		i++
	}
	return i
}
