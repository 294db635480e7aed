package dashboard

import (
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/banner"
)

// previewLinks are the banner's previews by language.
func previewLinks(s Site) (links []link) {
	if s.Banner == nil {
		return nil
	}
	for _, l := range s.Languages {
		links = append(links, link{l, siteURL(s.ID) + "banner/" + l, false})
	}
	return links
}

// preview shows the banner in one language, in whichever theme the reader's
// browser asks for. Its buttons do nothing: the page's policy forbids forms.
func (d *Dashboard) preview(c *call) error {
	lang := c.r.PathValue("lang")
	if c.site.Banner == nil || !slices.Contains(c.site.Languages, lang) {
		return errNotFound
	}
	p := &banner.Page{Lang: []byte(lang), ReturnTo: "/"}
	own := strings.Replace(policy, "style-src 'self'", "style-src 'self' "+c.site.Banner.StyleHash(p), 1)
	c.w.Header().Set("Content-Security-Policy", strings.Replace(own, "form-action 'self'", "form-action 'none'", 1))
	// The banner's markup is written by our own room and holds nothing of a visitor's.
	markup := template.HTML(c.site.Banner.AppendStart(nil, p)) //nolint:gosec // see above
	return d.show(c, http.StatusOK, "banner", "The banner as visitors see it", map[string]any{"Lang": lang, "Markup": markup})
}
