package rewrite

import "bytes"

// startTag takes the start tag at i, and with it the text of its element where
// that is judged. It returns where to go on, or -1 for more input.
func (p *page) startTag(i, n int) int {
	src := p.src
	limit := min(n, i+maxToken)
	nameEnd := tagName(src, i+1, limit)
	name := src[i+1 : nameEnd]
	if p.xml {
		name = localName(name)
	}
	t := tags.find(name)
	want := allAttrs
	switch {
	case p.xml:
		want = anyAttrs
	case t == tagOther && p.judging:
		want = globalAttrs
	case t == tagOther, !p.judging && t != tagHTML && t != tagA && t != tagFont:
		want = noAttrs
	}
	var end int
	var closed bool
	p.attrs, end, closed = scanAttrs(p.attrs[:0], src, nameEnd, limit, want)
	if end < 0 {
		if n < i+maxToken {
			return -1
		}
		return p.longTag(t, i, nameEnd)
	}
	if p.xml {
		p.prefixed()
	}
	if t == tagOther && len(p.attrs) == 0 && len(p.elements) == 0 && p.place.state >= inBody {
		return end
	}
	k := p.kindOf(t, closed)
	x := text{kind: k, at: end, end: end}
	if k.whole() && !p.findText(&x, t, i, n) {
		return -1
	}
	if len(p.elements) > 0 {
		p.enter(t, name, closed)
	}
	if p.place.state < inBody {
		p.placeBefore(t, i)
	}
	if t == tagA && !p.place.ended {
		p.findLink(i)
	}
	if p.judging && (len(p.attrs) > 0 || k.whole() || t == tagAmpService) {
		p.judge(t, name, nameEnd, &x)
	}
	p.open(t, end, closed)
	return p.skipText(t, &x)
}

// longTag takes a tag of more than maxToken bytes: its attributes are left out,
// since they cannot be judged.
func (p *page) longTag(t tag, i, nameEnd int) int {
	if p.place.state < inBody {
		p.placeBefore(t, i)
	}
	p.attrs = p.attrs[:0]
	p.unsure = p.unsure || p.judging && len(p.elements) > 0
	p.copyTo(nameEnd)
	if t == tagScript {
		p.out = append(p.out, heldScript...)
	}
	p.mode, p.tag, p.inTag = modeTag, t, beforeName
	return nameEnd
}

// open notes what the start tag that ends at end has opened.
func (p *page) open(t tag, end int, closed bool) {
	switch foreign := t == tagSvg || t == tagMath; {
	case closed && (p.xml || foreign || p.foreign()):
	case foreign && !p.xml:
		p.enterRoot(t)
	case t == tagTemplate:
		p.templates++
	case t == tagSelect:
		p.selects++
	case t == tagFrameset:
		p.frameset = true
	}
	if p.place.state < inBody {
		p.placeAfter(t, end)
	}
}

// endTag takes the end tag, or what looks like one, at i.
func (p *page) endTag(i, n int) int {
	src := p.src
	if i+2 >= n {
		return -1
	}
	if class[src[i+2]]&letter == 0 {
		if src[i+2] == '>' { // "</>" is nothing at all
			return i + 3
		}
		return p.long(i, after(src, i+2, n, ">"), n, ">")
	}
	limit := min(n, i+maxToken)
	nameEnd := tagName(src, i+2, limit)
	end := -1
	if nameEnd < limit && src[nameEnd] == '>' {
		end = nameEnd + 1
	} else {
		_, end, _ = scanAttrs(nil, src, nameEnd, limit, noAttrs)
	}
	if end < 0 {
		if n < i+maxToken {
			return -1
		}
		p.mode, p.tag, p.inTag = modeTag, tagOther, beforeName
		return nameEnd
	}
	name := src[i+2 : nameEnd]
	if p.xml {
		name = localName(name)
	}
	t := endTags.find(name)
	if p.place.state < inBody || t == tagBody || t == tagHTML {
		p.placeEndTag(t, name, i)
	}
	if len(p.elements) > 0 {
		p.leave(name)
	}
	switch t {
	case tagTemplate:
		p.templates = max(p.templates-1, 0)
	case tagSelect:
		p.selects = max(p.selects-1, 0)
	case tagAmpService:
		p.service = false
	}
	return end
}

// declaration takes what begins with "<!" (13.2.5.42).
func (p *page) declaration(i, n int) int {
	b := p.src[i:n]
	if prefix(b, "<!--") == yes {
		return p.comment(i, n)
	}
	if len(b) < len("<![CDATA[") && bytes.IndexByte(b, '>') < 0 && !p.ends(n) {
		return -1
	}
	switch {
	case hasPrefixFold(b[2:], "doctype"):
		p.place.document = true
		if p.xml {
			return p.doctype(i, n)
		}
	case prefix(b, "<![CDATA[") == yes && p.xml:
		return p.long(i, after(p.src, i, n, "]]>"), n, "]]>")
	case prefix(b, "<![CDATA[") == yes && p.foreign():
		return p.cdata(i, n)
	}
	return p.long(i, after(p.src, i+2, n, ">"), n, ">")
}

// instruction takes what begins with "<?": a bogus comment, in XML a processing
// instruction.
func (p *page) instruction(i, n int) int {
	if p.xml {
		return p.styleInstruction(i, n)
	}
	return p.long(i, after(p.src, i+2, n, ">"), n, ">")
}

// comment takes the comment at i.
func (p *page) comment(i, n int) int {
	end := commentEnd(p.src, i+4, min(n, i+maxHold))
	if end < 0 && n >= i+maxHold {
		p.mode = modeComment
		return i + maxHold - 2
	}
	return end
}

// long returns the end of what begins at i, unless it is further off than is
// worth waiting for: then the page goes on in modeUntil.
func (p *page) long(i, end, n int, until string) int {
	if end > i+maxHold || end < 0 && n >= i+maxHold {
		p.mode, p.until = modeUntil, until
		return i + maxHold - len(until) + 1
	}
	return end
}
