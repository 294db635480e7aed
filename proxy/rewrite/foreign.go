package rewrite

// A namespace is what an element belongs to (13.2.6.5).
type namespace uint8

const (
	inHTML namespace = iota
	inSvg
	inMath
)

// An element is one that is open inside svg or math, where the tree tells how
// the next token is read. Nothing is kept of plain HTML.
type element struct {
	name  uint32 // a hash
	space namespace
	html  bool // its content is read as HTML: it is HTML, or an integration point
}

// maxElements bounds how much is known of the tree.
const maxElements = 1000

func nameHash(name []byte) uint32 {
	h := uint32(2166136261) // FNV-1a
	for _, c := range name {
		h = (h ^ uint32(lower(c))) * 16777619
	}
	return h
}

var (
	svgName, mathName = nameHash([]byte("svg")), nameHash([]byte("math"))
	annotationName    = nameHash([]byte("annotation-xml"))
)

// foreign reports whether the next token is read as foreign content.
func (p *page) foreign() bool {
	return len(p.elements) > 0 && !p.elements[len(p.elements)-1].html
}

// push notes that an element is open.
func (p *page) push(e element) {
	if len(p.elements) == maxElements {
		p.unsure = p.judging
		return
	}
	p.elements = append(p.elements, e)
}

// enter notes a start tag inside svg or math; open does so for svg and math.
func (p *page) enter(t tag, name []byte, closed bool) {
	if p.foreign() && (breaksOut(name) || t == tagFont && p.find(attrFont) != nil) {
		p.toHTML()
	}
	if len(p.elements) == 0 || t == tagSvg || t == tagMath {
		return
	}
	top := p.elements[len(p.elements)-1]
	switch glyph := equalFold(name, "mglyph") || equalFold(name, "malignmark"); {
	case !top.html || top.space == inMath && glyph && top.name != annotationName:
		if !closed {
			p.push(element{nameHash(name), top.space, p.integrates(top.space, name)})
		}
	case !isVoid(name):
		p.push(element{nameHash(name), inHTML, true})
	}
}

// enterRoot notes the start tag of svg or math.
func (p *page) enterRoot(t tag) {
	name, space := svgName, inSvg
	if t == tagMath {
		name, space = mathName, inMath
	}
	if n := len(p.elements); n > 0 && !p.elements[n-1].html && (t == tagMath || p.elements[n-1].name != annotationName) {
		space = p.elements[n-1].space // a math in svg is no MathML
	}
	p.push(element{name, space, false})
}

// leave notes an end tag inside svg or math. Where HTML is open in an integration
// point, only the end tag of what was opened last is sure to close that: browsers
// close, ignore or open others again by rules that are not kept here.
func (p *page) leave(name []byte) {
	k, hash := len(p.elements)-1, nameHash(name)
	if p.elements[k].space != inHTML && (equalFold(name, "p") || equalFold(name, "br")) {
		p.toHTML()
		return
	}
	for k > 0 && p.elements[k].space != inHTML && p.elements[k].name != hash {
		k--
	}
	sure := p.elements[k].name == hash && (p.elements[k].space != inHTML || k == len(p.elements)-1)
	if p.elements[k].name == hash {
		p.elements = p.elements[:k]
	}
	p.unsure = p.unsure || p.judging && !sure
}

// toHTML leaves foreign content up to the next integration point.
func (p *page) toHTML() {
	for p.foreign() {
		p.elements = p.elements[:len(p.elements)-1]
	}
}

// integrates reports whether the content of this foreign element is HTML. A title
// that is judged is read both ways, as is whatever ends it.
func (p *page) integrates(space namespace, name []byte) bool {
	var b [16]byte
	switch string(lowered(b[:0], name)) {
	case "foreignobject", "desc":
		return space == inSvg
	case "title":
		return space == inSvg && !p.judging
	case "mi", "mo", "mn", "ms", "mtext":
		return space == inMath
	case "annotation-xml":
		a := p.find(attrEncoding)
		if space != inMath || a == nil {
			return false
		}
		encoding := p.decoded(a)
		return equalFold(encoding, "text/html") || equalFold(encoding, "application/xhtml+xml")
	}
	return false
}

// isVoid reports whether an HTML element has no content and no end tag.
func isVoid(name []byte) bool {
	var b [16]byte
	switch string(lowered(b[:0], name)) {
	case "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img",
		"input", "link", "meta", "param", "source", "track", "wbr":
		return true
	}
	return false
}

// breaksOut reports whether a start tag ends foreign content.
func breaksOut(name []byte) bool {
	var b [16]byte
	switch string(lowered(b[:0], name)) {
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl",
		"dt", "em", "embed", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img",
		"li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small",
		"span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var":
		return true
	}
	return false
}

// lowered writes name in lower case to dst, or nothing where it is longer than dst has
// room for, and than any name that is asked for.
func lowered(dst, name []byte) []byte {
	if len(name) > cap(dst) {
		return dst
	}
	for _, c := range name {
		dst = append(dst, lower(c))
	}
	return dst
}
