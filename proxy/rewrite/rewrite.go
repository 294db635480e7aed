// Package rewrite is the streaming HTML pass: it finds what a page would load,
// asks a judge, and writes the page back. It knows HTML, not sites.
//
// [Append] takes a whole page, a [Writer] one that comes in parts; both put out
// the same bytes, and those of the page itself wherever nothing changes: output
// is made of ranges of the input, not of tokens. A page goes through like this.
// page.data looks for "<", reads the tag (scan.go) with only those attributes
// that mean something (names.go), judges it (judge.go, link.go, meta.go,
// script.go, css.go, srcset.go, ...) and writes it if anything changed (edit.go,
// which says what held elements look like). Start, End and Head find their
// places on the way (place.go).
//
// # How sure it is
//
// No tree is built. What decides how the next token is read is kept: raw text
// and its end (raw.go), what is open inside svg and math (foreign.go), select,
// template, frameset. Where browsers themselves differ, by having scripts or not
// or by their age, and where too little is known of the tree, text is read both
// ways (text.go): as raw text and as markup. If the two do not end at the same
// place, the text is left out, so that what follows is read alike by everybody.
// In doubt the rewriter holds.
//
// It asks about more than browsers load: a reference in a duplicate attribute is
// not asked about, one in an element that happens to be inert is. What the
// visitor does is not asked about: links, forms and formaction pass.
//
// # What it does not see
//
// Addresses that scripts put together at run time, and markup in a page whose
// encoding hides ASCII: UTF-16 is converted where a byte order mark names it, and
// must be given one where only a header does. A page's Content-Security-Policy
// is the belt for both.
package rewrite

// A Dest is what the browser would fetch a URL for, after the destinations of
// the Fetch standard, with the cases added that Fetch does not name.
type Dest uint8

// The destinations.
const (
	Script   Dest = iota // script, modulepreload, import map entries, svg script
	Worker               // worker and service worker scripts
	Style                // link rel=stylesheet, @import
	Image                // img, srcset, poster, icons, background, CSS url(), svg image
	Font                 // CSS @font-face, preload as=font
	Media                // audio, video, source, track
	Frame                // iframe, frame, portal
	Object               // object, embed, applet
	Manifest             // link rel=manifest
	Hint                 // preconnect, dns-prefetch, prefetch, prerender, speculation rules
	Beacon               // a ping, attributionsrc, report-uri
	Refresh              // meta refresh
	Base                 // base href: nothing loads it, Pass is the usual answer; asked so that a name can be replaced
)

// A Ref is one URL that a page would make the browser contact. Its slices are
// valid only during the call.
type Ref struct {
	Dest Dest
	// Tag and Attr name where it stands, in lower case; Attr is empty for URLs
	// found in CSS or script text.
	Tag, Attr []byte
	// URL is the reference as the browser's URL parser would start on it:
	// character references decoded, tabs and newlines removed, surrounding
	// blanks trimmed. It is not resolved.
	URL []byte
	// Base is the page's <base href> in the same form, or nil.
	Base []byte
	// Noscript is true inside noscript, Pixel for images that are hidden or at
	// most 2 px by their attributes.
	Noscript, Pixel bool
	// Fixed is true where nothing else can be put in the URL's place, as in text
	// that browsers read in more than one way: Replace counts as Hold.
	Fixed bool
	// Rootless is true in a document without an address, that of a data: URL:
	// only an absolute URL leads anywhere from there.
	Rootless bool
	// Title, Allow and Sandbox are those attributes of a frame, decoded; nil
	// where it has none (an empty sandbox is not nil). Fullscreen is its
	// allowfullscreen. They let a judge show the frame later as the site meant it.
	Title, Allow, Sandbox []byte
	Fullscreen            bool
}

// An Action is what happens to a Ref.
type Action uint8

// The actions.
const (
	// Pass leaves the element byte for byte as it is.
	Pass Action = iota
	// Hold makes the element inert: no URL of it is left that a browser would contact.
	Hold
	// Replace puts Verdict.URL in the place of the reference. A link's integrity
	// is left out: a style sheet from there may be written anew.
	Replace
)

// A Verdict is a Judge's answer.
type Verdict struct {
	Action Action
	// URL is the replacement, not yet escaped for its place. It is copied before
	// the next call, so a judge may use one buffer for all answers.
	URL []byte
	// Document is, for a held frame, the placeholder put into srcdoc, not yet
	// escaped; nil leaves the frame empty. Copied like URL.
	Document []byte
}

// A Judge says what happens to what a page would load. Its methods are called
// in document order, from one goroutine at a time per page.
type Judge interface {
	// URL is asked for every reference.
	URL(r *Ref) Verdict
	// Script is asked for every inline script that runs, with its text as written;
	// Replace counts as Hold.
	Script(text []byte) Action
	// Meta is asked for the content of <meta http-equiv=content-security-policy>
	// and <meta name=referrer>; name is the lower-case http-equiv or name. It
	// returns the new content, or nil to leave it.
	Meta(name, content []byte) []byte
}

// A Doc is what a page says of itself before its body.
type Doc struct {
	Lang []byte // its lang attribute; good during the call
	AMP  bool   // it keeps to AMP's rules: no form, no style, no script of others
}

// Options says what one page needs.
type Options struct {
	// Judge is asked what may load; nil passes everything.
	Judge Judge
	// Start appends what goes in first in the body; nil puts nothing in.
	Start func(dst []byte, d Doc) []byte
	// End appends what goes in before the last </body>; it is left out when the
	// page itself links to LinkTo.
	End func(dst []byte, d Doc) []byte
	// LinkTo is a path a link to which makes End unnecessary.
	LinkTo string
	// Head appends what goes in first in the head (the guard script); nil for
	// nothing. [Append] calls it last, when the whole page has been judged, so
	// that it may append nothing where nothing was held; a [Writer] calls it when
	// it comes to the head. It should be short: browsers look for the charset in
	// the first 1024 bytes. AMP pages, which allow no script, get none.
	Head func(dst []byte) []byte
	// XHTML applies XML's rules: application/xhtml+xml and image/svg+xml.
	XHTML bool
	// Document says that this is a page of its own and no fragment, even where
	// no doctype, html, head or body says so.
	Document bool
}

// Append appends the page src to dst as o wants it. It allocates nothing in
// steady state. Where nothing changes the bytes are those of src.
func Append(dst, src []byte, o *Options) []byte {
	p := newPage(o)
	dst = p.rewrite(dst, src)
	p.free()
	return dst
}

// AppendCSS appends the style sheet src to dst, its URLs judged by j.
func AppendCSS(dst, src []byte, j Judge) []byte {
	o := Options{Judge: j}
	p := newPage(&o)
	out, changed := p.css(dst, src)
	p.free()
	if !changed {
		return append(dst, src...)
	}
	return out
}
