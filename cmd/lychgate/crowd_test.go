package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lychgate/lychgate/banner"
)

// A crowd is many visitors who share one way to one site, and notices when one
// of them gets what belongs to another.
type crowd struct {
	client   *http.Client
	base     string
	words    *banner.Banner
	visitors int

	mu         sync.Mutex
	mistakes   []string
	requests   int
	hits       int // answered by the cache alone
	unmodified int
	decisions  map[string]int
	counts     map[string]bool // counting cookies given; no two are alike
}

// The purposes the site asks about, and where the answer shows in a page.
var crowdMarks = map[string]string{
	"measurement": `src="https://www.googletagmanager.com/gtag/js?id=G-0"`,
	"media":       `src="https://www.youtube.com/embed/zero"`,
}

func newCrowd(t *testing.T, client *http.Client, base string) *crowd {
	t.Helper()
	words, err := banner.New(banner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &crowd{client: client, base: base, words: words, visitors: 160, decisions: map[string]int{}, counts: map[string]bool{}}
}

// visit sends n requests, by visitors who do what chance tells them: the same at
// each run, but for the order in which they meet.
func (c *crowd) visit(n int) {
	const hands = 16
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			chance := rand.New(rand.NewPCG(1, uint64(hand)))
			people := make([]*crowdVisitor, c.visitors/hands)
			for i := range people {
				people[i] = newCrowdVisitor(c, chance)
			}
			for range n / hands {
				i := chance.IntN(len(people))
				for people[i].act() == leaves {
					people[i] = newCrowdVisitor(c, chance)
				}
			}
		})
	}
	all.Wait()
}

func (c *crowd) mistake(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mistakes) < 50 {
		c.mistakes = append(c.mistakes, fmt.Sprintf(format, args...))
	}
}

// A crowdVisitor is one browser: its languages, cookies and cache, and what it
// answered.
type crowdVisitor struct {
	c       *crowd
	chance  *rand.Rand
	lang    string
	gpc     bool
	cookies map[string]string
	kept    map[string]keptPage

	answer   banner.Choice
	purposes []string
}

type keptPage struct{ tag, body string }

const leaves = "leaves"

func newCrowdVisitor(c *crowd, chance *rand.Rand) *crowdVisitor {
	return &crowdVisitor{
		c: c, chance: chance, lang: []string{"en", "ar", "pl", "zh-Hant"}[chance.IntN(4)], gpc: chance.IntN(8) == 0,
		cookies: map[string]string{}, kept: map[string]keptPage{},
	}
}

// act does one thing.
func (v *crowdVisitor) act() string {
	switch n := v.chance.IntN(100); {
	case n < 55:
		v.page([]string{"/", "/about", "/cymraeg", "/nowhere"}[v.chance.IntN(4)])
	case n < 72:
		v.file([]string{
			"/photo.png", "/site.css", "/shape.svg", "/plain.css", "/news.xml", "/counter/count.js",
			"/.well-known/gpc.json", "/_lychgate/consent/services.json",
		}[v.chance.IntN(8)])
	case n < 82:
		v.consentPage()
	case n < 85:
		v.receipt()
	case n < 98:
		v.decide()
	default:
		return leaves
	}
	return ""
}

// page asks for a page of the site.
func (v *crowdVisitor) page(path string) {
	res, body := v.get(path, "text/html")
	want, lang := http.StatusOK, v.lang
	if path == "/nowhere" {
		want = http.StatusNotFound
	}
	if path == "/cymraeg" {
		lang = "cy"
	}
	if res == nil || res.StatusCode != want {
		v.wrong(path, "answers %v", res)
		return
	}
	v.mustNotBeCached(path, res)
	choice := v.choice()
	if choice == banner.Undecided {
		if !strings.Contains(body, `name="decision" value="accept"`) || !strings.Contains(body, `<section id="lychgate" lang="`+lang+`"`) {
			v.wrong(path, "is not asked, or not in %s", lang)
		}
	} else {
		start := v.c.words.AppendStart(nil, &banner.Page{Lang: []byte(lang), ReturnTo: path, Choice: choice})
		if !strings.Contains(body, string(start)) || strings.Contains(body, `name="decision"`) {
			v.wrong(path, "is not told of the own answer in %s", lang)
		}
	}
	for id, mark := range crowdMarks {
		if strings.Contains(body, mark) != slices.Contains(v.purposes, id) {
			v.wrong(path, "has %s: %v", id, !slices.Contains(v.purposes, id))
		}
	}
}

// file asks for something that is no page. Some of it is the same for everybody,
// some is held until an answer lets it go.
func (v *crowdVisitor) file(path string) {
	res, body := v.get(path, "*/*")
	counted := path == "/counter/count.js" && !slices.Contains(v.purposes, "measurement")
	switch {
	case res == nil || res.StatusCode != map[bool]int{false: http.StatusOK, true: http.StatusNoContent}[counted]:
		v.wrong(path, "answers %v", res)
		return
	case len(res.Header["Set-Cookie"]) > 0:
		v.wrong(path, "sets a cookie")
	case path == "/site.css" || path == "/shape.svg":
		v.mustNotBeCached(path, res)
		if slices.Contains(v.purposes, "measurement") != strings.Contains(body, "https://www.googletagmanager.com") {
			v.wrong(path, "is that of somebody else: %s", body)
		}
	case path == "/counter/count.js":
		v.mustNotBeCached(path, res)
	case path == "/news.xml" && len(v.purposes) == 0:
		// As a page of its own it does what its policy lets it.
		if policy := strings.Join(res.Header["Content-Security-Policy"], ","); !strings.Contains(policy, "default-src") || strings.Contains(policy, "youtube") {
			v.wrong(path, "comes under another's policy: %q", policy)
		}
	}
}

var mainElement = regexp.MustCompile(`<main id="lychgate"[^>]* data-decision="([a-z]*)" data-purposes="([^"]*)">`)

// consentPage asks for the visitor's own page.
func (v *crowdVisitor) consentPage() {
	const path = "/_lychgate/consent"
	res, body := v.get(path, "text/html")
	if res == nil {
		return
	}
	v.mustNotBeCached(path, res)
	m := mainElement.FindStringSubmatch(body)
	want := map[banner.Choice]string{banner.Undecided: "none", banner.Accepted: "accept", banner.Declined: "decline"}[v.choice()]
	if m == nil || m[1] != want || !sameMembers(strings.Fields(m[2]), v.purposes) || !strings.Contains(body, `<html lang="`+v.lang+`"`) {
		v.wrong(path, "says %v, want %s %v in %s", m, want, v.purposes, v.lang)
	}
}

// receipt asks for the visitor's own record.
func (v *crowdVisitor) receipt() {
	const path = "/_lychgate/consent/receipt"
	res, body := v.get(path, "text/html")
	if res == nil {
		return
	}
	v.mustNotBeCached(path, res)
	own := v.cookies["lychgate-receipt"]
	if own == "" {
		if res.StatusCode != http.StatusNotFound {
			v.wrong(path, "is shown to somebody who has none")
		}
		return
	}
	id := "lychgate/" + strings.Join(strings.Split(own, ".")[:2], "/")
	if !strings.Contains(html.UnescapeString(body), `"record_id": "`+id+`"`) {
		v.wrong(path, "is not record %s", id)
	}
}

// decide answers, changes the answer or takes it back.
func (v *crowdVisitor) decide() {
	form := url.Values{"return_to": {"/about"}, "lang": {v.lang}}
	var purposes []string
	decision := []string{"accept", "decline", "choose", "withdraw"}[v.chance.IntN(4)]
	form.Set("decision", decision)
	switch decision {
	case "accept":
		purposes = []string{"statistics", "measurement", "media"}
	case "choose":
		for _, id := range []string{"statistics", "measurement", "media"} {
			yes := v.chance.IntN(2) == 0
			form.Set("purpose-"+id, map[bool]string{true: "yes", false: "no"}[yes])
			if yes {
				purposes = append(purposes, id)
			}
		}
	}
	res, _ := v.send(http.MethodPost, "/_lychgate/consent", form)
	if res == nil || res.StatusCode != http.StatusSeeOther || v.cookies["lychgate"] == "" {
		v.wrong("POST consent", "answers %v", res)
		return
	}
	v.mustNotBeCached("POST consent", res)
	v.purposes, v.answer = purposes, banner.Declined
	if len(purposes) > 0 {
		v.answer = banner.Accepted
	}
	v.c.mu.Lock()
	v.c.decisions[decision]++
	v.c.mu.Unlock()
}

// choice is what the visitor's pages must show.
func (v *crowdVisitor) choice() banner.Choice {
	if v.answer == banner.Undecided && v.gpc {
		return banner.Declined
	}
	return v.answer
}

func sameMembers(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func (v *crowdVisitor) wrong(path, format string, args ...any) {
	v.c.mistake("%s for a visitor (%v %v, gpc %v, %s): %s", path, v.answer, v.purposes, v.gpc, v.lang, fmt.Sprintf(format, args...))
}

// mustNotBeCached fails for an answer that came out of the cache, or that it may keep.
func (v *crowdVisitor) mustNotBeCached(path string, res *http.Response) {
	control := res.Header.Get("Cache-Control")
	if res.Header.Get("X-Cache") == "hit" || !strings.Contains(control, "no-store") && !strings.Contains(control, "private") {
		v.wrong(path, "may be kept or was: %q", control)
	}
}

// get asks as this browser does: with its cookies, and with the tag of what it
// has kept, which is then what it shows.
func (v *crowdVisitor) get(path, accept string) (*http.Response, string) {
	res, body := v.send(http.MethodGet, path, url.Values{"accept": {accept}})
	if res == nil {
		return nil, ""
	}
	if res.StatusCode == http.StatusNotModified {
		res.StatusCode = http.StatusOK
		return res, v.kept[path].body
	}
	delete(v.kept, path)
	if tag := res.Header.Get("Etag"); tag != "" && res.StatusCode == http.StatusOK && !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
		v.kept[path] = keptPage{tag, body}
	}
	return res, body
}

func (v *crowdVisitor) send(method, path string, form url.Values) (*http.Response, string) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, v.c.base+path, body)
	if err != nil {
		v.wrong(path, "%v", err)
		return nil, ""
	}
	v.dress(r, path, form)
	res, err := v.c.client.Do(r)
	if err != nil {
		v.wrong(path, "%v", err)
		return nil, ""
	}
	defer res.Body.Close()
	text, err := readCoded(res)
	if err != nil {
		v.wrong(path, "%v", err)
	}
	v.keepCookies(path, res)
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	v.c.requests++
	if res.Header.Get("X-Cache") == "hit" {
		v.c.hits++
	}
	if res.StatusCode == http.StatusNotModified {
		v.c.unmodified++
	}
	return res, text
}

// dress gives a request the headers of this browser.
func (v *crowdVisitor) dress(r *http.Request, path string, form url.Values) {
	h := r.Header
	h.Set("Accept-Language", v.lang)
	h.Set("Accept", "text/html")
	if accept := form.Get("accept"); accept != "" {
		h.Set("Accept", accept)
	}
	if v.chance.IntN(2) == 0 {
		h.Set("Accept-Encoding", "gzip")
	}
	if v.gpc {
		h.Set("Sec-Gpc", "1")
	}
	for _, name := range slices.Sorted(maps.Keys(v.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: v.cookies[name]})
	}
	if r.Method == http.MethodPost {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("Origin", v.c.base)
	} else if k, ok := v.kept[path]; ok {
		h.Set("If-None-Match", k.tag)
	}
}

// keepCookies keeps what an answer sets. A counting cookie is sealed anew for
// each answer, so one that was seen before was meant for somebody else.
func (v *crowdVisitor) keepCookies(path string, res *http.Response) {
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		v.cookies[c.Name] = c.Value
		if c.Name != "lychgate-count" {
			continue
		}
		v.c.mu.Lock()
		seen := v.c.counts[c.Value]
		v.c.counts[c.Value] = true
		v.c.mu.Unlock()
		if seen || path != "/_lychgate/consent" && !slices.Contains(v.purposes, "statistics") {
			v.wrong(path, "brings somebody else's counting cookie")
		}
	}
}

func readCoded(res *http.Response) (string, error) {
	body, err := io.ReadAll(res.Body)
	if err != nil || res.Header.Get("Content-Encoding") != "gzip" || len(body) == 0 {
		return string(body), err
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	body, err = io.ReadAll(z)
	return string(body), err
}
