package banner

import "strings"

// The paths the pieces lead to.
const consentPath = "/_lychgate/consent"

// A dress is how a piece is kept from the site's styles: a shadow root in HTML,
// strong rules in XML.
type dress struct {
	style string
	light bool
}

// makePieces writes every piece of one language.
func (b *Banner) makePieces(s *speech) *pieces {
	ps := &pieces{
		html:    b.dressed(s, dress{b.askSheet.shadow.text, false}, dress{b.savedSheet.shadow.text, false}),
		xml:     b.dressed(s, dress{b.askSheet.light.text, true}, dress{b.savedSheet.light.text, true}),
		end:     b.end(s),
		plain:   b.plain(s),
		names:   map[string][]byte{},
		comma:   appendText(nil, s.Comma),
		changed: append(appendText(nil, s.Changed), ' '),
		news:    func(n News) []string { return s.news(view{W: s, b: b}, n) },
		new:     s.StateChanged,
	}
	for id := range s.Purposes {
		ps.names[id] = appendText(nil, b.purpose(s.locale, id).Name)
	}
	for _, p := range b.config.Purposes {
		ps.names[p.ID] = appendText(nil, b.purpose(s.locale, p.ID).Name)
	}
	return ps
}

// dressed writes the pieces that stand first in the body.
func (b *Banner) dressed(s *speech, ask, saved dress) startPieces {
	return startPieces{
		count:     b.ask(s, s.count, ask, true),
		ask:       b.ask(s, s.ask, ask, true),
		countLink: b.ask(s, s.count, ask, false),
		askLink:   b.ask(s, s.ask, ask, false),
		yes:       b.saved(s, s.SavedYes, saved),
		no:        b.saved(s, s.SavedNo, saved),
	}
}

// ask writes the question. The two buttons are one class, one size, side by
// side, in the order yes and no; without buttons the link alone is left.
func (b *Banner) ask(s *speech, q question, d dress, buttons bool) piece {
	w := &pieceBuilder{}
	b.open(w, s, d, false)
	box := "div"
	if buttons {
		box = "form"
		w.raw(`<form class="w" dir="` + s.Dir + `" method="post" action="`).open(originHole).raw(consentPath + `">`)
	} else {
		w.raw(`<div class="w" dir="` + s.Dir + `">`)
	}
	w.raw(`<div class="t"><h2>`).say(q.Heading).raw(`</h2><p>`).open(changedHole)
	before, after, named := strings.Cut(q.Text, purposesMark)
	w.say(before)
	if named {
		w.open(purposesHole).say(after)
	}
	w.raw(` `)
	consentLink(w, s, s.Details)
	w.raw(`</p></div>`)
	if buttons {
		w.raw(`<div class="b"><button name="decision" value="accept">`).say(q.Accept).
			raw(`</button><button name="decision" value="decline">`).say(q.Decline).
			raw(`</button></div><input type="hidden" name="return_to" value="`).open(returnHole).
			raw(`"/><input type="hidden" name="policy" value="`).open(policyHole).
			raw(`"/><input type="hidden" name="lang" value="` + s.Tag + `"/>`).open(sourceHole)
	}
	w.raw(`</` + box + `>`)
	b.close(w, s, d, true)
	return w.done()
}

// saved writes the confirmation, which shows itself only as the target of
// return_to#lychgate.
func (b *Banner) saved(s *speech, sentence string, d dress) piece {
	w := &pieceBuilder{}
	b.open(w, s, d, true)
	w.raw(`<div class="w" dir="` + s.Dir + `"><p class="t">`).say(sentence).raw(` `)
	consentLink(w, s, s.Link)
	w.raw(`</p><p><a href="`).open(topHole).raw(`">`).say(s.Hide).raw(`</a></p></div>`)
	b.close(w, s, d, false)
	return w.done()
}

// regionName is what a screen reader calls the region: for a site that was
// given no name, the title of the consent page, since the line at the end of the
// page goes by the words of its link.
func (b *Banner) regionName(s *speech) string {
	if b.config.SiteName == "" {
		return s.Title
	}
	return fill(s.Region, "site", b.config.SiteName)
}

// open writes the region's beginning and its style.
func (b *Banner) open(w *pieceBuilder, s *speech, d dress, target bool) {
	w.raw(`<section id="lychgate" lang="` + s.Tag + `" aria-label="`).say(b.regionName(s)).raw(`"`)
	if target {
		w.raw(` tabindex="-1"`)
	}
	if d.light {
		w.raw(` xmlns="http://www.w3.org/1999/xhtml">`)
	} else {
		w.raw(` data-nosnippet>`)
		if b.config.Place == placeBottom && !target {
			w.raw(`<style>` + scrollStyle.text + `</style>`)
		}
		w.raw(`<template shadowrootmode="open">`)
	}
	w.raw(`<style>` + d.style + `</style>`)
}

// close writes the region's end. What stands after the template is seen only by
// a browser that knows no declarative shadow roots.
func (b *Banner) close(w *pieceBuilder, s *speech, d dress, fallback bool) {
	if !d.light {
		w.raw(`</template>`)
		if fallback {
			w.raw(`<p>`)
			consentLink(w, s, s.Link)
			w.raw(`</p>`)
		}
	}
	w.raw(`</section>`)
}

// end writes the line at the end of every page of a visitor who has decided. Its
// element is one of our own name, so that it moves no :last-of-type of the site.
func (b *Banner) end(s *speech) piece {
	w := (&pieceBuilder{}).raw(`<lychgate-link role="region" lang="` + s.Tag + `" aria-label="`).say(s.Link).
		raw(`" data-nosnippet><template shadowrootmode="open"><style>` + b.savedSheet.shadow.text + `</style><p class="w e" dir="` + s.Dir + `">`)
	consentLink(w, s, s.Link)
	w.raw(`</p></template><p>`)
	consentLink(w, s, s.Link)
	return w.raw(`</p></lychgate-link>`).done()
}

// plain writes the link and nothing else.
func (b *Banner) plain(s *speech) piece {
	w := (&pieceBuilder{}).raw(`<div role="region" lang="` + s.Tag + `" dir="` + s.Dir + `" aria-label="`).say(s.Link).raw(`"><p>`)
	consentLink(w, s, s.Link)
	return w.raw(`</p></div>`).done()
}

// consentLink writes the link to the consent page in the same language.
func consentLink(w *pieceBuilder, s *speech, label string) {
	w.raw(`<a href="`).open(originHole).raw(consentPath + `?lang=` + s.Tag + `" rel="nofollow">`).say(label).raw(`</a>`)
}
