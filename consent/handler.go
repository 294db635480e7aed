package consent

import (
	"bytes"
	"net/http"
	"net/url"

	"github.com/lychgate/lychgate/banner"
)

// routes is everything under /_lychgate/consent.
func (g *Gate) routes() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET "+pagePath, g.own(g.showPage))
	m.HandleFunc("POST "+pagePath, g.own(g.decide))
	m.HandleFunc(pagePath, g.notAllowed("GET, HEAD, POST"))
	m.HandleFunc("GET "+pagePath+"/receipt", g.own(g.showReceipt))
	m.HandleFunc("GET "+pagePath+"/verify", g.own(g.showVerify))
	m.HandleFunc("POST "+pagePath+"/verify", g.own(g.showVerify))
	m.HandleFunc("GET "+pagePath+"/checkpoint", g.showCheckpoint)
	m.HandleFunc("GET "+pagePath+"/services.html", g.showServices)
	m.HandleFunc("GET "+pagePath+"/services.json", g.listServices)
	m.HandleFunc(pagePath+"/verify", g.notAllowed("GET, HEAD, POST"))
	for _, name := range []string{"/receipt", "/checkpoint", "/services.html", "/services.json"} {
		m.HandleFunc(pagePath+name, g.notAllowed("GET, HEAD"))
	}
	m.HandleFunc("/", g.notFound)
	return m
}

// own wraps what belongs to the visitor alone: headers that keep it so, and no
// answer but to a navigation, so that the site's own scripts can neither read a
// receipt nor press a button.
func (g *Gate) own(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
			g.fail(w, r, http.StatusForbidden, "")
			return
		}
		h(w, r)
	}
}

// ownHeaders are those of every page and answer of this room.
func ownHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", banner.PagePolicy())
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "browsing-topics=()")
	// Not no-referrer: over plain http the form's Origin would then be "null".
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
}

// html sends a page that was written whole before its first byte leaves.
func (g *Gate) html(w http.ResponseWriter, status int, write func(*bytes.Buffer) error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		g.config.Log.Error("page could not be written", "site", g.config.Site, "err", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	ownHeaders(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a visitor who left needs no answer
}

// fail sends a calm page with a way back.
func (g *Gate) fail(w http.ResponseWriter, r *http.Request, status int, back string) {
	g.failed(w, &banner.ErrorPage{Visitor: visitor(r), Status: status, ReturnTo: back})
}

func (g *Gate) failed(w http.ResponseWriter, p *banner.ErrorPage) {
	g.html(w, p.Status, func(b *bytes.Buffer) error { return g.config.Banner.WriteError(b, p) })
}

func (g *Gate) notAllowed(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		g.fail(w, r, http.StatusMethodNotAllowed, "")
	}
}

func (g *Gate) notFound(w http.ResponseWriter, r *http.Request) {
	g.fail(w, r, http.StatusNotFound, "")
}

// visitor is in which language a page speaks to r: the one asked for in the
// form or the address, else the browser's.
func visitor(r *http.Request) banner.Visitor {
	lang := r.PostForm.Get("lang")
	if lang == "" {
		lang = r.URL.Query().Get("lang")
	}
	return banner.Visitor{Lang: lang, AcceptLanguage: r.Header.Get("Accept-Language")}
}

// sameOrigin reports whether a POST was sent by a page of this site. A browser
// says so in Sec-Fetch-Site, whatever Origin says; over plain http, where it
// does not, Origin must be this very origin, and Referer where Origin is missing.
// A request that carries none of them comes from no browser that could be
// tricked.
func (g *Gate) sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	if g.cross.Check(r) != nil {
		return false
	}
	from := r.Header.Get("Origin")
	if from == "" {
		from = r.Header.Get("Referer")
	}
	if from == "" {
		return true
	}
	u, err := url.Parse(from)
	return err == nil && u.Scheme == r.URL.Scheme && u.Host == r.URL.Host
}
