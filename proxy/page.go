package proxy

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A page up to maxPage bytes is held in memory and sent with its length; a
// longer one, or one the site takes longer than maxPageWait to write, is
// rewritten as it passes.
const (
	maxPage     = 2 << 20
	maxPageWait = 2 * time.Second
)

// A page is an answer's HTML as this visitor gets it.
type page struct {
	// body is the whole page, unless rest is set.
	body *[]byte
	// rest is the page that did not fit; it is written through a rewriter.
	rest    io.Reader
	options rewrite.Options
	close   func() error
	hearing *hearing // nil where nothing is judged
	side    bool     // no page but a side file
	// admit makes room in the site's policies for what goes in where something
	// is held, and pass is how; nil where everything was agreed to.
	admit func()
	pass  scriptPass
}

// done gives back what the page was read with. A nil page has nothing.
func (p *page) done() {
	if p == nil {
		return
	}
	if p.close != nil {
		_ = p.close() // the page was sent, or the error told
	}
	if p.hearing != nil {
		p.hearing.close()
	}
}

// rewrite makes the page of an answer. It returns nil when the answer is none,
// and an error when the site's page is not whole: a cut page must not look whole.
func (s *site) rewrite(r *http.Request, v *visit, a *answer) (*page, error) {
	if !a.hasBody() {
		return nil, nil
	}
	kind := a.kind()
	switch kind {
	case noPage:
		return nil, nil
	case styleSheet, svgImage:
		if s.thirdParties.observe || r.Method == http.MethodHead {
			return nil, nil
		}
		return s.rewriteSide(r, v, a, kind)
	}
	if r.Method == http.MethodHead {
		if kind == maybePage {
			return nil, nil
		}
		return &page{}, nil
	}
	in, err := s.g.decoders.open(a.body, a.header["Content-Encoding"])
	if errors.Is(err, errUnknownCoding) {
		// Browsers show such a body as if it had no coding, so that is what is
		// judged. The header stays: whoever knows the coding can undo it.
		in, err = io.NopCloser(a.body), nil
		s.g.log.Debug("unknown content coding", "site", s.Name)
	} else {
		delete(a.header, "Content-Encoding")
	}
	if err != nil {
		return nil, &upstreamError{status: http.StatusBadGateway, err: err}
	}
	if kind == maybePage {
		peeked := bufio.NewReader(in)
		first, _ := peeked.Peek(sniffLen) // a read error comes again with the body
		if !looksLikeHTML(first) {
			a.body, a.length = struct {
				io.Reader
				io.Closer
			}{peeked, multiCloser{in, a.body}}, -1
			delete(a.header, "Content-Length")
			return nil, nil
		}
		in = struct {
			io.Reader
			io.Closer
		}{peeked, in}
	}
	p := &page{close: in.Close, hearing: s.judge(v, r)}
	s.setOptions(p, r, v, a, kind)
	return p, p.read(s.g, a, in)
}

// read takes the page in and rewrites it, or leaves that to the sending when
// it is too long.
func (p *page) read(g *Gateway, a *answer, in io.Reader) error {
	src := g.buffers.get()
	whole, err := fill(src, in)
	if err != nil {
		g.buffers.put(src)
		return &upstreamError{status: http.StatusBadGateway, err: err}
	}
	dec := settleCharset(a, *src)
	switch {
	case !whole:
		if p.admit != nil {
			p.admit() // nobody knows yet what will be held, and the headers go out first
		}
		nameCharset(a, *src)
		p.rest = io.MultiReader(&bufferReader{g: g, buf: src}, in)
		if dec != nil {
			p.rest = dec.Reader(p.rest)
		}
		return nil
	case dec != nil:
		text, err := dec.Bytes(*src)
		g.buffers.put(src)
		if err != nil {
			return &upstreamError{status: http.StatusBadGateway, err: err}
		}
		src = &text
	case a.info != nil:
		declareUTF8(a, *src)
	}
	nameCharset(a, *src)
	p.body = g.buffers.get()
	*p.body = rewrite.Append(*p.body, *src, &p.options)
	g.buffers.put(src)
	return nil
}

// fill reads in to its end, up to a page's length and as long as it may take.
// It reports whether that was all.
func fill(buf *[]byte, in io.Reader) (whole bool, err error) {
	started := time.Now()
	for len(*buf) < maxPage {
		if len(*buf) == cap(*buf) {
			*buf = append(*buf, 0)[:len(*buf)]
		}
		n, err := in.Read((*buf)[len(*buf):cap(*buf)])
		*buf = (*buf)[:len(*buf)+n]
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if len(*buf) > 0 && time.Since(started) > maxPageWait {
			break
		}
	}
	return false, nil
}

// appendGuard appends what guards a page in which something is held.
func (s *site) appendGuard(dst []byte, r *http.Request, v *visit, p *page) []byte {
	if !p.hearing.held && p.rest == nil {
		return dst // nothing to guard; of a page that streams nobody knows yet
	}
	if p.rest == nil {
		p.admit()
	}
	dst = p.pass.element(dst, &s.g.assets, s.g.assets.guard, s.belts.of(s, r, v).guard)
	return s.appendCaptchaNote(dst, p.hearing, p.pass)
}

// setOptions says what goes into this visitor's page.
func (s *site) setOptions(out *page, r *http.Request, v *visit, a *answer, kind pageKind) {
	o := &out.options
	o.XHTML = kind == xhtmlPage
	j := &pageJudge{hearing: out.hearing}
	o.Judge = j
	origin := r.URL.Scheme + "://" + r.URL.Host
	guards, beacons := !v.released && !s.thirdParties.observe, s.beacons(v)
	if guards {
		j.origin = origin
		out.admit = func() { out.pass = s.admitHeld(a.header, origin) }
	}
	if guards || beacons {
		o.Head = func(dst []byte) []byte {
			if guards {
				dst = s.appendGuard(dst, r, v, out)
			}
			if beacons {
				dst = append(dst, s.g.assets.beacon...)
			}
			return dst
		}
	}
	if !v.document || (v.decision.Answer == consent.Undecided && !s.Gate.Asks()) {
		return
	}
	// A browser that says it opens a page opens one, whatever the page looks like.
	o.Document = r.Header["Sec-Fetch-Dest"] != nil
	p := s.words(r, v)
	p.XHTML = o.XHTML
	j.style = s.Banner.StyleHash(p)
	j.soften = !v.https && v.decision.Answer == consent.Undecided
	p.LinkOnly = admitBanner(a.header, j.style, j.soften)
	// What the page itself says is known only when it is being rewritten.
	settle := func(d rewrite.Doc) *banner.Page {
		p.Lang, p.AMP = d.Lang, d.AMP
		if j.based {
			p.Origin = origin
		}
		return p
	}
	o.Start = func(dst []byte, d rewrite.Doc) []byte {
		out.hearing.speak(d.Lang)
		return s.Banner.AppendStart(dst, settle(d))
	}
	if v.decision.Answer != consent.Undecided {
		o.LinkTo = consentPath
		o.End = func(dst []byte, d rewrite.Doc) []byte { return s.Banner.AppendEnd(dst, settle(d)) }
	}
}

// words is what the banner needs to know of a visit.
func (s *site) words(r *http.Request, v *visit) *banner.Page {
	p := &banner.Page{
		AcceptLanguage: get(r.Header, "Accept-Language"),
		ReturnTo:       returnTo(r),
		Policy:         s.Gate.Policy(),
		Choice:         choiceOf(v.decision.Answer),
		Changed:        v.decision.Changed,
	}
	if v.decision.Changed {
		p.News = s.Gate.News(r)
	}
	if v.decision.Answer == consent.Undecided {
		p.Purposes = s.Gate.Purposes()
		if s.g.analytics != nil && analytics.IsArrival(r) {
			p.Source = s.g.analytics.SourceField(r, s.Name)
		}
	}
	return p
}

func choiceOf(a consent.Answer) banner.Choice {
	switch a {
	case consent.Accepted:
		return banner.Accepted
	case consent.Declined:
		return banner.Declined
	}
	return banner.Undecided
}

// A pageJudge is the site's judge with the gateway's own word about policies
// in meta elements.
type pageJudge struct {
	*hearing
	style  string // hash of the banner's style; empty without banner
	origin string // of the site, where placeholders may stand; else empty
	soften bool   // a referrer policy must let the banner's form say where it stands
	based  bool   // the page has a base element
}

// URL asks the site's judge.
func (j *pageJudge) URL(r *rewrite.Ref) rewrite.Verdict {
	j.based = j.based || r.Dest == rewrite.Base
	return j.hearing.URL(r)
}

// Meta makes room for the banner in the page's own policies.
func (j *pageJudge) Meta(name, content []byte) []byte {
	switch string(name) {
	case "content-security-policy":
		policy, styled, placed := string(content), false, false
		if j.style != "" {
			policy, styled = admitStyle(policy, j.style)
		}
		if j.origin != "" {
			policy, placed = admitPlaceholders(policy, j.origin)
		}
		if styled || placed {
			return []byte(policy)
		}
	case "referrer":
		if j.soften && strings.EqualFold(strings.TrimSpace(string(content)), "no-referrer") {
			return []byte("same-origin")
		}
	}
	return nil
}

// multiCloser closes in order and returns the first error.
type multiCloser []io.Closer

func (m multiCloser) Close() error {
	var err error
	for _, c := range m {
		err = errors.Join(err, c.Close())
	}
	return err
}
