package rewrite

import "bytes"

// A list of URLs in one attribute: each is judged on its own, and the list is
// written anew without those that are held.

// judgeSrcset asks about the candidates of a srcset (4.8.4.2).
func (p *page) judgeSrcset(a *attr) {
	p.ref.Attr = p.lowerName(1, p.src[a.name:a.nameEnd])
	v := p.decodedList(a)
	from, changed, any := len(p.tmp), false, false
	for {
		for len(v) > 0 && (v[0] == ',' || class[v[0]]&blank != 0) {
			v = v[1:]
		}
		if len(v) == 0 {
			break
		}
		var u, descriptor []byte
		u, v = nextWord(v)
		if bare := bytes.TrimRight(u, ","); len(bare) < len(u) {
			u = bare
		} else {
			descriptor, v = nextDescriptor(v)
		}
		verdict := p.ask(Image, cleanURL(u))
		if verdict.Action == Hold {
			changed = true
			continue
		}
		if any {
			p.tmp = append(p.tmp, ", "...)
		}
		any = true
		if verdict.Action == Replace {
			changed = true
			p.tmp = appendCandidate(p.tmp, verdict.URL)
		} else {
			p.tmp = append(p.tmp, u...)
		}
		p.tmp = append(p.tmp, descriptor...)
	}
	p.setList(a, from, changed, any)
}

// nextDescriptor cuts the descriptors of a candidate off v, up to the comma that
// is not in brackets.
func nextDescriptor(v []byte) (descriptor, rest []byte) {
	open := false
	for i, c := range v {
		switch {
		case c == '(':
			open = true
		case c == ')':
			open = false
		case c == ',' && !open:
			return bytes.TrimRight(v[:i], " \t\r\n\f"), v[i+1:]
		}
	}
	return bytes.TrimRight(v, " \t\r\n\f"), nil
}

// appendCandidate appends u as it may stand in a srcset.
func appendCandidate(dst, u []byte) []byte {
	for _, c := range u {
		switch {
		case c == ',':
			dst = append(dst, "%2C"...)
		case c <= ' ':
			dst = append(dst, "%20"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// judgeList asks about URLs between blanks: ping, attributionsrc.
func (p *page) judgeList(a *attr, d Dest) {
	p.ref.Attr = p.lowerName(1, p.src[a.name:a.nameEnd])
	v := p.decodedList(a)
	from, changed, any := len(p.tmp), false, false
	for {
		var u []byte
		if u, v = nextWord(v); len(u) == 0 {
			break
		}
		verdict := p.ask(d, cleanURL(u))
		if verdict.Action == Hold {
			changed = true
			continue
		}
		if any {
			p.tmp = append(p.tmp, ' ')
		}
		any = true
		if verdict.Action == Replace {
			changed = true
			u = verdict.URL
		}
		p.tmp = append(p.tmp, u...)
	}
	p.setList(a, from, changed, any)
}

// decodedList is decoded with a buffer that asking does not touch.
func (p *page) decodedList(a *attr) []byte {
	v := p.value(a)
	if bytes.IndexByte(v, '&') < 0 {
		return v
	}
	p.list = p.decode(p.list[:0], v)
	return p.list
}

func (p *page) setList(a *attr, from int, changed, any bool) {
	switch {
	case !changed:
		p.tmp = p.tmp[:from]
	case any:
		p.setAttr(a, from)
	default:
		p.held()
		p.removeAttr(a)
	}
}
