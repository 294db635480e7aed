package banner

// An Embed is a held video, map or the like, as the visitor is told of it in
// its place.
type Embed struct {
	// Lang is the page's own lang attribute, may be empty.
	Lang []byte
	// AcceptLanguage is the visitor's header.
	AcceptLanguage string
	// Kind is "video", "map", "audio", "post", "form" or "captcha"; anything
	// else is spoken of as a part of the page.
	Kind string
	// Name is the provider's, or its host when the catalogue has none.
	Name string
	// Show is the path that shows it once: /_lychgate/embed/...
	Show string
	// Post makes showing it a form's POST, for plain http.
	Post bool
	// Source is the URL of the embed itself, a link for those who would rather
	// go there. May be empty.
	Source string
	// Origin is put before our paths, for pages with a base element. May be empty.
	Origin string
}

// AppendEmbed appends the document that stands in the frame of a held embed,
// for its srcdoc attribute; the caller escapes it for its place. It holds no
// script and is pure ASCII.
func (b *Banner) AppendEmbed(dst []byte, e *Embed) []byte {
	l := b.tongues.choose(e.Lang, e.AcceptLanguage)
	kind := e.Kind
	if _, ok := l.EmbedShow[kind]; !ok {
		kind = "other"
	}
	dst = append(dst, `<!doctype html><html lang="`...)
	dst = append(dst, l.Tag...)
	dst = append(dst, `" dir="`...)
	dst = append(dst, l.Dir...)
	dst = append(dst, `"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>`...)
	dst = appendText(dst, e.Name)
	dst = append(dst, `</title><style>`...)
	dst = append(dst, embedStyle...)
	dst = append(dst, `</style></head><body><p>`...)
	dst = appendText(dst, fill(l.Embed, "name", e.Name))
	dst = append(dst, ' ')
	if kind == "captcha" {
		dst = appendText(dst, l.EmbedNeeded)
		dst = append(dst, ' ')
	}
	dst = appendText(dst, fill(l.EmbedHappens, "name", e.Name))
	dst = append(dst, `</p>`...)
	dst = appendShow(dst, e, fill(l.EmbedShow[kind], "name", e.Name))
	dst = append(dst, `<p><a href="`...)
	dst = appendText(dst, e.Origin)
	dst = append(dst, `/_lychgate/consent?lang=`...)
	dst = append(dst, l.Tag...)
	dst = append(dst, `" target="_top">`...)
	dst = appendText(dst, l.EmbedAlways)
	dst = append(dst, `</a>`...)
	if e.Source != "" {
		dst = append(dst, ` <a href="`...)
		dst = appendText(dst, e.Source)
		dst = append(dst, `" target="_top" rel="noreferrer">`...)
		dst = appendText(dst, fill(l.EmbedSource, "name", e.Name))
		dst = append(dst, `</a>`...)
	}
	return append(dst, `</p></body></html>`...)
}

// appendShow appends the press that shows the embed.
func appendShow(dst []byte, e *Embed, label string) []byte {
	if e.Post {
		dst = append(dst, `<form method="post" action="`...)
	} else {
		dst = append(dst, `<p><a class="show" href="`...)
	}
	dst = appendText(dst, e.Origin)
	dst = appendText(dst, e.Show)
	if e.Post {
		dst = append(dst, `"><button class="show">`...)
		dst = appendText(dst, label)
		return append(dst, `</button></form>`...)
	}
	dst = append(dst, `">`...)
	dst = appendText(dst, label)
	return append(dst, `</a></p>`...)
}

// EmbedStyleHash is the CSP source expression of the placeholder's style, which
// obeys the policy of the page around it. Without it the words still show.
func EmbedStyleHash() string { return cspHash(embedStyle) }

const embedStyle = `body{font:16px/1.4 system-ui,sans-serif;margin:1em;text-align:center}`
