package rewrite

import "bytes"

// doctype takes the doctype at i. One that declares entities of its own could
// hide markup in them; its declarations are left out.
func (p *page) doctype(i, n int) int {
	limit := min(n, i+maxToken)
	var quote byte
	open := -1
	for k := i; k < limit; k++ {
		switch c := p.src[k]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' && open < 0:
			open = k
		case c == '>' && open < 0:
			return k + 1
		case c == ']' && open >= 0:
			if p.judging && bytes.Contains(p.src[open:k], []byte("<!ENTITY")) {
				p.cut(open, k+1)
			}
			open = -1
		}
	}
	if n >= i+maxToken {
		return limit // nothing well-formed
	}
	return -1
}

// styleInstruction takes the processing instruction at i: xml-stylesheet loads.
func (p *page) styleInstruction(i, n int) int {
	limit := min(n, i+maxToken)
	k := bytes.Index(p.src[i:limit], []byte("?>"))
	if k < 0 {
		if n >= i+maxToken {
			return limit
		}
		return -1
	}
	end := i + k + 2
	const name = "<?xml-stylesheet"
	if !p.judging || prefix(p.src[i:end], name) != yes {
		return end
	}
	p.attrs, _, _ = scanAttrs(p.attrs[:0], p.src, i+len(name), end, wantAll)
	p.tmp, p.extra = p.tmp[:0], p.extra[:0]
	p.ref.Tag, p.ref.Pixel, p.ref.Noscript = p.lowerName(0, []byte(name[2:])), false, p.noscript
	for x := range p.attrs {
		a := &p.attrs[x]
		if a.id != attrHref {
			continue
		}
		switch v := p.askAttr(a, Style); v.Action {
		case Hold:
			p.cut(i, end)
			return end
		case Replace:
			p.apply(tagOther, a, v)
		}
	}
	p.writeTag(i + len(name))
	return end
}

// localName is the part of an XML name behind the colon.
func localName(name []byte) []byte {
	return name[bytes.IndexByte(name, ':')+1:]
}
