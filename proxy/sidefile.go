package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A side file is a style sheet or an SVG image of the site: it makes a browser
// load things as a page does, so it is judged like one. Where nothing in it
// changes, it goes out as the site sent it, validators and coding included.

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

// rewriteSide judges a side file. It returns nil when nothing changes, and
// leaves a as it was.
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
	changed, err := s.judgeSide(out, *raw, r, v, a, kind)
	if err == nil && changed {
		s.g.buffers.put(raw)
		delete(a.header, "Content-Encoding")
		return &page{body: out, side: true}, nil
	}
	s.g.buffers.put(out)
	// Unreadable to us is unreadable to browsers, which will show nothing of it.
	return nil, a.restore(s.g, raw)
}

// judgeSide appends the judged file to out and reports whether it is another.
func (s *site) judgeSide(out *[]byte, raw []byte, r *http.Request, v *visit, a *answer, kind pageKind) (bool, error) {
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
	text, transcoded := *src, false
	if dec := settleCharset(a, text); dec != nil {
		if text, err = dec.Bytes(text); err != nil {
			return false, err
		}
		transcoded = true
	}
	h := s.judge(v, r)
	defer h.close()
	if kind == styleSheet {
		*out = rewrite.AppendCSS(*out, text, h)
	} else {
		*out = rewrite.Append(*out, text, &rewrite.Options{Judge: h, XHTML: true})
	}
	return transcoded || !bytes.Equal(*out, text), nil
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
