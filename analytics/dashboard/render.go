package dashboard

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/lychgate/lychgate/analytics"
)

//go:embed templates
var templates embed.FS

// pages are the parsed pages by name, each with the frame around it.
type pages map[string]*template.Template

func parsePages(own *assetSet, n names) (pages, error) {
	frame, err := template.New("frame.html").Funcs(template.FuncMap{
		"style":   func() string { return own.path("style.css") },
		"script":  func() string { return own.path("passkey.js") },
		"icon":    func() string { return own.path("icon.svg") },
		"siteURL": siteURL,
		"dict":    dict,
		// Only for files that stand alone; the dashboard's own policy forbids it.
		"styleText": func() template.CSS { return template.CSS(own.text("style.css")) },
		"num":       number,
		"plural":    plural,
		"thousands": thousands,
		"countOf":   func(n int, thing string) string { return countOf(int64(n), thing) },
		"length":    length,
		"refusal":   refusal,
		"name":      func(d analytics.Dim, v string) string { return n.of(d, v) },
		"hidden":    func(x analytics.Number) bool { return x.Kind == analytics.Unanswered },
	}).ParseFS(templates, "templates/parts/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		t, err := frame.Clone()
		if err != nil {
			return nil, err
		}
		if all[name], err = t.ParseFS(templates, file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// A frame is what stands around every page.
type frame struct {
	Title string
	// Origin is scheme and host, for links that are sent on.
	Origin string
	// Who is the name of the account signed in; empty for nobody.
	Who string
	// NoPassword asks the person signed in to choose one.
	NoPassword bool
	// Site is the site the page is about; may be zero.
	Site  Site
	Sites []Site // others that the account may see
	Menu  []link // the pages about Site that the reader may open
	Body  any
}

// dict makes a map of keys and values in turn, for parts that take two things.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// sitePages are the pages about one site: name, address and who may open it.
var sitePages = []struct {
	page, title, path string
	role              Role
}{
	{"overview", "Numbers", "", Viewer},
	{"report", "Report", "report", Viewer},
	{"gate", "Gate", "gate", Viewer},
	{"sharing", "Notes and sharing", "sharing", Editor},
	{"people", "People", "people", Owner},
	{"audit", "Log", "audit", Owner},
}

// menu are the pages about c's site that its reader may open.
func (c *call) menu(here string) (links []link) {
	base, role := siteURL(c.site.ID), c.session.account.Role(c.site.ID)
	if c.shared != "" {
		base, role = c.shared, NoRole
	}
	for _, p := range sitePages {
		open := role >= p.role || c.shared != "" && p.page != "gate" && p.role == Viewer
		if c.site.ID != "" && open {
			links = append(links, link{p.title, base + p.path, p.page == here})
		}
	}
	return links
}

// show renders a page for c. A page is rendered whole before the first byte of
// it goes out, so that an error never leaves half of one.
func (d *Dashboard) show(c *call, status int, page, title string, body any) error {
	f := frame{Title: title, Site: c.site, Body: body, Menu: c.menu(page), Origin: c.r.URL.Scheme + "://" + c.r.Host}
	if x := c.session.account; x.ID != 0 {
		f.Who, f.NoPassword = x.Name, !x.HasPassword
		f.Sites = d.sitesOf(x)
	}
	return d.render(c.w, status, page, f)
}

func (d *Dashboard) render(w http.ResponseWriter, status int, page string, f frame) error {
	var b bytes.Buffer
	if err := d.pages[page].Execute(&b, f); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // the browser has gone: nobody to tell
	return nil
}

// A message is a page of one sentence.
type message struct{ Text string }

// fail answers with a page that says what is the matter.
func (d *Dashboard) fail(w http.ResponseWriter, status int, title, text string) {
	err := d.render(w, status, "message", frame{Title: title, Body: message{text}})
	if err != nil {
		d.c.Log.Error("dashboard: render message", "err", err)
	}
}

// sitesOf are the sites that an account may see.
func (d *Dashboard) sitesOf(a Account) (sites []Site) {
	for _, s := range d.settings.Load().sites {
		if a.Role(s.ID) >= Viewer {
			sites = append(sites, s)
		}
	}
	return sites
}
