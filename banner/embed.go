package banner

import "strings"

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
	// Show is the path that shows it once: /_lychgate/embed/... Empty where it
	// cannot be shown alone.
	Show string
	// Post makes showing it a form's POST, for plain http.
	Post bool
	// Source is the URL of the embed itself, a link for those who would rather
	// go there. May be empty.
	Source string
	// Origin is put before our paths, for pages with a base element. May be empty.
	Origin string
}

// embedStyle is the placeholder's style. It obeys the policy of the page around
// it; where that forbids it, the words stand there in the browser's own dress,
// readable in any theme.
var embedStyle = hashed("body{margin:0;min-height:100vh;box-sizing:border-box;padding:1em;display:grid;place-content:center;gap:.6em;text-align:center;" +
	"font:1rem/1.4 system-ui,sans-serif;overflow-wrap:anywhere;background:#f4f1ea;color:#1c1c1c}p,form{margin:0}a{color:#0b4a8f;margin:0 .5em}" +
	".show{display:inline-flex;align-items:center;justify-content:center;box-sizing:border-box;min-height:44px;padding:.6em 1em;border:2px solid transparent;border-radius:.3em;background:#1d3f6e;color:#fff;" +
	"font:inherit;font-weight:600;line-height:1.25;text-decoration:none;cursor:pointer}:focus-visible{outline:3px solid;outline-offset:2px}.show:focus-visible{outline-color:#1c1c1c}" +
	"@media (max-height:250px){body{font-size:.82rem;line-height:1.3;padding:.4em .5em;gap:.3em}.show{padding:.3em .8em}}" + // a film on a phone: 320 by 180
	"@media (max-height:140px){body{display:flex;flex-wrap:wrap;place-content:center;align-items:center;gap:.1em .8em;padding:.1em .4em}p:first-child{order:1;flex:0 1 100%}}" + // a player of sound: 80 high
	"@media (prefers-color-scheme:dark){body{background:#20242b;color:#f2f2f2}a{color:#a9ccff}.show{background:#cfe1fb;color:#10213a}.show:focus-visible{outline-color:#f2f2f2}}")

// EmbedStyleHash is the CSP source expression of the placeholder's style, which
// obeys the policy of the page around it. Without it the words still show.
func EmbedStyleHash() string { return embedStyle.hash }

// embedPieces are a placeholder's words in one language, ready to append.
type embedPieces struct {
	head          []byte // up to the title
	from, happens named
	needed        []byte // what a captcha adds
	show          map[string]named
	always        []byte // the end of the link to the consent page
	source        named
}

// named is escaped text around a provider's name.
type named struct{ before, after []byte }

func makeNamed(text string) named {
	before, after, _ := strings.Cut(text, "{name}")
	return named{appendText(nil, before), appendText(nil, after)}
}

func (n named) append(dst []byte, name string) []byte {
	dst = append(dst, n.before...)
	dst = appendText(dst, name)
	return append(dst, n.after...)
}

func makeEmbedPieces(l *locale) *embedPieces {
	e := &embedPieces{
		head: []byte(`<!doctype html><html lang="` + l.Tag + `" dir="` + l.Dir +
			`"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><style>` + embedStyle.text + `</style><title>`),
		from:    makeNamed(l.Embed),
		happens: makeNamed(l.EmbedHappens),
		needed:  appendText([]byte{' '}, l.EmbedNeeded),
		show:    map[string]named{},
		source:  makeNamed(l.EmbedSource),
	}
	for kind, label := range l.EmbedShow {
		e.show[kind] = makeNamed(label)
	}
	e.always = append(appendText([]byte(consentPath+`?lang=`+l.Tag+`" target="_top">`), l.EmbedAlways), `</a>`...)
	return e
}

// AppendEmbed appends the document that stands in the frame of a held embed,
// for its srcdoc attribute; the caller escapes it for its place. It holds no
// script and is pure ASCII.
func (b *Banner) AppendEmbed(dst []byte, e *Embed) []byte {
	w := b.tongues.choose(e.Lang, e.AcceptLanguage).embed()
	show, ok := w.show[e.Kind]
	if !ok {
		show = w.show["other"]
	}
	dst = append(dst, w.head...)
	dst = appendText(dst, e.Name)
	dst = append(dst, `</title></head><body><p>`...)
	dst = w.from.append(dst, e.Name)
	if e.Kind == "captcha" {
		dst = append(dst, w.needed...)
	}
	dst = append(dst, ' ')
	dst = w.happens.append(dst, e.Name)
	dst = append(dst, `</p>`...)
	if e.Show != "" {
		dst = appendShow(dst, e, show)
	}
	dst = append(dst, `<p><a href="`...)
	dst = appendText(dst, e.Origin)
	dst = append(dst, w.always...)
	if e.Source != "" {
		dst = append(dst, ` <a href="`...)
		dst = appendText(dst, e.Source)
		dst = append(dst, `" target="_top" rel="noreferrer">`...)
		dst = w.source.append(dst, e.Name)
		dst = append(dst, `</a>`...)
	}
	return append(dst, `</p></body></html>`...)
}

// appendShow appends the press that shows the embed: a link, or the button of a
// form where a link's press could not be told from a script's.
func appendShow(dst []byte, e *Embed, label named) []byte {
	if e.Post {
		dst = append(dst, `<form method="post" action="`...)
	} else {
		dst = append(dst, `<p><a class="show" href="`...)
	}
	dst = appendText(dst, e.Origin)
	dst = appendText(dst, e.Show)
	if e.Post {
		dst = append(dst, `"><button class="show">`...)
		dst = label.append(dst, e.Name)
		return append(dst, `</button></form>`...)
	}
	dst = append(dst, `">`...)
	dst = label.append(dst, e.Name)
	return append(dst, `</a></p>`...)
}
