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
package banner

import (
	"fmt"
	"slices"
)

// A Banner writes the pieces for one site. It is safe for concurrent use.
type Banner struct {
	config  Config
	tongues *tongues
}

// Config says how one site's banner looks and speaks. The zero value is the
// default banner: first in the body, every shipped language, own words.
type Config struct {
	// SiteName is the name of the site as visitors know it, used in the
	// region's accessible name. Default: the site's first host.
	SiteName string
	// Place is "top" (first in body, in flow; the default) or "bottom".
	Place string
	// Languages limits the shipped languages to these tags, the first of which
	// is spoken where nothing else fits. Default: all, English first.
	Languages []string
	// Purposes are the owner's own purposes, or other words for shipped ones.
	Purposes []Purpose
}

// New returns the Banner of one site.
func New(c Config) (*Banner, error) {
	locales, err := shipped()
	if err != nil {
		return nil, err
	}
	if len(c.Languages) > 0 {
		if locales, err = pick(locales, c.Languages); err != nil {
			return nil, err
		}
	}
	return &Banner{config: c, tongues: newTongues(locales)}, nil
}

// pick returns the locales with these tags, in their order.
func pick(locales []*locale, tags []string) ([]*locale, error) {
	var picked []*locale
	for _, tag := range tags {
		i := slices.IndexFunc(locales, func(l *locale) bool { return l.Tag == tag })
		if i < 0 {
			return nil, fmt.Errorf("language %q is not shipped", tag)
		}
		picked = append(picked, locales[i])
	}
	return picked, nil
}

// A Choice is what the page's visitor has answered, as far as words need it.
type Choice uint8

// The answers.
const (
	Undecided Choice = iota
	Accepted
	Declined
)

// A Fact is one line about the visitor's own state, in plain words, for the
// consent page: "Pages seen in this visit", "3".
type Fact struct{ Name, Value string }

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
	// Origin ("https://oaks.example") is put before our paths. It is needed only
	// on pages whose base element would lead them elsewhere.
	Origin string
}

// AppendStart appends what stands first in the body: the question for an
// undecided visitor, the hidden confirmation for one who has decided.
func (b *Banner) AppendStart(dst []byte, p *Page) []byte { return dst }

// AppendEnd appends what stands before the last </body>: the link to the
// consent page for visitors who have decided.
func (b *Banner) AppendEnd(dst []byte, p *Page) []byte { return dst }

// StyleHash is the CSP source expression ('sha256-...', with its quotes) of the
// one inline style that AppendStart writes for p.
func (b *Banner) StyleHash(p *Page) string { return "" }
