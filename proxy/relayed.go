package proxy

import (
	"bytes"
	"context"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/relay"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// relayPath is where relayed files are.
const relayPath = consent.Prefix + "relay/"

// openRelay opens the relay of all sites. What a relayed style sheet loads is all
// relayed, as the sheet itself is, but for trackers.
func openRelay(ctx context.Context, c relay.Config, services []*service) (*relay.Relay, error) {
	sheets, err := newJudge(services, Site{})
	if err != nil {
		return nil, err
	}
	c.Sheet = sheets.sheet
	sheets.relay = relay.New(ctx, c)
	return sheets.relay, nil
}

// relayed is the path of the relayed target, or nil when it is to be held.
func (h *hearing) relayed(r *rewrite.Ref) []byte {
	kind, ok := relay.KindOf(r.Dest)
	if h.j.relay == nil || !ok || (h.t.scheme != "http" && h.t.scheme != "https") {
		return nil
	}
	h.key = append(append(h.key[:0], kind), h.absolute()...)
	f := h.j.relay.Want(h.key, h.depth)
	if f == nil || f.Held() {
		return nil
	}
	if i := bytes.IndexByte(r.URL, '#'); i >= 0 {
		h.url = append(append(h.url[:0], f.Path()...), r.URL[i:]...)
		return h.url
	}
	return f.Path()
}

// A sheetHearing judges what a relayed style sheet loads.
type sheetHearing struct {
	*hearing
	base []byte
	keys []string // of what is relayed
}

// URL resolves against the sheet, not the page.
func (s *sheetHearing) URL(ref *rewrite.Ref) rewrite.Verdict {
	ref.Base = s.base
	v := s.hearing.URL(ref)
	if v.Action == rewrite.Replace {
		s.keys = append(s.keys, string(s.key))
	}
	return v
}

// sheet is a [relay.Sheet].
func (j *judge) sheet(url string, css []byte, depth int) (rewritten []byte, keys []string) {
	s := &sheetHearing{hearing: j.open("https", "", "/"), base: []byte(url)}
	s.depth = depth
	defer s.close()
	return rewrite.AppendCSS(make([]byte, 0, len(css)+len(css)/4), css, s), s.keys
}
