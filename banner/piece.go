package banner

import "strings"

// A piece is markup with holes, made once for each language. Filling the holes
// costs no allocation.
type piece []part

// A part is a run of finished bytes and the hole after it.
type part struct {
	text []byte
	hole hole
}

// A hole is a place whose text comes from the Page.
type hole uint8

const (
	noHole       hole = iota
	originHole        // Origin
	returnHole        // ReturnTo
	policyHole        // Policy
	sourceHole        // the hidden field of Source, if there is one
	purposesHole      // the names of Purposes
	changedHole       // the sentence for Changed
	topHole           // the address of this page without its fragment's name
)

// pieces are all pieces of one language.
type pieces struct {
	html, xml startPieces
	end       piece // the line at the end of HTML pages
	plain     piece // the link without any style, for AMP and XML

	names   map[string][]byte // purposes, escaped
	comma   []byte
	changed []byte
	news    func(News) []string
	new     string // the sentence for News, with {names}
}

// startPieces are those that stand first in the body: the question about
// counting alone and about several purposes, with and without buttons, and the
// two confirmations.
type startPieces struct {
	count, ask, countLink, askLink piece
	yes, no                        piece
}

// start is the piece that stands first in the body of p, or nil.
func (ps *pieces) start(p *Page) piece {
	switch {
	case p.AMP && p.Choice == Undecided:
		return ps.plain
	case p.AMP:
		return nil
	case p.XHTML:
		return ps.xml.of(p)
	default:
		return ps.html.of(p)
	}
}

func (ps *startPieces) of(p *Page) piece {
	counts := countsAlone(p.Purposes)
	switch {
	case p.Choice == Accepted:
		return ps.yes
	case p.Choice == Declined:
		return ps.no
	case p.LinkOnly && counts:
		return ps.countLink
	case p.LinkOnly:
		return ps.askLink
	case counts:
		return ps.count
	default:
		return ps.ask
	}
}

// A pieceBuilder writes a piece from its beginning to its end.
type pieceBuilder struct {
	piece piece
	text  []byte
}

// raw adds finished markup, which is ASCII.
func (b *pieceBuilder) raw(markup string) *pieceBuilder {
	b.text = append(b.text, markup...)
	return b
}

// say adds text, escaped.
func (b *pieceBuilder) say(text string) *pieceBuilder {
	b.text = appendText(b.text, text)
	return b
}

// open adds a hole.
func (b *pieceBuilder) open(h hole) *pieceBuilder {
	b.piece = append(b.piece, part{text: b.text, hole: h})
	b.text = nil
	return b
}

func (b *pieceBuilder) done() piece {
	return append(b.piece, part{text: b.text})
}

// appendPiece appends c with its holes filled from p.
func appendPiece(dst []byte, c piece, ps *pieces, p *Page) []byte {
	for i := range c {
		dst = append(dst, c[i].text...)
		switch c[i].hole {
		case originHole:
			dst = appendText(dst, p.Origin)
		case returnHole:
			dst = appendText(dst, p.ReturnTo)
		case policyHole:
			dst = appendText(dst, p.Policy)
		case sourceHole:
			dst = appendSource(dst, p.Source)
		case purposesHole:
			dst = appendPurposes(dst, ps, p.Purposes)
		case changedHole:
			if p.Changed {
				dst = ps.appendChanged(dst, &p.News)
			}
		case topHole:
			// A bare # would lead to the base element's address where there is one.
			dst = appendText(dst, p.Origin)
			dst = appendText(dst, p.ReturnTo)
			dst = append(dst, '#')
		}
	}
	return dst
}

// maxNews is how many new things the question names. The consent page has all.
const maxNews = 4

// appendChanged says that the list has changed, and what is new in it.
func (ps *pieces) appendChanged(dst []byte, n *News) []byte {
	dst = append(dst, ps.changed...)
	names := ps.news(*n)
	if len(names) == 0 {
		return dst
	}
	if len(names) > maxNews {
		names = append(names[:maxNews], "…")
	}
	before, after, _ := strings.Cut(ps.new, "{names}")
	dst = appendText(dst, before)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ps.comma...)
		}
		dst = appendText(dst, name)
	}
	return append(appendText(dst, after), `<br/>`...)
}

func appendSource(dst []byte, source string) []byte {
	if source == "" {
		return dst
	}
	dst = append(dst, `<input type="hidden" name="source" value="`...)
	dst = appendText(dst, source)
	return append(dst, `"/>`...)
}

// appendPurposes appends the names of purposes; none asked for is counting alone.
func appendPurposes(dst []byte, ps *pieces, ids []string) []byte {
	if len(ids) == 0 {
		return append(dst, ps.names[statistics]...)
	}
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ps.comma...)
		}
		if name, ok := ps.names[id]; ok {
			dst = append(dst, name...)
			continue
		}
		dst = appendText(dst, id)
	}
	return dst
}
