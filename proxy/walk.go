package proxy

import (
	"context"
	"errors"
	"net/http"
)

// serve answers for the site itself: decide, fetch, rewrite, send.
func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	v := s.decide(r)
	switch {
	case s.countsVisitors(r.URL.Path) && !v.grants(measurement):
		s.fasten(w.Header(), r, &v, nil)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	case s.upstream != nil && s.upstream.asksItself(r):
		s.calm(w, r, http.StatusBadGateway)
		return
	case isWebSocket(r) && s.upstream != nil:
		s.tunnel(w, r, &v)
		return
	}
	a, err := s.fetch(r, &v)
	if err != nil {
		s.failed(w, r, &v, err)
		return
	}
	defer a.body.Close() //nolint:errcheck // read to its end, or given up
	switch {
	case s.loops(r, a):
		s.calm(w, r, http.StatusBadGateway)
		return
	case r.URL.Path == gpcPath && a.status == http.StatusNotFound:
		gpc(w)
		return
	}
	v.filter(r, a.header)
	s.protect(a.header)
	p, err := s.rewrite(r, &v, a)
	defer p.done()
	switch {
	case err != nil:
		s.failed(w, r, &v, err)
	case p == nil:
		s.pass(w, r, &v, a)
	default:
		s.send(w, r, &v, a, p)
	}
}

// fetch asks whoever has the site's bytes.
func (s *site) fetch(r *http.Request, v *visit) (*answer, error) {
	if s.folder != nil {
		return s.folder.fetch(r)
	}
	a, err := s.upstream.fetch(r, v)
	if err == nil {
		s.upstream.rename(r, a.header)
	}
	return a, err
}

// failed answers when the site did not.
func (s *site) failed(w http.ResponseWriter, r *http.Request, v *visit, err error) {
	var up *upstreamError
	switch {
	case r.URL.Path == gpcPath && errors.Is(err, errNoPage):
		gpc(w)
	case errors.Is(err, errNoPage):
		s.countRest(w.Header(), r, v, http.StatusNotFound)
		s.calm(w, r, http.StatusNotFound)
	case errors.As(err, &up):
		s.calm(w, r, up.status)
	case errors.Is(err, context.Canceled):
		panic(http.ErrAbortHandler) // the visitor left
	default:
		s.calm(w, r, http.StatusBadGateway)
	}
}

// judge is who says what the pages of a visit may load. It must be closed.
func (s *site) judge(v *visit, r *http.Request) *hearing {
	h := s.thirdParties.open(r.URL.Scheme, r.URL.Host, r.URL.Path)
	h.grant(v.grant)
	h.report = v.report
	h.banner, h.accept = s.Banner, get(r.Header, "Accept-Language")
	if s.upstream != nil {
		h.renamed = s.upstream.ownNames(r)
	}
	return h
}

// measurement is the catalogue's purpose of counting by others than lychgate.
const measurement = "measurement"

// countsVisitors reports whether path is where the site itself counts visitors.
func (s *site) countsVisitors(path string) bool {
	if s.thirdParties.observe {
		return false
	}
	for _, p := range s.AnalyticsPaths {
		if hasPathPrefix([]byte(path), p) {
			return true
		}
	}
	return false
}

// trackerCookie is the purpose of a known tracker's cookie, or empty.
func (s *site) trackerCookie(name string) string {
	if service := s.thirdParties.cookies.of(name); service != nil {
		return purposeOf(service)
	}
	return ""
}
