package rewrite

import "bytes"

// Text that is no markup: scripts, styles and the elements whose text browsers
// read raw. Where it is not sure how a browser reads it, it is looked at both ways.

// A textKind says how the text of an element is read.
type textKind uint8

const (
	textMarkup textKind = iota // no text of its own
	textRaw                    // raw, and nothing in it matters
	textJudged                 // raw, and judged: inline scripts, style
	textBoth                   // raw for some browsers or parsers and markup for others
	textRest                   // plaintext
)

// whole reports whether the text must be there to its end.
func (k textKind) whole() bool { return k == textJudged || k == textBoth }

// A text is the text of an element, src[at:end].
type text struct {
	kind     textKind
	at, end  int
	unclosed bool // the page ends in it
	long     bool // it goes on beyond maxToken
	held     bool
}

// kindOf says how the text of element t is read, where it stands (13.2.6).
func (p *page) kindOf(t tag, closed bool) textKind {
	switch t {
	case tagScript, tagStyle, tagNoscript, tagTextarea, tagTitle, tagXmp, tagIframe,
		tagNoembed, tagNoframes, tagPlaintext:
	default:
		return textMarkup
	}
	switch {
	case p.xml:
		if closed || !p.judging || t != tagScript && t != tagStyle {
			return textMarkup
		}
		return textBoth
	case p.unsure && t == tagPlaintext:
		return textMarkup // of the two the one in which everything is judged
	case p.unsure:
		return textBoth
	case p.foreign():
		if closed || !p.judging || t == tagPlaintext {
			return textMarkup
		}
		return textBoth
	case t == tagPlaintext:
		return textRest
	case !p.judging:
		return textRaw
	case t == tagScript:
		if p.frameset {
			return textBoth
		}
		return p.scriptText()
	case t == tagNoscript && p.noscript:
		return textMarkup // where noscript is markup at all
	case p.selects > 0, p.frameset && t != tagNoframes, t == tagNoscript:
		// A parser that does not know the newer select ignores these elements;
		// noscript is raw only where scripts run (13.2.6.4.7).
		return textBoth
	case t == tagStyle:
		return textJudged
	}
	return textRaw
}

var rawNames = [...]string{
	tagScript: "script", tagStyle: "style", tagNoscript: "noscript", tagTextarea: "textarea",
	tagTitle: "title", tagXmp: "xmp", tagIframe: "iframe", tagNoembed: "noembed", tagNoframes: "noframes",
}

// findText finds the end of the text x of element t, whose tag is at i. It
// returns false when there must be more input first.
func (p *page) findText(x *text, t tag, i, n int) bool {
	r := rawText{name: rawNames[t]}
	if name := p.src[i+1 : i+1+len(r.name)]; p.xml && !equalFold(name, r.name) {
		r.name = string(bytes.ToLower(p.src[i+1 : tagName(p.src, i+1, n)])) // with a namespace prefix
	}
	end, _ := r.end(p.src, x.at, min(n, i+maxToken))
	switch {
	case end >= 0:
		x.end = end
	case n >= i+maxToken:
		x.long = true
	case p.ends(n):
		x.end, x.unclosed = n, true
	default:
		return false
	}
	return true
}

// skipText goes through the text x of t, and returns where markup begins again.
func (p *page) skipText(t tag, x *text) int {
	p.raw.name, p.raw.state = "", scriptData
	switch {
	case x.kind == textMarkup:
		return x.at
	case x.kind == textRest:
		p.mode = modeRest
		return x.at
	case x.kind == textRaw, x.long:
		p.mode, p.raw.name = modeRaw, rawNames[t]
		p.drop = x.long && !x.held
		return x.at
	}
	if x.kind == textBoth {
		p.both(t, x)
	}
	switch {
	case t == tagStyle:
		p.styleText(x)
	case t == tagScript && !x.held && x.kind == textJudged && (p.script == scriptImportMap || p.script == scriptSpeculation):
		p.jsonText(x)
	}
	if x.unclosed {
		p.mode, p.raw.name = modeRaw, rawNames[t]
	}
	return x.end
}

// both reads x as markup. Where that does not end where the raw text ends, or
// would change a script or a style, nothing of x is left.
func (p *page) both(t tag, x *text) {
	p.copyTo(x.at)
	if p.ways == maxDepth {
		p.cut(x.at, x.end)
		x.held = true
		return
	}
	p.ways++
	out, place, noscript := len(p.out), p.place, p.noscript
	selects, templates, service := p.selects, p.templates, p.service
	var b [16]element
	elements, unsure := append(b[:0], p.elements...), p.unsure
	p.place.over()
	p.noscript = noscript || t == tagNoscript
	fixed := p.fix(p.fixed || t == tagScript || t == tagStyle)
	if t == tagTitle && p.foreign() {
		p.elements = append(p.elements, element{nameHash([]byte("title")), inSvg, true})
	}
	pushed := len(p.elements)
	next := p.tokens(x.at, x.end)
	same := p.mode == modeData && len(p.elements) == pushed && p.unsure == unsure && p.selects == selects && p.templates == templates
	if next != x.end && !x.unclosed {
		same = false
	}
	if (t == tagScript || t == tagStyle) && p.mark != x.at {
		same = false
	}
	p.ways--
	p.fix(fixed)
	p.mode, p.drop, p.place, p.noscript = modeData, false, place, noscript
	p.elements, p.unsure = append(p.elements[:0], elements...), unsure
	p.selects, p.templates, p.service = selects, templates, service
	if !same {
		p.out, p.mark = p.out[:out], x.end
		x.held = true
	}
}

// cdata takes the CDATA section at i in foreign content. A parser that thinks
// itself in HTML reads a comment that ends at the first ">".
func (p *page) cdata(i, n int) int {
	end := after(p.src, i, min(n, i+maxToken), "]]>")
	switch {
	case end < 0 && n >= i+maxToken:
		p.mode, p.until, p.drop = modeUntil, "]]>", true
		p.cut(i, i+9)
		return i + 9
	case end < 0 && p.ends(n):
		end = n
	case end < 0:
		return -1
	}
	if !p.judging {
		return end
	}
	from := after(p.src, i+2, end, ">")
	if from < 0 || from == end {
		return end
	}
	x := text{kind: textBoth, at: from, end: end}
	p.both(tagOther, &x)
	if x.held { // the start of the comment goes as well
		p.out = append(p.out, "]]>"...)
	}
	return end
}
