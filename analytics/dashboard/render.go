package dashboard

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"

	"github.com/lychgate/lychgate/analytics"
)

//go:embed templates/*.html
var templates embed.FS

// pages are the parsed pages by name, each with the frame around it.
type pages map[string]*template.Template

var pageNames = []string{"sign-in", "link", "home", "account", "overview", "list", "message"}

func parsePages(own *assetSet, n names) (pages, error) {
	frame, err := template.New("frame.html").Funcs(template.FuncMap{
		"style":   func() string { return own.path("style.css") },
		"icon":    func() string { return own.path("icon.svg") },
		"siteURL": siteURL,
		"num":     number,
		"plural":  plural,
		"length":  length,
		"refusal": refusal,
		"name":    func(d analytics.Dim, v string) string { return n.of(d, v) },
		"hidden":  func(x analytics.Number) bool { return x.Kind == analytics.Unanswered },
	}).ParseFS(templates, "templates/frame.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range pageNames {
		t, err := frame.Clone()
		if err != nil {
			return nil, err
		}
		if all[name], err = t.ParseFS(templates, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// A frame is what stands around every page.
type frame struct {
	Title string
	// Who is the name of the account signed in; empty for nobody.
	Who string
	// NoPassword asks the person signed in to choose one.
	NoPassword bool
	// Site is the site the page is about; may be zero.
	Site  Site
	Sites []Site // others that the account may see
	Body  any
}

// show renders a page for c. A page is rendered whole before the first byte of
// it goes out, so that an error never leaves half of one.
func (d *Dashboard) show(c *call, status int, page, title string, body any) error {
	f := frame{Title: title, Site: c.site, Body: body}
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
	_, err := w.Write(b.Bytes())
	if err != nil {
		return nil //nolint:nilerr // the browser has gone: nobody to tell
	}
	return nil
}

// A message is a page of one sentence.
type message struct{ Text, Status string }

// fail answers with a page that says what is the matter.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	err := d.render(w, status, "message", frame{Title: title, Body: message{text, strconv.Itoa(status)}})
	if err != nil {
		d.c.Log.Error("dashboard: render message", "err", err)
	}
}

// sitesOf are the sites that an account may see.
func (d *Dashboard) sitesOf(a Account) (sites []Site) {
	for _, s := range d.c.Sites {
		if a.Role(s.ID) >= Viewer {
			sites = append(sites, s)
		}
	}
	return sites
}
