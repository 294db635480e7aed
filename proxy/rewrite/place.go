package rewrite

import "bytes"

// Where things go in. The start stands right after <body>, first in focus and
// reading order, also in pages that are cut off or never name their body; the
// end before the last </body>, since markup behind a first one is body content
// still (13.2.6.4.19).

// How far a page has come.
type progress uint8

const (
	beforeHead progress = iota // nothing but doctype and comments
	inHead
	afterHead
	inBody // the start is in
	placed // nothing is put in any more
)

// A placement is what is known of a page's places.
type placement struct {
	state    progress
	document bool  // it is not a fragment: who asked says so, or a doctype, html, head or body
	head     bool  // the head's place was seen
	ended    bool  // the end is in, or has no place
	endAt    int   // in page.out, where the end goes; -1 for nowhere yet
	endFrom  int64 // in the page, where that place is
	headAt   int   // in page.out, where the head goes when the page is done; -1 for nowhere
	late     bool  // the head goes in when the page is done
	lang     []byte
	amp      bool
}

func (p *page) resetPlaces(late bool) {
	p.place = placement{lang: p.place.lang[:0], endAt: -1, headAt: -1, late: late, document: p.o.Document}
	if p.o.Head == nil {
		p.place.head = true
	}
	if p.o.End == nil {
		p.place.ended = true
	}
	if p.o.Start == nil && p.o.End == nil && p.o.Head == nil {
		p.place.state = placed
	}
}

// over says that nothing more goes in.
func (l *placement) over() { l.state, l.ended = placed, true }

// placeText notes the text src[i:j], which may be the first of an unnamed body.
func (p *page) placeText(i, j int) {
	if p.place.state >= inBody || p.templates > 0 {
		return
	}
	for ; i < j; i++ {
		if class[p.src[i]]&blank == 0 {
			p.content(i)
			return
		}
	}
}

// content notes that body content begins at i.
func (p *page) content(i int) {
	if p.xml { // only a body that is there keeps it well-formed
		return
	}
	if !p.place.document {
		p.place.over()
		return
	}
	p.putHead(i)
	p.putStart(i)
}

// placeBefore notes the start tag at i.
func (p *page) placeBefore(t tag, i int) {
	if p.templates > 0 {
		return
	}
	switch t {
	case tagHTML:
		p.place.document = true
		p.langOf()
	case tagHead:
		p.place.document = true
	case tagBody:
		p.place.document = true
		p.putHead(i)
	case tagFrameset:
		p.place.over()
	case tagNoscript:
		if p.place.state == afterHead {
			p.content(i)
			return
		}
		p.headContent(i)
	case tagBase, tagLink, tagMeta, tagTitle, tagStyle, tagScript, tagTemplate, tagNoframes, tagHeadOnly:
		p.headContent(i)
	default:
		p.content(i)
	}
}

func (p *page) headContent(i int) {
	if p.place.document {
		p.putHead(i)
	}
	p.place.state = max(p.place.state, inHead)
}

// placeAfter notes the start tag that ends at i.
func (p *page) placeAfter(t tag, i int) {
	switch t {
	case tagHead:
		p.putHead(i)
		p.place.state = max(p.place.state, inHead)
	case tagBody:
		if p.templates == 0 {
			p.putStart(i)
		}
	}
}

// placeEndTag notes the end tag at i.
func (p *page) placeEndTag(t tag, name []byte, i int) {
	if p.templates > 0 {
		return
	}
	if p.place.state < inBody {
		switch {
		case equalFold(name, "head"):
			p.putHead(i)
			p.place.state = afterHead
		case t == tagBody, t == tagHTML, equalFold(name, "br"):
			p.content(i)
		}
	}
	if p.place.ended || p.place.state != inBody || len(p.elements) > 0 || p.selects > 0 {
		return
	}
	at := p.base + int64(i)
	if t == tagBody || t == tagHTML && p.place.endAt < 0 {
		if p.place.endAt >= 0 && at-p.place.endFrom > maxHold {
			p.putEnd()
			return
		}
		p.copyTo(i)
		p.place.endAt, p.place.endFrom = len(p.out), at
	}
}

// putHead puts the head in at i, unless it is in.
func (p *page) putHead(i int) {
	if p.place.head {
		return
	}
	p.place.head = true
	p.copyTo(i)
	if p.place.late {
		p.place.headAt = len(p.out)
		return
	}
	p.out = p.o.Head(p.out)
}

// putStart puts the start in at i.
func (p *page) putStart(i int) {
	p.place.state = inBody
	if p.o.Start != nil {
		p.copyTo(i)
		p.out = p.o.Start(p.out, p.doc())
	}
	if p.place.head && p.place.ended {
		p.place.state = placed
	}
}

// putEnd puts the end in where endAt says.
func (p *page) putEnd() {
	p.place.ended = true
	at := p.place.endAt
	if at < 0 {
		return
	}
	tail := len(p.out)
	p.out = p.o.End(p.out, p.doc())
	p.insert(at, tail)
	p.place.endAt = -1
}

// endDue reports whether the end's place is so far back by now, with src[:i]
// done, that no later one counts.
func (p *page) endDue(i int) bool {
	return !p.place.ended && p.place.endAt >= 0 && p.base+int64(i)-p.place.endFrom > maxHold
}

// finish ends the page, whose last complete token ends at i.
func (p *page) finish(i int) {
	if p.mode == modeData && !p.xml && p.templates == 0 {
		if p.place.state < inBody && p.place.document {
			p.content(i)
		}
		if p.place.state == inBody && !p.place.ended && p.place.endAt < 0 {
			p.copyTo(i)
			p.place.endAt = len(p.out)
		}
	}
	if !p.place.ended {
		p.copyTo(i)
		p.putEnd()
	}
	if p.place.headAt >= 0 {
		p.copyTo(i)
		tail := len(p.out)
		p.out = p.o.Head(p.out)
		p.insert(p.place.headAt, tail)
		p.place.headAt = -1
	}
}

// insert moves what is in out behind tail to at.
func (p *page) insert(at, tail int) {
	p.tmp = append(p.tmp[:0], p.out[tail:]...)
	copy(p.out[at+len(p.tmp):], p.out[at:tail])
	copy(p.out[at:], p.tmp)
}

// doc is what the page has said of itself.
func (p *page) doc() Doc { return Doc{Lang: p.place.lang, AMP: p.place.amp} }

// langOf takes the page's language, and whether it is AMP, which allows no foreign script.
func (p *page) langOf() {
	for i := range p.attrs {
		switch a := &p.attrs[i]; a.id {
		case attrLang:
			if len(p.place.lang) == 0 {
				p.place.lang = append(p.place.lang[:0], p.decoded(a)...)
			}
		case attrAmp:
			p.place.amp, p.place.head = true, true
		}
	}
}

// findLink looks whether the link at i goes to LinkTo, which makes the end
// unnecessary.
func (p *page) findLink(i int) {
	if p.o.LinkTo == "" || p.noscript || p.endDue(i) {
		return
	}
	for k := range p.attrs {
		if p.attrs[k].id != attrHref {
			continue
		}
		url, ok := bytes.CutPrefix(p.urlOf(&p.attrs[k]), []byte(p.o.LinkTo))
		if ok && (len(url) == 0 || url[0] == '?' || url[0] == '#') {
			p.place.ended = true
		}
		return
	}
}
