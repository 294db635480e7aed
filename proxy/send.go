package proxy

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// minCompressed is the length from which compressing pays: below it the answer
// fits one packet anyway.
const minCompressed = 1200

// ofBytes are headers about the site's own bytes, untrue of a rewritten page.
var ofBytes = [...]string{
	"Content-Length", "Etag", "Last-Modified", "Expires", "Age", "Pragma", "Digest", "Content-Digest", "Repr-Digest",
	"Content-Md5", "Signature", "Signature-Input", "Accept-Ranges", "Content-Range", "Use-As-Dictionary", "Surrogate-Control", "Cdn-Cache-Control",
}

// varies are the request headers a rewritten page depends on.
const varies = "Accept-Encoding, Accept-Language, Cookie, Sec-GPC"

// send writes the page of an answer.
func (s *site) send(w http.ResponseWriter, r *http.Request, v *visit, a *answer, p *page) {
	h := w.Header()
	copyInto(h, a.header)
	var body []byte
	if p.body != nil && !p.side {
		body = *p.body
	}
	s.fasten(h, r, v, body)
	transform := !hasToken(a.header["Cache-Control"], "no-transform")
	if p.side {
		dropOfBytes(h)
		dependOnChoice(h)
		h.Add("Vary", "Accept-Encoding")
	} else {
		setPageHeaders(h, v, hasToken(a.header["Cache-Control"], "no-store"))
	}
	status := a.status
	switch {
	case p.body != nil:
		defer s.g.buffers.put(p.body)
		c := v.coding
		if !transform || len(*p.body) < minCompressed || h["Content-Encoding"] != nil {
			c = identity
		}
		if status == http.StatusOK {
			tag := pageETag(*p.body, c)
			h["Etag"] = []string{tag}
			if etagMatches(r.Header["If-None-Match"], tag) {
				status = http.StatusNotModified
			}
		}
		if !p.side {
			s.count(h, r, v, status)
		}
		if status == http.StatusNotModified {
			w.WriteHeader(status)
			return
		}
		s.writeWhole(w, status, c, *p.body)
	case p.rest != nil:
		s.count(h, r, v, status)
		c := v.coding
		if !transform || h["Content-Encoding"] != nil {
			c = identity
		}
		s.writeRest(w, status, c, p)
	default: // HEAD
		w.WriteHeader(status)
	}
}

// setPageHeaders says who may keep the page: nobody but this visitor's browser,
// and that only as long as no decision can make it wrong.
func setPageHeaders(h http.Header, v *visit, noStore bool) {
	dropOfBytes(h)
	h["Vary"] = []string{joinVary(h["Vary"])}
	h["Accept-Ranges"] = []string{"none"}
	h["Cache-Control"] = []string{"private, no-cache"}
	released := v.decision.Answer == consent.Accepted && !v.https
	asked := v.decision.Answer == consent.Undecided && v.site.Gate.Asks()
	if noStore || released || asked {
		// The back/forward cache keeps such a page only until a cookie changes,
		// which the decision does.
		h["Cache-Control"] = []string{"private, no-store"}
	}
	h["Cdn-Cache-Control"] = []string{"no-store"} // RFC 9213
	h["Surrogate-Control"] = []string{"no-store"}
}

func dropOfBytes(h http.Header) {
	for _, name := range ofBytes {
		delete(h, name)
	}
}

// joinVary is the page's Vary with what the site's own adds to it.
func joinVary(lines []string) string {
	out := varies
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" && !hasToken([]string{varies}, name) {
				out += ", " + name
			}
		}
	}
	return out
}

// pageETag is strong: it names these bytes in this coding.
func pageETag(body []byte, c coding) string {
	return `"lg` + strconv.FormatUint(xxhash.Sum64(body), 36) + "-" + c.String() + `"`
}

// etagMatches is the weak comparison of If-None-Match (RFC 9110 section 13.1.2).
func etagMatches(lines []string, tag string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
			if t == tag || t == "*" {
				return true
			}
		}
	}
	return false
}

func (s *site) writeWhole(w http.ResponseWriter, status int, c coding, body []byte) {
	h := w.Header()
	if c != identity {
		out := s.g.buffers.get()
		defer s.g.buffers.put(out)
		sink := appender{out}
		enc := s.g.encoders.get(c, sink)
		_, err := enc.Write(body)
		if err = errors.Join(err, enc.Close()); err != nil {
			panic(http.ErrAbortHandler) // writing to memory does not fail
		}
		s.g.encoders.put(c, enc)
		body = *out
		h["Content-Encoding"] = []string{c.String()}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	s.g.limits.awaitReader(http.NewResponseController(w), int64(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the visitor is gone if this fails
}

// appender writes to a lent buffer.
type appender struct{ buf *[]byte }

func (a appender) Write(p []byte) (int, error) {
	*a.buf = append(*a.buf, p...)
	return len(p), nil
}

// writeRest rewrites a long page as it passes. If the site's page breaks off,
// so does the answer: the visitor's browser must see that it is not whole.
func (s *site) writeRest(w http.ResponseWriter, status int, c coding, p *page) {
	if c != identity {
		w.Header()["Content-Encoding"] = []string{c.String()}
	}
	w.WriteHeader(status)
	if err := p.stream(s.g, w, c); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// count counts a page that is about to be sent. Without a Grant for statistics all
// that is left of the request is its state.
func (s *site) count(h http.Header, r *http.Request, v *visit, status int) {
	a := s.g.analytics
	if a == nil || !v.asksPage {
		return
	}
	seen := status == http.StatusOK || status == http.StatusNotModified
	if seen {
		a.CountState(s.Name, v.state(a.IsBot(r)), analytics.IsArrival(r))
	}
	if seen || status == http.StatusNotFound {
		s.record(h, r, v, status)
	}
}

// countRest counts what is sent and is no page of the site's: a file that is
// fetched to keep, and an address that leads nowhere.
func (s *site) countRest(h http.Header, r *http.Request, v *visit, status int) {
	kept := analytics.IsDownload(r.URL.Path) && (status == http.StatusOK || status == http.StatusNotModified)
	if !v.asksPage || !kept && status != http.StatusNotFound {
		return
	}
	cookies := len(h["Set-Cookie"])
	s.record(h, r, v, status)
	if len(h["Set-Cookie"]) > cookies { // a goal was reached, which the visitor's note says
		h["Cache-Control"] = []string{"private, no-cache"}
	}
}

// record hands what a visitor saw to the numbers, if they agreed.
func (s *site) record(h http.Header, r *http.Request, v *visit, status int) {
	a := s.g.analytics
	if a == nil || v.prefetch || !v.grant.Allows(consent.Statistics) {
		return
	}
	network, _ := netip.ParseAddrPort(r.RemoteAddr) // coarsen left nothing else
	a.Record(h, r, v.grant, analytics.PageView{
		Site: s.Name, Path: r.URL.Path, Query: r.URL.Query(),
		Status: status, Network: network.Addr(), Time: time.Now(),
	})
}

// copyInto moves headers; the values are not used elsewhere.
func copyInto(dst, src http.Header) {
	for name, values := range src {
		dst[name] = values
	}
}

// hasToken looks for an item in a comma-separated header.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}
