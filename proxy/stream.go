package proxy

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// copyBuffer is the size of the pieces in which bodies stream.
const copyBuffer = 32 << 10

// stream writes the rest of a long page through the rewriter, each piece as
// soon as it is there.
func (p *page) stream(g *Gateway, w http.ResponseWriter, c coding) error {
	rc := http.NewResponseController(w)
	var out io.Writer = w
	var enc encoder
	if c != identity {
		enc = g.encoders.get(c, w)
		out = enc
	}
	rw := rewrite.NewWriter(out, &p.options)
	buf := make([]byte, copyBuffer)
	for {
		n, err := p.rest.Read(buf)
		if n > 0 {
			g.limits.awaitReader(rc, int64(n))
			_, werr := rw.Write(buf[:n])
			if werr = errors.Join(werr, rw.Flush()); werr != nil {
				return werr
			}
			if n < len(buf) { // the site pauses: show what there is
				if enc != nil {
					werr = enc.Flush()
				}
				if werr = errors.Join(werr, rc.Flush()); werr != nil {
					return werr
				}
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	err := rw.Close()
	if enc != nil {
		err = errors.Join(err, enc.Close())
		g.encoders.put(c, enc)
	}
	return err
}

// pass sends an answer that is no page as it is.
func (s *site) pass(w http.ResponseWriter, r *http.Request, v *visit, a *answer) {
	h := w.Header()
	copyInto(h, a.header)
	s.fasten(h, r, v, nil)
	switch {
	case s.thirdParties.observe:
	case v.worker:
		// A worker obeys the policies its script came with for as long as the
		// script is kept.
		dropOfBytes(h)
		dependOnChoice(h)
	case v.grant.Purposes() != 0 && (actsAlone(h) || s.countsVisitors(r.URL.Path)):
		// With what this visitor agreed to it comes at all, or under looser policies.
		dependOnChoice(h)
	}
	s.countRest(h, r, v, a.status)
	switch {
	case a.file != nil:
		s.passFile(w, r, v, a)
		return
	case v.sideFile && stillFresh(r, a):
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if a.trailer != nil && len(*a.trailer) > 0 {
		for name := range *a.trailer {
			h.Add("Trailer", name)
		}
	}
	if v.asksPage && a.status == http.StatusOK && s.passCompressed(w, v, a) {
		return
	}
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead || a.status == http.StatusNotModified || a.status == http.StatusNoContent {
		return
	}
	if err := s.copyBody(w, a); err != nil {
		panic(http.ErrAbortHandler) // the visitor must not take a part for the whole
	}
	if a.trailer != nil {
		for name, values := range *a.trailer {
			h[http.TrailerPrefix+name] = values
		}
	}
}

// copyBody sends a body piece by piece, each within the time a visitor may take
// to read it. One of unknown length is written bit by bit, perhaps to be seen
// bit by bit.
func (s *site) copyBody(w http.ResponseWriter, a *answer) error {
	rc := http.NewResponseController(w)
	flushes, events := a.length < 0, isEventStream(a.header)
	if events {
		_ = rc.Flush() // the page waits for the headers; a failure shows with the body
	}
	buf := s.g.buffers.get()
	defer s.g.buffers.put(buf)
	piece := (*buf)[:copyBuffer]
	for {
		n, err := a.body.Read(piece)
		if n > 0 {
			s.g.limits.awaitReader(rc, int64(n))
			if _, err := w.Write(piece[:n]); err != nil {
				return err
			}
			if flushes {
				if err := rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
					return err
				}
			}
			if events {
				_ = rc.SetWriteDeadline(time.Time{}) // until the next event there is nothing to read
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// passCompressed sends text that was asked for as if it were a page (a feed, a
// plain text): the site was not asked to compress it. It reports false when
// there is nothing to gain.
func (s *site) passCompressed(w http.ResponseWriter, v *visit, a *answer) bool {
	h := w.Header()
	if v.coding == identity || h["Content-Encoding"] != nil || !compressible(get(h, "Content-Type")) ||
		a.length < minCompressed || a.length > maxPage || hasToken(h["Cache-Control"], "no-transform") {
		return false
	}
	buf := s.g.buffers.get()
	defer s.g.buffers.put(buf)
	if whole, err := fill(buf, a.body); err != nil || !whole {
		panic(http.ErrAbortHandler) // the visitor must not take a part for the whole
	}
	if tag := get(h, "Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h["Etag"] = []string{"W/" + tag}
	}
	delete(h, "Accept-Ranges")
	h.Add("Vary", "Accept-Encoding")
	s.writeWhole(w, a.status, v.coding, *buf)
	return true
}

func isEventStream(h http.Header) bool {
	media, _, err := mime.ParseMediaType(get(h, "Content-Type"))
	return err == nil && media == "text/event-stream"
}

// passFile sends a file of the folder: compressed when it is text, else with
// ranges and the kernel's own copying.
func (s *site) passFile(w http.ResponseWriter, r *http.Request, v *visit, a *answer) {
	h := w.Header()
	s.g.limits.awaitReader(http.NewResponseController(w), a.length)
	delete(h, "Content-Length") // ServeContent writes the range's
	c := v.coding
	tag := get(h, "Etag")
	if tag == "" { // its validators are not to be used
		http.ServeContent(w, r, "", time.Time{}, a.file)
		return
	}
	text := compressible(get(h, "Content-Type")) && h["Content-Encoding"] == nil
	if r.Header["Range"] != nil || a.length < minCompressed || a.length > maxPage || !text {
		c = identity
	}
	if text {
		h.Add("Vary", "Accept-Encoding")
	}
	if c == identity {
		http.ServeContent(w, r, "", a.info.ModTime(), a.file)
		return
	}
	tag = strings.TrimSuffix(tag, `"`) + "-" + c.String() + `"`
	h["Etag"] = []string{tag}
	h["Last-Modified"] = []string{a.info.ModTime().UTC().Format(http.TimeFormat)}
	if notModified(r, tag, a) {
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodHead {
		h["Content-Encoding"] = []string{c.String()}
		w.WriteHeader(http.StatusOK)
		return
	}
	buf := s.g.buffers.get()
	defer s.g.buffers.put(buf)
	*buf = slices.Grow(*buf, int(a.length))[:a.length]
	if _, err := io.ReadFull(a.file, *buf); err != nil {
		panic(http.ErrAbortHandler) // a file that is cut short just now, too
	}
	s.writeWhole(w, http.StatusOK, c, *buf)
}

// notModified evaluates the conditions of RFC 9110 section 13.2.2 for a file.
func notModified(r *http.Request, tag string, a *answer) bool {
	if lines := r.Header["If-None-Match"]; lines != nil {
		return etagMatches(lines, tag)
	}
	since, err := http.ParseTime(get(r.Header, "If-Modified-Since"))
	return err == nil && !a.info.ModTime().Truncate(1e9).After(since)
}

// compressible reports a type that consists of text.
func compressible(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "application/json", "application/javascript", "application/xml", "application/manifest+json", "application/wasm",
		"application/rss+xml", "application/atom+xml", "application/ld+json", "application/geo+json",
		"image/svg+xml", "image/x-icon", "image/bmp", "font/ttf", "font/otf", "application/vnd.ms-fontobject":
		return true
	case "text/event-stream":
		return false
	}
	return strings.HasPrefix(media, "text/")
}
