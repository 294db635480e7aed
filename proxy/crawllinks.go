package proxy

import (
	"io"
	"strings"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// ownLinks are the references of a page that a crawl may follow: where links
// and frames lead, and the style sheets and scripts it loads.
func ownLinks(page io.Reader) []string {
	var refs []string
	z := html.NewTokenizer(page)
	z.SetMaxBuf(8 << 20)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return refs
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			var want string
			switch string(name) {
			case "a", "area", "link":
				want = "href"
			case "iframe", "frame", "script", "embed":
				want = "src"
			}
			for more && want != "" {
				var key, value []byte
				key, value, more = z.TagAttr()
				if string(key) == want && len(value) > 0 && value[0] != '#' {
					refs = append(refs, string(value))
				}
			}
		}
	}
}

// newPageWriter rewrites a page too long to hold.
func newPageWriter(w io.Writer, p *page) *rewrite.Writer { return rewrite.NewWriter(w, &p.options) }

// passHosts are the hosts of services that always pass, as texts to be found in
// scripts.
func passHosts(services []*service) literals {
	var pass []*service
	for _, s := range services {
		if s.class != classPass {
			continue
		}
		hosts := &service{index: s.index}
		for _, spec := range s.Hosts {
			if h := hostOfRule(spec); strings.IndexByte(h, '.') > 0 {
				hosts.Inline = append(hosts.Inline, h)
			}
		}
		pass = append(pass, hosts)
	}
	return newLiterals(pass)
}

// sawPassing notes the services whose hosts stand in a script's text.
func (j *judge) sawPassing(hosts *literals, text []byte) {
	hosts.find(text, func(found *service) bool {
		s := j.services[found.index]
		if p := j.inventory.inline(s); p != nil {
			p.saw(rewrite.Script, passes)
			j.inventory.page([]*party{p}, "/")
		}
		return true
	})
}
