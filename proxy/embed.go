package proxy

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"strings"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// embedPath is where held embeds are shown after a press.
const embedPath = consent.Prefix + "embed/"

// An embed is a held frame as the site wrote it, to be shown after a press.
type embed struct {
	url, title, allow, sandbox string
	sandboxed                  bool // it has a sandbox attribute, even if empty
	fullscreen                 bool
}

// encode is the text that is signed.
func (e *embed) encode() []byte {
	flags := ""
	if e.sandboxed {
		flags += "s"
	}
	if e.fullscreen {
		flags += "f"
	}
	fields := []string{e.url, e.title, e.allow, e.sandbox, flags}
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(f, "\x00", "\uFFFD")
	}
	return []byte(strings.Join(fields, "\x00"))
}

// decodeEmbed reads what encode wrote.
func decodeEmbed(text []byte) (embed, bool) {
	f := strings.Split(string(text), "\x00")
	if len(f) != 5 {
		return embed{}, false
	}
	return embed{
		url: f[0], title: f[1], allow: f[2], sandbox: f[3],
		sandboxed: strings.Contains(f[4], "s"), fullscreen: strings.Contains(f[4], "f"),
	}, true
}

// serveEmbed shows one held embed after its visitor's press, and nothing else
// makes it: no script of the site, no prefetch, no link on another site that
// could be framed. What is shown is what the site wrote, signed into its page.
func (s *site) serveEmbed(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Frame-Options", "SAMEORIGIN") // stands in the site's pages
	h.Del("Cross-Origin-Opener-Policy")
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD, POST")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	text, ok := s.thirdParties.embeds.Open(r.URL.Path)
	if !ok {
		s.notFound(w, r)
		return
	}
	e, ok := decodeEmbed(text)
	var t target
	t.parse([]byte(e.url), "")
	if !ok || t.kind != hostTarget || (t.scheme != "http" && t.scheme != "https") {
		s.notFound(w, r)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if !pressed(r) {
		s.askForPress(w, r, &e, &t)
		return
	}
	// The provider's player often will not play for nobody: what browsers send by
	// default is the bare origin.
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-src "+s.frameSources(&t)+"; style-src "+embedStyleHash+
		"; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
	writeHTML(w, r, e.appendPlayer(nil))
}

// pressed reports whether a request follows from a person's press: browsers say
// so by Sec-Fetch-User (Fetch Metadata section 2.4). Over plain http they say
// nothing, so there a form must have been sent from one of our own pages.
func pressed(r *http.Request) bool {
	h := r.Header
	if get(h, "Sec-Fetch-Mode") != "" || get(h, "Sec-Fetch-Site") != "" || get(h, "Sec-Fetch-Dest") != "" {
		return get(h, "Sec-Fetch-User") == "?1" && get(h, "Sec-Fetch-Mode") == "navigate"
	}
	// A frame with the site's own sandbox has no origin and says null.
	origin := get(h, "Origin")
	return r.Method == http.MethodPost && (origin == "null" || origin == r.URL.Scheme+"://"+r.URL.Host)
}

// askForPress shows the placeholder again.
func (s *site) askForPress(w http.ResponseWriter, r *http.Request, e *embed, t *target) {
	known := s.thirdParties.catalogue.find(t.host, t.path)
	shown := banner.Embed{
		AcceptLanguage: get(r.Header, "Accept-Language"), Kind: "other", Name: string(t.host),
		Show: r.URL.Path, Post: get(r.Header, "Sec-Fetch-Mode") == "", Source: e.url,
	}
	if known != nil {
		shown.Name, shown.Kind = known.service.Name, known.service.embed
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src "+banner.EmbedStyleHash()+
		"; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
	w.WriteHeader(http.StatusForbidden)
	writeHTML(w, r, s.Banner.AppendEmbed(nil, &shown))
}

// frameSources are the provider's hosts as the policy writes them: the embed's
// own, and those of the same service, to which players redirect.
func (s *site) frameSources(t *target) string {
	list := t.scheme + "://" + hostPort(t)
	if known := s.thirdParties.catalogue.find(t.host, t.path); known != nil {
		for _, spec := range known.service.Hosts {
			host := hostOfRule(spec)
			list += " https://" + host + " https://*." + host
		}
	}
	return list
}

// embedStyle lets the provider's frame fill the one it stands in.
const embedStyle = "html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block;overflow:hidden}"

// embedStyleHash is the CSP source expression of embedStyle.
var embedStyleHash = func() string {
	sum := sha256.Sum256([]byte(embedStyle))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// appendPlayer appends the document with the provider's frame.
func (e *embed) appendPlayer(dst []byte) []byte {
	attr := func(name, value string) {
		dst = append(append(append(dst, ' '), name...), `="`...)
		dst = append(append(dst, html.EscapeString(value)...), '"')
	}
	dst = append(dst, `<!doctype html><html><head><meta charset="utf-8"><title>`...)
	dst = append(dst, html.EscapeString(e.title)...)
	dst = append(append(append(dst, `</title><style>`...), embedStyle...), `</style></head><body><iframe`...)
	attr("src", e.url)
	if e.title != "" {
		attr("title", e.title)
	}
	if e.allow != "" {
		attr("allow", e.allow)
	}
	if e.sandboxed {
		attr("sandbox", e.sandbox)
	}
	if e.fullscreen {
		dst = append(dst, " allowfullscreen"...)
	}
	return append(dst, `></iframe></body></html>`...)
}

// writeHTML writes a small page of ours.
func writeHTML(w http.ResponseWriter, r *http.Request, page []byte) {
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(page) // the visitor is gone if this fails
}
