package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A side file is a style sheet or an SVG image of the site: it makes a browser
// load things as a page does, so it is judged like one. Where nothing in it
// changes for anybody, it goes out as the site sent it, validators and coding
// included.

// isSideFile reports whether what r asks for may be one. Its answer must then
// be whole and fresh, or there would be nothing to judge.
func isSideFile(r *http.Request) bool {
	switch get(r.Header, "Sec-Fetch-Dest") {
	case "style", "worker", "sharedworker", "serviceworker":
		return true
	}
	p := strings.ToLower(r.URL.Path)
	return strings.HasSuffix(p, ".css") || strings.HasSuffix(p, ".svg")
}

// rewriteSide judges a side file. It returns nil when the file is the same for
// everybody, and leaves a as it was. What nobody gets unless they agree is not:
// a shared cache must not hand the copy of one who agreed to one who did not.
func (s *site) rewriteSide(r *http.Request, v *visit, a *answer, kind pageKind) (*page, error) {
	raw := s.g.buffers.get()
	whole, err := fill(raw, a.body)
	if err != nil {
		s.g.buffers.put(raw)
		return nil, &upstreamError{status: http.StatusBadGateway, err: err}
	}
	if !whole { // too long to hold: the second belt is all there is
		return nil, a.restore(s.g, raw)
	}
	out := s.g.buffers.get()
	differs, err := s.judgeSide(out, *raw, r, v, a, kind)
	if err == nil && differs {
		s.g.buffers.put(raw)
		delete(a.header, "Content-Encoding")
		return &page{body: out, side: true}, nil
	}
	s.g.buffers.put(out)
	// Unreadable to us is unreadable to browsers, which will show nothing of it.
	return nil, a.restore(s.g, raw)
}

// judgeSide appends the file as v gets it to out, and reports whether it is
// another than the site's own for those who agreed to nothing.
func (s *site) judgeSide(out *[]byte, raw []byte, r *http.Request, v *visit, a *answer, kind pageKind) (differs bool, err error) {
	in, err := s.g.decoders.open(bytes.NewReader(raw), a.header["Content-Encoding"])
	if errors.Is(err, errUnknownCoding) {
		in, err = io.NopCloser(bytes.NewReader(raw)), nil
	}
	if err != nil {
		return false, err
	}
	src := s.g.buffers.get()
	defer s.g.buffers.put(src)
	whole, err := fill(src, in)
	if err = errors.Join(err, in.Close()); err != nil {
		return false, err
	}
	if !whole {
		return false, errInflated
	}
	text := *src
	if dec := settleCharset(a, text); dec != nil {
		if text, err = dec.Bytes(text); err != nil {
			return false, err
		}
		differs = true
	}
	nobody := *v
	nobody.grant = consent.Grant{}
	s.appendSide(out, text, r, &nobody, kind)
	differs = differs || !bytes.Equal(*out, text)
	switch {
	case !differs:
	case v.released:
		*out = append((*out)[:0], text...)
	case v.grant.Purposes() != 0:
		*out = (*out)[:0]
		s.appendSide(out, text, r, v, kind)
	}
	return differs, nil
}

// appendSide appends a side file's text as v's judge has it.
func (s *site) appendSide(out *[]byte, text []byte, r *http.Request, v *visit, kind pageKind) {
	h := s.judge(v, r)
	defer h.close()
	if kind == styleSheet {
		*out = rewrite.AppendCSS(*out, text, h)
	} else {
		*out = rewrite.Append(*out, text, &rewrite.Options{Judge: h, XHTML: true})
	}
}

// restore puts back what was read of a body.
func (a *answer) restore(g *Gateway, read *[]byte) error {
	if a.file != nil {
		g.buffers.put(read)
		if _, err := a.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read again: %w", err)
		}
		return nil
	}
	a.body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&bufferReader{g: g, buf: read}, a.body), a.body}
	return nil
}

// dependOnChoice makes an answer's headers say that it is only right for as
// long as the visitor's choice is.
func dependOnChoice(h http.Header) {
	h["Cache-Control"] = []string{"private, no-cache"}
	h.Add("Vary", "Cookie, Sec-GPC")
	h["Cdn-Cache-Control"] = []string{"no-store"}
	h["Surrogate-Control"] = []string{"no-store"}
}

// actsAlone reports an answer that does things by itself when it is opened as a
// page or as a worker, so that its policies matter: a script, a document in XML,
// or one whose headers make the browser act.
func actsAlone(h http.Header) bool {
	if h["Link"] != nil || h["Refresh"] != nil {
		return true
	}
	for _, name := range loadingHeaders {
		if h[name] != nil {
			return true
		}
	}
	media, _, _ := strings.Cut(get(h, "Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return strings.HasSuffix(media, "xml") || strings.HasSuffix(media, "javascript") || strings.HasSuffix(media, "ecmascript")
}

// stillFresh reports whether a visitor who asked by condition has this answer
// already: the site could not be asked by it, since it knows only its own bytes.
func stillFresh(r *http.Request, a *answer) bool {
	if a.status != http.StatusOK {
		return false
	}
	if lines := r.Header["If-None-Match"]; lines != nil {
		tag := strings.TrimPrefix(get(a.header, "Etag"), "W/")
		return tag != "" && etagMatches(lines, tag)
	}
	since := get(r.Header, "If-Modified-Since")
	return since != "" && since == get(a.header, "Last-Modified")
}
