package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// A carrier puts a text into a visit, as a visitor could.
type carrier struct {
	name  string
	carry func(r *http.Request, payload string)
}

var carriers = []carrier{
	{"path", func(r *http.Request, p string) { r.URL.Path, r.URL.RawPath = "/p/"+p, "/p/"+url.PathEscape(p) }},
	{"missing", func(r *http.Request, p string) {
		r.URL.Path, r.URL.RawPath = "/missing/"+p, "/missing/"+url.PathEscape(p)
	}},
	{"referrer", func(r *http.Request, p string) {
		r.Header.Set("Referer", "https://"+strings.Map(header, p)+".example/"+url.PathEscape(p))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}},
	{"utm", func(r *http.Request, p string) {
		q := url.Values{}
		for _, k := range []string{"source", "medium", "campaign", "term", "content"} {
			q.Set("utm_"+k, p)
		}
		r.URL.RawQuery = q.Encode()
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}},
	{"search", func(r *http.Request, p string) { r.URL.Path, r.URL.RawQuery = "/find", url.Values{"q": {p}}.Encode() }},
	{"user agent", func(r *http.Request, p string) { r.Header.Set("User-Agent", strings.Map(header, p)) }},
	{"event", func(r *http.Request, p string) { // the kinds that hold a text of the visitor's
		*r = *r.Clone(r.Context())
		r.Method, r.URL.Path = http.MethodPost, "/_lychgate/event"
	}},
}

// header is r where a header can hold it.
func header(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// What visitors bring along, by whichever way, through the gate and into the
// sums, stays text on every page, in every file, in the API and in the report:
// no element, no attribute, no address and no formula of theirs.
func TestNothingThatVisitorsBringLives(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: one request after the other; the full run does")
	}
	text, err := os.ReadFile("browser/payloads.json")
	if err != nil {
		t.Fatal(err)
	}
	var payloads []string
	if err := json.Unmarshal(text, &payloads); err != nil || len(payloads) != 20 {
		t.Fatalf("%d payloads, %v", len(payloads), err)
	}
	awaitDay(t)
	p, config := startCarried(t)
	yes := p.accept(t)
	visits := 0
	for _, payload := range payloads {
		for _, c := range carriers {
			for range 6 { // five of one kind may be named everywhere
				visits += p.carry(t, c, payload, yes)
			}
		}
	}
	// What has been counted is on the disk when the program has stopped.
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	p = startProgram(t, "serve", "-config", config)
	admin := p.admin(t)
	const site = "/_lychgate/admin/sites/default/"
	if !strings.Contains(admin.get(t, site+"list/searches.words"), "alert(1)") {
		t.Fatal("the visits did not reach the dashboard")
	}

	lists := listNames(t, admin)
	var pages, files []string
	pages = append(pages, site, site+"report", site+"gate", site+"audit", admin.shared, admin.shared+"report")
	files = append(files, site+"report.csv", site+"report.json", admin.shared+"report.csv", admin.shared+"report.json")
	for _, l := range lists {
		panel, tab, _ := strings.Cut(l, ".")
		pages = append(pages, site+"?"+panel+"="+tab, site+"list/"+l)
		files = append(files, site+"list/"+l+".csv", site+"list/"+l+".json")
	}
	for _, payload := range payloads {
		q := url.QueryEscape(payload)
		pages = append(pages, site+"?page="+q, site+"?by=source&is="+q, site+"?period="+q+"&from="+q+"&compare="+q)
	}
	shown := ""
	for _, path := range pages {
		body := admin.get(t, path)
		shown += checkPage(t, path, body)
	}
	for _, path := range files {
		checkExport(t, path, admin.get(t, path))
	}
	for _, l := range lists {
		checkExport(t, "api "+l+".csv", admin.api(t, "lists/"+l+"?format=csv"))
		checkExport(t, "api "+l+".json", admin.api(t, "lists/"+l))
	}
	for _, ending := range []string{"html", "csv"} {
		file := filepath.Join(t.TempDir(), "report."+ending)
		today := time.Now().UTC().Format(time.DateOnly)
		if err := runReport([]string{"-config", config, "-from", today, "-to", today, "-o", file}, io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if ending == "html" {
			checkPage(t, "lychgate report", string(body))
		} else {
			checkExport(t, "lychgate report.csv", string(body))
		}
	}
	met := 0
	for _, payload := range payloads {
		if strings.Contains(shown, strings.Join(strings.Fields(payload), " ")) {
			met++
		}
	}
	if met < len(payloads)*4/5 { // some are cleaned away before they are counted
		t.Errorf("control: only %d of %d payloads were shown at all, after %d visits", met, len(payloads), visits)
	}
}

// startCarried runs the program in front of a site that has every page but those
// below /missing/.
func startCarried(t *testing.T) (p *program, config string) {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if strings.HasPrefix(r.URL.Path, "/missing/") {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, "<!doctype html><html lang=en><title>Page</title><body><p>page</body></html>") //nolint:errcheck // a test's own server
	}))
	t.Cleanup(up.Close)
	config = filepath.Join(t.TempDir(), "gate.toml")
	text := fmt.Sprintf("data = %q\n[listen]\nhttp = \"127.0.0.1:0\"\n[[site]]\nupstream = %q\nsearch_params = [\"q\"]\n[[site.goal]]\nname = \"<b>goal</b>\"\npath = \"/p/*\"\n", t.TempDir(), up.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return startProgram(t, "serve", "-config", config), config
}

// accept says yes and returns the cookie of it, which many visitors share.
func (p *program) accept(t *testing.T) *http.Cookie {
	t.Helper()
	form := url.Values{"decision": {"accept"}, "return_to": {"/"}}
	res, _ := do(t, navigate(t, http.MethodPost, p.url+"/_lychgate/consent", strings.NewReader(form.Encode())))
	for _, c := range res.Cookies() {
		if c.Name == "lychgate" {
			return c
		}
	}
	t.Fatalf("no yes: status %d", res.StatusCode)
	return nil
}

// carry makes one visit that brings payload along.
func (p *program) carry(t *testing.T, c carrier, payload string, yes *http.Cookie) int {
	t.Helper()
	r := navigate(t, http.MethodGet, p.url+"/", nil)
	if c.name == "event" {
		for _, form := range []url.Values{
			{"kind": {"event"}, "value": {payload}, "page": {"/p/" + payload}},
			{"kind": {"outbound"}, "value": {"https://" + payload + ".example"}, "page": {"/"}},
			{"kind": {"missing"}, "value": {"/" + payload}, "page": {"/p/" + payload}},
			{"kind": {"view"}, "value": {"?utm_campaign=" + url.QueryEscape(payload)}, "page": {"/p/" + payload}},
		} {
			r := navigate(t, http.MethodPost, p.url+"/_lychgate/event", strings.NewReader(form.Encode()))
			r.Header.Set("Sec-Fetch-Mode", "cors")
			r.Header.Set("Sec-Fetch-Dest", "empty")
			r.AddCookie(yes)
			do(t, r)
		}
		return 4
	}
	c.carry(r, payload)
	r.AddCookie(yes)
	do(t, r)
	return 1
}

// An admin is somebody signed in to the dashboard, with a shared link and a
// token in hand.
type admin struct {
	p       *program
	cookies []*http.Cookie
	shared  string // path
	token   string
}

const adminPassword = "otter lantern gravel sixpence"

func (p *program) admin(t *testing.T) *admin {
	t.Helper()
	a := &admin{p: p}
	link := regexp.MustCompile(`/_lychgate/admin/sign-in/\w+`).FindString(p.stdout.String())
	a.post(t, link)
	a.post(t, "/_lychgate/admin/account/password", "new", adminPassword, "repeat", adminPassword)
	const sharing = "/_lychgate/admin/sites/default/sharing"
	secret := regexp.MustCompile(`<code class="secret">([^<]*)</code>`)
	for _, kind := range []string{"link", "token"} {
		m := secret.FindStringSubmatch(a.post(t, sharing, "act", kind, "name", "a test", "days", "30", "password", adminPassword))
		if m == nil {
			t.Fatalf("no %s was made", kind)
		}
		if kind == "token" {
			a.token = m[1]
		} else {
			a.shared = m[1][strings.Index(m[1], "/_lychgate"):]
		}
	}
	return a
}

func (a *admin) do(t *testing.T, r *http.Request) string {
	t.Helper()
	for _, c := range a.cookies {
		r.AddCookie(c)
	}
	res, body := do(t, r)
	if res.StatusCode >= 400 {
		t.Fatalf("%s %s: status %d", r.Method, r.URL, res.StatusCode)
	}
	if c := res.Cookies(); len(c) > 0 && c[len(c)-1].MaxAge >= 0 {
		a.cookies = c[len(c)-1:]
	}
	return body
}

func (a *admin) get(t *testing.T, path string) string {
	t.Helper()
	return a.do(t, navigate(t, http.MethodGet, a.p.url+path, nil))
}

func (a *admin) post(t *testing.T, path string, form ...string) string {
	t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	return a.do(t, navigate(t, http.MethodPost, a.p.url+path, strings.NewReader(v.Encode())))
}

func (a *admin) api(t *testing.T, what string) string {
	t.Helper()
	r := navigate(t, http.MethodGet, a.p.url+"/_lychgate/api/v1/sites/default/"+what, nil)
	r.Header.Set("Authorization", "Bearer "+a.token)
	return a.do(t, r)
}

// listNames are the lists that the API describes.
func listNames(t *testing.T, a *admin) []string {
	t.Helper()
	names := regexp.MustCompile(`"([a-z]+\.[a-z-]+)"`).FindAllStringSubmatch(a.get(t, "/_lychgate/api/openapi.json"), -1)
	var all []string
	for _, n := range names {
		all = append(all, n[1])
	}
	if len(all) < 15 {
		t.Fatalf("only the lists %v", all)
	}
	return all
}

// checkPage checks a page as a browser would read it and returns its text.
func checkPage(t *testing.T, path, body string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var all strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			all.WriteString(n.Data + " ")
			continue
		case n.Type != html.ElementNode:
			continue
		case slices.Contains(strings.Fields("script iframe img object embed base video audio math textarea b noscript template"), n.Data),
			n.Data == "style" && path != "lychgate report":
			t.Errorf("%s: holds <%s>", path, n.Data)
		}
		for _, a := range n.Attr {
			outside := (a.Key == "href" || a.Key == "action" || a.Key == "src" || a.Key == "formaction") && a.Val != "" &&
				!strings.HasPrefix(a.Val, "/_lychgate/") && !strings.HasPrefix(a.Val, "#") && a.Val != "https://db-ip.com" // the licence asks for it
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "autofocus" || outside {
				t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
			}
		}
	}
	return strings.Join(strings.Fields(all.String()), " ") + "\n"
}

// checkExport checks that a CSV holds no formula and JSON no text that a page it
// were put into would take for markup.
func checkExport(t *testing.T, path, body string) {
	t.Helper()
	if !strings.HasSuffix(path, ".csv") {
		if !json.Valid([]byte(body)) {
			t.Errorf("%s: is no JSON", path)
		}
		if strings.ContainsAny(body, "<>") {
			t.Errorf("%s: holds < or >", path)
		}
		return
	}
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	for _, r := range records {
		for _, cell := range r {
			if c := strings.TrimLeft(cell, " \u00a0\ufeff\""); c != "" && strings.ContainsAny(c[:1], "=+-@|%\t\r\n") {
				t.Errorf("%s: the cell %q is a formula", path, cell)
			}
		}
	}
}
