package rewrite

import (
	"bytes"
	"slices"
)

// doctype takes the doctype at i. Declarations of its own that hide something
// that is held are left out (see declare).
func (p *page) doctype(i, n int) int {
	limit := min(n, i+maxToken)
	open, end := -1, -1 // of the declarations, src[open:end]
	for k := i; k < limit; k++ {
		switch c := p.src[k]; {
		case c == '"' || c == '\'':
			if k = after(p.src, k+1, limit, string(c)); k < 0 {
				return p.tooLong(i, n, ">")
			}
			k--
		case open >= 0 && end < 0 && prefix(p.src[k:limit], "<!--") == yes:
			if k = after(p.src, k+4, limit, "-->"); k < 0 {
				return p.tooLong(i, n, ">")
			}
			k--
		case open >= 0 && end < 0 && prefix(p.src[k:limit], "<?") == yes:
			if k = after(p.src, k+2, limit, "?>"); k < 0 {
				return p.tooLong(i, n, ">")
			}
			k--
		case c == '[' && open < 0:
			open = k
		case c == ']' && open >= 0:
			end = k + 1
		case c == '>' && (open < 0 || end >= 0):
			if p.judging && open >= 0 && !p.declare(p.src[open+1:end-1]) {
				p.entities = nil
				p.cut(open, end)
			}
			return k + 1
		}
	}
	return p.tooLong(i, n, ">")
}

// tooLong asks for more of what begins at i and must be judged, or leaves it out
// when it is longer than maxToken.
func (p *page) tooLong(i, n int, until string) int {
	if n < i+maxToken {
		return -1
	}
	p.mode, p.until, p.drop = modeUntil, until, true
	return i
}

// styleInstruction takes the processing instruction at i: xml-stylesheet loads.
func (p *page) styleInstruction(i, n int) int {
	end := after(p.src, i, min(n, i+maxToken), "?>")
	if end < 0 {
		return p.tooLong(i, n, "?>")
	}
	const name = "<?xml-stylesheet"
	if !p.judging || prefix(p.src[i:end], name) != yes {
		return end
	}
	// "?>" stands for the ">" of a tag.
	p.attrs, _, _ = scanAttrs(p.attrs[:0], p.src, i+len(name), end, allAttrs)
	p.tmp, p.extra = p.tmp[:0], p.extra[:0]
	p.ref.Tag, p.ref.Pixel, p.ref.Noscript = p.lowerName(0, []byte(name[2:])), false, p.noscript
	for k := range p.attrs {
		a := &p.attrs[k]
		if a.id != attrHref {
			continue
		}
		v := p.askAttr(a, Style)
		if v.Action == Hold {
			p.cut(i, end)
			return end
		}
		p.apply(tagOther, a, v)
	}
	p.writeTag(i + len(name))
	return end
}

// localName is the part of an XML name behind the colon.
func localName(name []byte) []byte {
	return name[bytes.IndexByte(name, ':')+1:]
}

// prefixed leaves those of the attributes at hand that are known. XLink's href
// may have any prefix.
func (p *page) prefixed() {
	p.attrs = slices.DeleteFunc(p.attrs, func(a attr) bool { return a.id == attrNone && !p.isHref(&a) })
	for i := range p.attrs {
		if a := &p.attrs[i]; a.id == attrNone {
			a.id = attrHref
		}
	}
}

func (p *page) isHref(a *attr) bool { return string(localName(p.src[a.name:a.nameEnd])) == "href" }
