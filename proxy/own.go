package proxy

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"

	"github.com/lychgate/lychgate/banner"
)

// own sets the headers every answer of lychgate's own carries; pages add theirs.
func own(w http.ResponseWriter) {
	h := w.Header()
	h["X-Robots-Tag"] = []string{"noindex"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Referrer-Policy"] = []string{"same-origin"}
	h["X-Frame-Options"] = []string{"DENY"}
	h["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
	h["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
	h["Permissions-Policy"] = []string{"interest-cohort=(), browsing-topics=()"}
}

// healthz says that the program lives, and to a load balancer when to stop
// sending visitors. It answers for any host and tells nothing else.
func (g *Gateway) healthz(w http.ResponseWriter, _ *http.Request) {
	own(w)
	if g.draining.Err() != nil {
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	refuse(w, http.StatusOK)
}

// admin hands a request to the dashboard.
func (g *Gateway) admin(w http.ResponseWriter, r *http.Request) {
	if g.adminPage == nil {
		refuse(w, http.StatusNotFound)
		return
	}
	g.adminPage.ServeHTTP(w, r)
}

// adminOnly answers on the dashboard's own host, where no page of a site can
// stand beside it.
func (g *Gateway) adminOnly(w http.ResponseWriter, r *http.Request, admin bool) {
	own(w)
	switch {
	case admin:
		g.admin(w, r)
	case r.URL.Path == "/":
		redirect(w, adminPath+"/", http.StatusSeeOther)
	default:
		refuse(w, http.StatusNotFound)
	}
}

// notFound answers for paths of our own that do not exist.
func (s *site) notFound(w http.ResponseWriter, r *http.Request) { s.calm(w, r, http.StatusNotFound) }

// gpc tells browsers that Global Privacy Control is respected, for sites that
// do not say so themselves.
func gpc(w http.ResponseWriter) {
	const body = `{"gpc":true,"lastUpdate":"2026-11-01"}` + "\n"
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Cache-Control"] = []string{"public, max-age=86400"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte(body)) // the client is gone if this fails
}

// calm shows a page in plain words when the site cannot. What is no page to its
// asker (an image, a script) gets the bare status.
func (s *site) calm(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		return name != "Connection" && name != "Alt-Svc" && name != hstsHeader // said of the door, not of the answer
	})
	own(w)
	var b bytes.Buffer
	err := s.Banner.WriteError(&b, &banner.ErrorPage{
		Visitor:  banner.Visitor{AcceptLanguage: get(r.Header, "Accept-Language")},
		Status:   status,
		ReturnTo: returnTo(r),
	})
	if err != nil {
		s.g.log.Error("error page", "err", err)
	}
	if err != nil || !fetchOf(r.Header).document {
		refuse(w, status)
		return
	}
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Content-Security-Policy"] = []string{banner.PagePolicy()}
	h["Cache-Control"] = []string{"no-store"}
	h["Vary"] = []string{"Accept-Language"}
	h["Content-Length"] = []string{strconv.Itoa(b.Len())}
	if status >= http.StatusBadGateway {
		h["Retry-After"] = []string{"30"}
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the visitor is gone if this fails
}
