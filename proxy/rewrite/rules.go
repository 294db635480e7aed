package rewrite

import "bytes"

// Elements whose attributes mean something only together.

// judgeParam asks about the address of an old plug-in.
func (p *page) judgeParam() {
	name, value := p.find(attrName), p.find(attrValue)
	if name == nil || value == nil {
		return
	}
	for _, s := range [...]string{"src", "movie", "url", "code", "data", "filename", "href"} {
		if equalFold(bytes.TrimSpace(p.decoded(name)), s) {
			p.apply(tagParam, value, p.askAttr(value, Object))
			return
		}
	}
}

// judgeAnimation asks about what an SVG animation puts into a href or a paint.
func (p *page) judgeAnimation() {
	name := p.find(attrAttributeName)
	href := name != nil && bytes.HasSuffix(p.decoded(name), []byte("href"))
	for i := range p.attrs {
		a := &p.attrs[i]
		if a.id != attrValues || a.edit != keep {
			continue
		}
		if !href {
			p.judgeStyle(a)
			continue
		}
		p.ref.Attr = p.lowerName(1, p.src[a.name:a.nameEnd])
		fixed := p.fix(true)
		p.url = append(p.url[:0], p.decoded(a)...)
		for rest := p.url; len(rest) > 0 && a.edit == keep; {
			var u []byte
			u, rest, _ = bytes.Cut(rest, []byte(";"))
			if p.ask(Image, cleanURL(u)).Action != Pass {
				p.held()
				p.removeAttr(a)
			}
		}
		p.fix(fixed)
	}
}
