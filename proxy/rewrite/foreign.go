package rewrite

// A namespace is what an element inside svg or math belongs to (13.2.6.5). Only
// as much of the tree is kept as tells how the next token is read.
type namespace uint8

const (
	inHTML namespace = iota // inside an integration point: HTML again
	inSvg
	inMath
)

func namespaceOf(t tag) namespace {
	if t == tagMath {
		return inMath
	}
	return inSvg
}

// foreign reports whether the next token is read as foreign content.
func (p *page) foreign() bool {
	return len(p.spaces) > 0 && p.spaces[len(p.spaces)-1] != inHTML
}

// enter notes a start tag inside svg or math.
func (p *page) enter(t tag, name []byte, closed bool) {
	if !p.foreign() {
		return
	}
	if breaksOut(name) || t == tagFont && p.find(attrFont) != nil {
		p.toHTML()
		return
	}
	if !closed && integrates(p.spaces[len(p.spaces)-1], name) && (t != tagTitle || !p.judging) {
		p.spaces = append(p.spaces, inHTML)
	}
}

// leave notes an end tag inside svg or math.
func (p *page) leave(t tag, name []byte) {
	top := len(p.spaces) - 1
	switch {
	case t == tagSvg || t == tagMath:
		for k := top; k >= 0; k-- {
			if p.spaces[k] == namespaceOf(t) {
				p.spaces = p.spaces[:k]
				return
			}
		}
	case p.spaces[top] != inHTML:
		if equalFold(name, "p") || equalFold(name, "br") {
			p.toHTML()
		}
	case top > 0 && integrates(p.spaces[top-1], name):
		p.spaces = p.spaces[:top]
	}
}

// toHTML leaves foreign content up to the next integration point.
func (p *page) toHTML() {
	for p.foreign() {
		p.spaces = p.spaces[:len(p.spaces)-1]
	}
}

// integrates reports whether the content of this element of space is HTML.
// annotation-xml depends on its encoding and counts as foreign, where raw text
// is read both ways.
func integrates(space namespace, name []byte) bool {
	var b [16]byte
	if len(name) > len(b) {
		return false
	}
	for i, c := range name {
		b[i] = lower(c)
	}
	switch string(b[:len(name)]) {
	case "foreignobject", "desc", "title":
		return space == inSvg
	case "mi", "mo", "mn", "ms", "mtext":
		return space == inMath
	}
	return false
}

// breaksOut reports whether a start tag ends foreign content.
func breaksOut(name []byte) bool {
	var b [16]byte
	if len(name) > len(b) {
		return false
	}
	for i, c := range name {
		b[i] = lower(c)
	}
	switch string(b[:len(name)]) {
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl",
		"dt", "em", "embed", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img",
		"li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small",
		"span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var":
		return true
	}
	return false
}
