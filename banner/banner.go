// Package banner holds every word, template and style a visitor sees. It knows
// no HTTP and no storage: it is given facts and appends HTML.
//
// Two halves meet here. Into the site's own pages go three small pieces, each
// written for somebody else's markup and style sheets: the question, the
// confirmation after an answer, and the link back. And there are lychgate's own
// pages (consent, receipt, errors), complete documents with a style of their own.
//
// Everything put into a foreign page is pure ASCII with numeric character
// references, so that it reads the same in every ASCII-compatible encoding.
//
// # Why it looks like this
//
// The question is server-rendered, in flow and first in the body: it is there
// at first paint, shifts nothing afterwards, is first in reading and focus
// order, and covers nothing. With Place "bottom" it is still first in the body,
// since a fixed box takes no space there either and a question behind a page
// full of frames would be hard to reach by keyboard.
package banner

import (
	"slices"
	"strings"
)

// A Banner writes the pieces for one site. It is safe for concurrent use.
type Banner struct {
	config               Config
	tongues              *tongues
	askSheet, savedSheet sheet
	askBottom            string // both hashes of a question fixed to the bottom
}

// New returns the Banner of one site, or everything that is wrong with c.
func New(c Config) (*Banner, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	locales, err := shipped()
	if err != nil {
		return nil, err
	}
	if len(c.Languages) > 0 {
		locales = pick(locales, c.Languages)
	}
	if c.Place == "" {
		c.Place = placeTop
	}
	b := &Banner{config: c}
	light, dark := c.themes()
	b.askSheet = makeSheet(askRules(c.Place, light, dark))
	b.askBottom = b.askSheet.shadow.hash + " " + scrollStyle.hash
	b.savedSheet = makeSheet(savedRules(c.Place, light, dark))
	b.tongues = newTongues(b.speeches(locales))
	return b, nil
}

// AtBottom reports whether the question is fixed to the bottom of the window.
func (b *Banner) AtBottom() bool { return b.config.Place == placeBottom }

// pick returns the locales with these tags, in their order.
func pick(locales []*locale, tags []string) []*locale {
	picked := make([]*locale, 0, len(tags))
	for _, tag := range tags {
		i := slices.IndexFunc(locales, func(l *locale) bool { return l.Tag == tag })
		picked = append(picked, locales[i])
	}
	return picked
}

// A Choice is what the page's visitor has answered, as far as words need it.
type Choice uint8

// The answers.
const (
	Undecided Choice = iota
	Accepted
	Declined
)

// A Page is what the pieces need to know of the page they go into.
type Page struct {
	// Lang is the page's own lang attribute, may be empty.
	Lang []byte
	// AcceptLanguage is the visitor's header, used when Lang names no shipped language.
	AcceptLanguage string
	// ReturnTo is path and query of the page, without click ids.
	ReturnTo string
	// Policy is the version of the list of purposes this page asks about.
	Policy string
	// Source is the signed source field of an arrival, or empty.
	Source string
	// Choice is the visitor's answer.
	Choice Choice
	// LinkOnly puts a link to the consent page where the buttons would be,
	// for pages whose policy forbids forms.
	LinkOnly bool
	// XHTML asks for well-formed XML.
	XHTML bool
	// AMP asks for a plain link at most: AMP pages allow no form, no style and no
	// shadow root of ours.
	AMP bool
	// Purposes are the ids of what is asked, in the order of the site's list.
	// None counts as statistics alone.
	Purposes []string
	// Changed says that the visitor answered an older list and why we ask again.
	Changed bool
	// News is what the list asks about that the older one did not.
	News News
	// Origin ("https://oaks.example") is put before our paths. It is needed only
	// on pages whose base element would lead them elsewhere.
	Origin string
}

// AppendStart appends what stands first in the body: the question for an
// undecided visitor, the hidden confirmation for one who has decided.
func (b *Banner) AppendStart(dst []byte, p *Page) []byte {
	s := b.tongues.choose(p.Lang, p.AcceptLanguage)
	ps := s.pieces()
	if c := ps.start(p); c != nil {
		return appendPiece(dst, c, ps, p)
	}
	return dst
}

// AppendEnd appends what stands before the last </body>: the link to the
// consent page for visitors who have decided.
func (b *Banner) AppendEnd(dst []byte, p *Page) []byte {
	if p.Choice == Undecided {
		return dst
	}
	ps := b.tongues.choose(p.Lang, p.AcceptLanguage).pieces()
	if p.XHTML || p.AMP {
		return appendPiece(dst, ps.plain, ps, p)
	}
	return appendPiece(dst, ps.end, ps, p)
}

// StyleHash is the CSP source expression ('sha256-...', with its quotes) of the
// inline style that AppendStart and AppendEnd write for p; two of them with a
// blank between where the banner is fixed to the bottom, none on AMP pages.
func (b *Banner) StyleHash(p *Page) string {
	sheet := &b.askSheet
	if p.Choice != Undecided {
		sheet = &b.savedSheet
	}
	switch {
	case p.AMP:
		return ""
	case p.XHTML:
		return sheet.light.hash
	case p.Choice == Undecided && b.config.Place == placeBottom:
		return b.askBottom
	default:
		return sheet.shadow.hash
	}
}

// Wording is the question as it is put to a visitor, all its words in order, for
// the record of what was shown.
func (b *Banner) Wording(v Visitor, purposes []string) string {
	s := b.speak(v)
	q := s.asked(purposes)
	if len(purposes) == 0 {
		purposes = []string{statistics}
	}
	names := make([]string, len(purposes))
	for i, id := range purposes {
		names[i] = b.purpose(s.locale, id).Name
	}
	text := fill(q.Text, "purposes", strings.Join(names, s.Comma))
	return strings.Join([]string{q.Heading, text, s.Details, q.Accept, q.Decline}, "\n")
}
