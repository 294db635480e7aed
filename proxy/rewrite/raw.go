package rewrite

import "bytes"

// States of script data (13.2.5.4 and .15 to .31).
const (
	scriptData uint8 = iota
	scriptEscaped
	scriptDoubleEscaped
)

// A rawText finds the end of the text of a script, style, textarea and so on. It
// can go on where the input stopped.
type rawText struct {
	name  string // of the element, in lower case
	state uint8  // scriptData and so on; stays 0 for all but scripts
}

// end returns the index of the "<" of the end tag that ends the raw text at i.
// When there is none in src[:n] it returns -1 and where to go on.
func (r *rawText) end(src []byte, i, n int) (end, next int) {
	if r.name == "script" {
		return r.scriptEnd(src, i, n)
	}
	for {
		k := bytes.IndexByte(src[i:n], '<')
		if k < 0 {
			return -1, n
		}
		i += k
		switch r.tagAt(src, i, n) {
		case yes:
			return i, i
		case unknown:
			return -1, i
		}
		i++
	}
}

// tagAt says whether the end tag of r starts at i (an "appropriate end tag"
// and what must follow its name).
func (r *rawText) tagAt(src []byte, i, n int) answer {
	if i+1 >= n {
		return unknown
	}
	if src[i+1] != '/' {
		return no
	}
	return delimited(src, i+2, n, r.name)
}

// delimited says whether name, whatever its case, stands at i, followed by a
// space, "/" or ">".
func delimited(src []byte, i, n int, name string) answer {
	for k := range len(name) {
		if i+k >= n {
			return unknown
		}
		if src[i+k]|0x20 != name[k] {
			return no
		}
	}
	if i+len(name) >= n {
		return unknown
	}
	if c := src[i+len(name)]; c != '=' && class[c]&nameEnd != 0 {
		return yes
	}
	return no
}

func (r *rawText) scriptEnd(src []byte, i, n int) (end, next int) {
	for i < n {
		if r.state == scriptData {
			k := bytes.IndexByte(src[i:n], '<')
			if k < 0 {
				return -1, n
			}
			i += k
		}
		switch src[i] {
		case '-': // "-->" with any number of dashes leaves the escaped states
			k := i + 1
			for k < n && src[k] == '-' {
				k++
			}
			if k >= n {
				return -1, max(i, n-2)
			}
			if k-i >= 2 && src[k] == '>' {
				r.state = scriptData
			}
			i = k
		case '<':
			a := r.tagAt(src, i, n)
			if a == no {
				a = r.escape(src, i, n)
				if a == no {
					i++
					continue
				}
			}
			switch {
			case a == unknown:
				return -1, i
			case r.state == scriptDoubleEscaped && src[i+1] == '/':
				r.state = scriptEscaped
				i += len("</script>")
			case src[i+1] == '/':
				return i, i
			case src[i+1] == '!':
				r.state = scriptEscaped
				i += len("<!") // the dashes may already belong to "-->"
			default:
				r.state = scriptDoubleEscaped
				i += len("<script>")
			}
		default:
			i++
		}
	}
	return -1, n
}

// escape says whether the "<" at i, which is no end tag, opens the next escaped state.
func (r *rawText) escape(src []byte, i, n int) answer {
	switch {
	case r.state == scriptData:
		return prefix(src[i:n], "<!--")
	case r.state == scriptEscaped && src[i+1] != '/':
		return delimited(src, i+1, n, r.name)
	}
	return no
}
