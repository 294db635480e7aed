package proxy

import (
	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// placeholder is the document that stands in a held frame: who would be
// contacted, and how to show it. A tracker's frame shows nothing anyway and
// gets none.
func (h *hearing) placeholder(r *rewrite.Ref, s *service) []byte {
	if r.Dest != rewrite.Frame || h.banner == nil || h.j.embeds == nil {
		return nil
	}
	if s != nil && s.class == classTracker {
		return nil
	}
	e := banner.Embed{Lang: h.lang, AcceptLanguage: h.accept, Kind: "other", Name: string(h.t.host), Post: h.scheme == "http"}
	if s != nil {
		e.Name, e.Kind = s.Name, s.embed
	}
	e.Source = string(h.absolute())
	shown := embed{url: e.Source, title: string(r.Title), allow: string(r.Allow), fullscreen: r.Fullscreen}
	if r.Sandbox != nil {
		shown.sandbox, shown.sandboxed = string(r.Sandbox), true
	}
	e.Show = string(h.j.embeds.Append(nil, shown.encode()))
	if len(r.Base) > 0 || r.Rootless {
		e.Origin = h.scheme + "://" + h.host
	}
	h.doc = h.banner.AppendEmbed(h.doc[:0], &e)
	return h.doc
}
