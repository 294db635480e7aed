package dashboard

import (
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/banner"
)

// A previewPage shows the banner in one language and one look.
type previewPage struct {
	Lang, Name string
	Dark       bool
	Other      string // the same in the other look
	Previews   []link
	Markup     template.HTML
}

// previewLinks are the banner's previews by language.
func previewLinks(s Site) (links []link) {
	if s.Banner == nil {
		return nil
	}
	for _, l := range s.Banner.Languages() {
		links = append(links, link{s.Banner.LanguageName(l), previewURL(s, l), false})
	}
	return links
}

func previewURL(s Site, lang string) string { return siteURL(s.ID) + "banner/" + lang }

// preview shows the banner in one language and look. Its buttons do nothing: the
// page's policy forbids forms.
func (d *Dashboard) preview(c *call) error {
	lang, dark := c.r.PathValue("lang"), c.r.URL.Query().Get("look") == "dark"
	b, here := c.site.Banner, previewURL(c.site, lang)
	if b == nil || !slices.Contains(b.Languages(), lang) {
		return errNotFound
	}
	page := previewPage{Lang: lang, Name: b.LanguageName(lang), Dark: dark, Other: here + "?look=dark", Previews: previewLinks(c.site)}
	if dark && c.site.DarkBanner != nil {
		b, page.Other = c.site.DarkBanner, here
	}
	for i := range page.Previews {
		page.Previews[i].Current = page.Previews[i].URL == here
		if dark {
			page.Previews[i].URL += "?look=dark"
		}
	}
	p := &banner.Page{Lang: []byte(lang), ReturnTo: "/"}
	if d.c.Gateway != nil {
		p.Purposes = d.c.Gateway(c.site.ID).Purposes
	}
	own := strings.Replace(policy, "style-src 'self'", "style-src 'self' "+b.StyleHash(p), 1)
	c.w.Header().Set("Content-Security-Policy", strings.Replace(own, "form-action 'self'", "form-action 'none'", 1))
	// The banner's markup is written by our own room and holds nothing of a visitor's.
	page.Markup = template.HTML(b.AppendStart(nil, p)) //nolint:gosec // see above
	return d.show(c, http.StatusOK, "banner", "The banner as visitors see it", page)
}
