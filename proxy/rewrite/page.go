package rewrite

import (
	"bytes"
	"sync"
)

// Limits of what is kept in memory while its end is looked for. They hold for
// whole pages as well, so that a page comes out alike however it comes in.
const (
	// maxToken bounds what is judged as one: a tag, an inline script or style, a
	// noscript. What is longer is held.
	maxToken = 4 << 20
	// maxHold bounds what only waits for a place: the text after </body>, a
	// comment that may never end.
	maxHold = 64 << 10
	// maxDepth bounds srcdoc in srcdoc, and text to be read both ways in such
	// text. What is deeper is held.
	maxDepth = 4
)

// A mode is what the page is in the middle of, when it is not between tokens.
type mode uint8

const (
	modeData    mode = iota
	modeRaw          // raw text up to the end tag that page.raw looks for
	modeComment      // a long comment
	modeUntil        // something long that ends in page.until
	modeTag          // the rest of a tag longer than maxToken
	modeRest         // plaintext: the rest of the page
)

// A page is the state of one page on its way through.
type page struct {
	o    Options
	xml  bool
	src  []byte
	mark int   // src[:mark] is in out, or left out
	base int64 // where in the whole page src begins
	last bool  // src ends where the page ends
	out  []byte

	mode    mode
	drop    bool // modeRaw and modeUntil leave out what they go through
	raw     rawText
	until   string
	tag     tag      // in modeTag
	inTag   tagState // in modeTag
	place   placement
	judging bool // there is a judge

	// What is open around the next token.
	elements  []element // from the outermost svg or math on; empty in plain HTML
	unsure    bool      // whether HTML or foreign content is read: both are, from here on
	selects   int
	templates int
	frameset  bool
	noscript  bool
	ways      int  // how often what is at hand is read both ways
	service   bool // a held AMP service, whose scripts are its configuration

	depth    int               // of srcdoc and data: URLs
	fixed    bool              // no other URL can be put in the place of one
	rootless bool              // the document has no address
	entities map[string]string // that an XML page declares, by name
	baseHref []byte            // the page's <base href>, nil for none
	hasBase  bool              // it is the page's own, not one of the page around
	baseBuf  []byte
	script   scriptKind

	// Scratch.
	attrs  []attr
	tmp    []byte
	extra  []byte // attributes put in first in the tag at hand
	url    []byte // the URL being asked about
	frame  []byte // attributes of a frame, decoded
	framed bool   // ref has them
	plain  []byte // decoded text
	list   []byte // decoded lists and styles
	cssURL []byte // the URL in CSS being asked about
	names  [2][32]byte
	ref    Ref
}

// pages are pages to be used again, for their buffers.
var pages = sync.Pool{New: func() any { return new(page) }}

func newPage(o *Options) *page {
	p := pages.Get().(*page)
	*p = page{
		o: *o, xml: o.XHTML, judging: o.Judge != nil,
		out: p.out[:0], elements: p.elements[:0], attrs: p.attrs[:0], tmp: p.tmp[:0], extra: p.extra[:0],
		url: p.url[:0], plain: p.plain[:0], list: p.list[:0], cssURL: p.cssURL[:0],
		baseBuf: p.baseBuf[:0], frame: p.frame[:0], place: placement{lang: p.place.lang[:0]},
	}
	return p
}

// free gives p back. Nothing of the page stays reachable, nor does a buffer that
// grew large.
func (p *page) free() {
	p.o, p.src, p.ref, p.baseHref = Options{}, nil, Ref{}, nil
	const large = 1 << 20
	if cap(p.out)+cap(p.tmp)+cap(p.extra)+cap(p.plain)+cap(p.list)+cap(p.cssURL)+cap(p.url) < large {
		pages.Put(p)
	}
}

// rewrite appends the whole page src.
func (p *page) rewrite(dst, src []byte) []byte {
	p.resetPlaces(true)
	if order, mark := utf16Order(src); order != nil && p.judging {
		src, _ = appendUTF8([]byte(bom), src[mark:], order, true)
	}
	own := p.out
	p.out = dst
	p.run(src, true)
	dst, p.out = p.out, own
	return dst
}

// run takes in src, which goes on where the last run stopped, and returns how
// much of it is done with. Unless last is true the rest must be given again,
// with more behind it.
func (p *page) run(src []byte, last bool) int {
	p.src, p.mark, p.last = src, 0, last
	n := len(src)
	i, ok := p.begin(n)
	if ok {
		i = p.tokens(i, n)
	}
	if last {
		p.finish(i)
		i = n
	}
	p.copyTo(i)
	p.base += int64(i)
	return i
}

// copyTo brings out up to src[:i].
func (p *page) copyTo(i int) {
	p.out = append(p.out, p.src[p.mark:i]...)
	p.mark = i
}

// begin passes over the byte order mark, which stays first. UTF-16 that nobody
// judges passes as it is.
func (p *page) begin(n int) (int, bool) {
	b := p.src[:n]
	switch order, _ := utf16Order(b); {
	case p.base > 0:
		return 0, true
	case n < 4 && !p.last:
		return 0, false
	case order != nil:
		p.mode = modeRest
		p.place.over()
	case prefix(b, bom) == yes:
		return len(bom), true
	}
	return 0, true
}

// tokens goes through src[i:n] as far as its tokens are complete, and returns
// where the first is that is not.
func (p *page) tokens(i, n int) int {
	for i < n {
		if p.mode == modeData {
			i = p.data(i, n)
			if p.mode == modeData {
				return i
			}
		} else {
			next, ok := p.skip(i, n)
			if !ok {
				return next
			}
			i = next
		}
	}
	return i
}

// data reads tokens from i up to the first that is not complete in src[:n], or
// that changes the mode.
func (p *page) data(i, n int) int {
	src := p.src
	for i < n && p.mode == modeData {
		if src[i] != '<' {
			k := bytes.IndexByte(src[i:n], '<')
			if k < 0 {
				p.placeText(i, n)
				return n
			}
			if p.place.state < inBody {
				p.placeText(i, i+k)
			}
			i += k
		}
		if i+1 >= n {
			return i
		}
		next := -1
		switch c := src[i+1]; {
		case class[c]&letter != 0:
			next = p.startTag(i, n)
		case c == '/':
			next = p.endTag(i, n)
		case c == '!':
			next = p.declaration(i, n)
		case c == '?':
			next = p.instruction(i, n)
		default:
			p.placeText(i, i+1)
			next = i + 1
		}
		if next < 0 {
			return i
		}
		i = next
	}
	return i
}

// ends reports whether src[:n] ends where the page ends.
func (p *page) ends(n int) bool { return p.last && n == len(p.src) }

// skip goes through what needs no judgement, from i to its end.
func (p *page) skip(i, n int) (next int, ok bool) {
	switch p.mode {
	case modeRaw:
		end, safe := p.raw.end(p.src, i, n)
		if end < 0 && p.ends(n) {
			safe = n
		}
		return p.skipped(i, end, safe)
	case modeComment:
		return p.skipped(i, commentRest(p.src, i, n), max(i, n-2))
	case modeUntil:
		end := -1
		if k := bytes.Index(p.src[i:n], []byte(p.until)); k >= 0 {
			end = i + k + len(p.until)
		}
		return p.skipped(i, end, max(i, n-len(p.until)+1))
	case modeTag:
		k := p.inTag.end(p.src, i, n)
		if k < 0 {
			p.cut(i, n)
			return n, false
		}
		p.cut(i, k-1)
		p.mode = modeData
		p.open(p.tag, k, false)
		x := text{kind: p.kindOf(p.tag, false), at: k, end: k}
		if x.kind.whole() {
			x.long, x.held = true, p.tag == tagScript
		}
		return p.skipText(p.tag, &x), true
	}
	return n, false
}

func (p *page) skipped(i, end, safe int) (next int, ok bool) {
	if end >= 0 {
		safe = end
		p.mode = modeData
	}
	if p.drop {
		p.cut(i, safe)
		p.drop = end < 0
	}
	return safe, end >= 0
}

// cut leaves out src[i:j].
func (p *page) cut(i, j int) {
	p.copyTo(i)
	p.mark = j
}
