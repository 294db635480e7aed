package rewrite

import "bytes"

// judge asks about everything the tag at hand would load, and writes the tag.
func (p *page) judge(t tag, name []byte, nameEnd int, x *text) {
	p.tmp, p.extra = p.tmp[:0], p.extra[:0]
	if len(p.attrs) > 1 {
		p.markDuplicates()
	}
	p.ref.Tag = p.lowerName(0, name)
	p.ref.Noscript = p.noscript
	p.ref.Pixel = false
	if p.framed {
		p.ref.Title, p.ref.Allow, p.ref.Sandbox, p.ref.Fullscreen, p.framed = nil, nil, nil, false, false
	}
	if t == tagIframe || t == tagFrame {
		p.describeFrame()
	}
	switch t {
	case tagImg, tagIframe, tagAmp:
		p.ref.Pixel = p.pixel()
	case tagLink:
		p.judgeLink()
	case tagMeta:
		p.judgeMeta()
	case tagBase:
		p.judgeBase()
	case tagParam:
		p.judgeParam()
	case tagAnimate:
		p.judgeAnimation()
	case tagAmpService:
		p.judgeService()
	case tagScript:
		p.judgeScript(x)
	}
	for i := range p.attrs {
		if a := &p.attrs[i]; a.edit == keep {
			p.judgeAttr(t, a)
		}
	}
	if t == tagImg {
		p.fillEmpty()
	}
	p.writeTag(nameEnd)
}

// lowerName returns name in lower case, which is good until the next call with
// the same slot.
func (p *page) lowerName(slot int, name []byte) []byte {
	b := p.names[slot][:0]
	for _, c := range name[:min(len(name), cap(b))] {
		b = append(b, lower(c))
	}
	return b
}

// judgeAttr asks about one attribute that means the same on its own.
func (p *page) judgeAttr(t tag, a *attr) {
	switch a.id {
	case attrStyle, attrPaint:
		p.judgeStyle(a)
	case attrOn:
		if p.o.Judge.Script(p.decoded(a)) != Pass {
			p.held()
			p.removeAttr(a)
		}
	case attrPing, attrAttributionSrc:
		p.judgeList(a, Beacon)
	case attrBackground:
		p.judgeURL(t, a, Image)
	case attrSrc, attrLoader, attrHref, attrLocation:
		if d, ok := destOf(t, a.id); ok {
			p.judgeURL(t, a, d)
		}
	case attrPoster:
		if t == tagVideo || t == tagAmp {
			p.judgeURL(t, a, Image)
		}
	case attrSrcset, attrLoaderSet:
		if t == tagImg || t == tagSource || t == tagAmp {
			p.judgeSrcset(a)
		}
	case attrImageSrcset:
		if t == tagLink {
			p.judgeSrcset(a)
		}
	case attrSrcdoc:
		if t == tagIframe {
			p.judgeDocument(a)
		}
	}
}

// destOf says what element t loads its src, href or data for.
func destOf(t tag, id attrID) (Dest, bool) {
	switch t {
	case tagScript:
		return Script, id != attrLocation
	case tagImg:
		return Image, id != attrLocation
	case tagInput:
		return Image, id == attrSrc
	case tagIframe, tagFrame:
		return Frame, id == attrSrc || id == attrLoader
	case tagEmbed, tagObject, tagApplet:
		return Object, id == attrLocation || id == attrSrc && t == tagEmbed
	case tagSource, tagMedia, tagVideo:
		return Media, id == attrSrc || id == attrLoader
	case tagSvgRef:
		return Image, id == attrHref
	case tagAmp:
		return Media, id == attrSrc // see ampDest
	}
	return 0, false
}

// judgeURL asks about the one URL of a.
func (p *page) judgeURL(t tag, a *attr, d Dest) {
	if t == tagAmp && a.id == attrSrc {
		d = p.ampDest()
	}
	p.apply(t, a, p.askAttr(a, d))
}

// askAttr asks about the URL of a.
func (p *page) askAttr(a *attr, d Dest) Verdict {
	p.ref.Attr = p.lowerName(1, p.src[a.name:a.nameEnd])
	return p.ask(d, p.urlOf(a))
}

// urlOf returns the URL of a, ready to be parsed.
func (p *page) urlOf(a *attr) []byte {
	v := p.value(a)
	if bytes.IndexByte(v, '&') < 0 && bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\t') < 0 && bytes.IndexByte(v, '\r') < 0 {
		return cleanURL(v)
	}
	p.url = p.decode(p.url[:0], v)
	return cleanURL(p.url)
}

// ask asks the judge about url. What cannot be contacted is not asked.
func (p *page) ask(d Dest, url []byte) Verdict {
	if len(url) == 0 {
		return Verdict{}
	}
	if v, ok := p.askInline(d, url); ok {
		return v
	}
	p.ref.Dest, p.ref.URL, p.ref.Base = d, url, p.baseHref
	p.ref.Fixed, p.ref.Rootless = p.fixed, p.rootless
	return p.o.Judge.URL(&p.ref)
}

// apply does to a what the judge said.
func (p *page) apply(t tag, a *attr, v Verdict) {
	switch v.Action {
	case Hold:
		p.hold(t, a, v.Document)
	case Replace:
		from := len(p.tmp)
		p.tmp = append(p.tmp, v.URL...)
		p.setAttr(a, from)
		if i := p.find(attrIntegrity); t == tagLink && i != nil && i.edit == keep {
			p.removeAttr(i) // a style sheet of another address may be written anew
		}
	}
}

// hold takes the URL of a out of the element t.
func (p *page) hold(t tag, a *attr, document []byte) {
	p.held()
	switch {
	case a.id == attrSrc && (t == tagImg || t == tagInput):
		from := len(p.tmp)
		p.tmp = p.appendEmptyImage(p.tmp)
		p.setAttr(a, from)
		return
	case t == tagScript:
		p.holdScript()
	case t == tagIframe && document != nil && p.find(attrSrcdoc) == nil && !bytes.Contains(p.extra, []byte(" srcdoc=")):
		p.extra = append(p.extra, ` srcdoc="`...)
		p.extra = appendEscaped(p.extra, document)
		p.extra = append(p.extra, '"')
	}
	p.removeAttr(a)
}

// held marks the element as held.
func (p *page) held() {
	if len(p.extra) == 0 {
		p.extra = append(p.extra, heldMark...)
	}
}

// appendEmptyImage appends the address of a picture of nothing, as large as the
// width and height attributes say.
func (p *page) appendEmptyImage(dst []byte) []byte {
	dst = append(dst, "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='"...)
	dst = p.appendSize(dst, attrWidth)
	dst = append(dst, "' height='"...)
	dst = p.appendSize(dst, attrHeight)
	return append(dst, "'/%3E"...)
}

func (p *page) appendSize(dst []byte, id attrID) []byte {
	a := p.find(id)
	if a == nil {
		return append(dst, '1')
	}
	n := len(dst)
	for _, c := range p.value(a) {
		if c < '0' || c > '9' {
			break
		}
		dst = append(dst, c)
	}
	if len(dst) == n || len(dst) > n+5 {
		dst = append(dst[:n], '1')
	}
	return dst
}

// fillEmpty gives an image that has lost all its addresses an empty picture, so
// that it keeps its box.
func (p *page) fillEmpty() {
	if len(p.extra) == 0 || p.foreign() || p.find(attrSrc) != nil {
		return
	}
	from := len(p.tmp)
	p.tmp = p.appendEmptyImage(p.tmp)
	p.extra = append(p.extra, ` src="`...)
	p.extra = appendEscaped(p.extra, p.tmp[from:])
	p.extra = append(p.extra, '"')
}
