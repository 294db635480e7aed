package consent

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/banner"
)

// mainElement returns the attributes of the page's main element.
func mainElement(t *testing.T, body string) map[string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "main" {
			attrs := map[string]string{}
			for _, a := range n.Attr {
				attrs[a.Key] = a.Val
			}
			return attrs
		}
	}
	t.Fatalf("no main in %s", body)
	return nil
}

func TestPageSaysWhatHolds(t *testing.T) {
	g := testGate(t, Config{
		Contact: "hello@charity.test", PrivacyURL: "/privacy", KeepRecords: 4 * 365 * 24 * time.Hour, KeepStatistics: 25 * 30 * 24 * time.Hour,
		Counting: func(*http.Request) []banner.Fact { return []banner.Fact{banner.TextFact("pages", "three")} },
	}, video, unknown)
	v := newVisitor("https")
	for _, c := range []struct {
		name               string
		form               url.Values
		decision, purposes string
		counting           bool
	}{
		{"before", nil, "none", "", false},
		{"accepted", url.Values{"decision": {"accept"}}, "accept", "statistics video other", true},
		{"some of it", url.Values{"purpose": {"video"}}, "accept", "video", false},
		{"declined", url.Values{"decision": {"decline"}}, "decline", "", false},
		{"by radio buttons of no", url.Values{"decision": {"choose"}, "purpose-video": {"no"}}, "decline", "", false},
	} {
		if c.form != nil {
			c.form.Set("return_to", pagePath)
			res := v.post(g, c.form)
			if got := res.Header.Get("Location"); got != pagePath+"?saved=1#lychgate" {
				t.Errorf("%s: leads to %q", c.name, got)
			}
		}
		res := v.get(g, pagePath)
		body := testBody(t, res)
		attrs := mainElement(t, body)
		if attrs["data-decision"] != c.decision || attrs["data-purposes"] != c.purposes {
			t.Errorf("%s: %v, want %s %s", c.name, attrs, c.decision, c.purposes)
		}
		for _, text := range []string{"YouTube", "youtube.com", "cdn.example", "hello@charity.test", "/privacy", "ico.org.uk", `name="policy" value="` + g.Policy()} {
			if !strings.Contains(body, text) {
				t.Errorf("%s: %q is not in the page", c.name, text)
			}
		}
		if strings.Contains(body, "Pages in this visit") != c.counting {
			t.Errorf("%s: counting shown: %v", c.name, !c.counting)
		}
		if len(res.Cookies()) != 0 || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Security-Policy") != banner.PagePolicy() {
			t.Errorf("%s: %v", c.name, res.Header)
		}
		if saved := testBody(t, v.get(g, pagePath+"?saved=1")); strings.Contains(saved, "<title>Choice saved") != (c.form != nil) {
			t.Errorf("%s: the title of a choice just made is wrong", c.name)
		}
	}
}

func TestWayBackLeadsToThePageTheVisitorWasReading(t *testing.T) {
	g := testGate(t, Config{}, video)
	v := newVisitor("https")
	back := func(body string) string {
		t.Helper()
		m := regexp.MustCompile(`<footer>\s*<p><a href="([^"]*)"`).FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no way back in %s", body)
		}
		return html.UnescapeString(m[1])
	}
	const reading = "/donate?x=1&y=a%20b"
	const carried = pagePath + "?return_to=%2Fdonate%3Fx%3D1%26y%3Da%2520b"

	// The page was reached by its link, so the browser says from where.
	r := v.request("GET", pagePath+"?lang=en", nil)
	r.Header.Set("Referer", "https://"+testSite+reading)
	body := testBody(t, v.do(g, r))
	if got := back(body); got != reading {
		t.Errorf("way back leads to %q, want %q", got, reading)
	}
	for _, want := range []string{`name="return_to" value="` + carried + `"`, `href="?lang=cy&amp;return_to=%2Fdonate`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in the page", want)
		}
	}

	// It is still known after an answer, and then near the top.
	for decision, saved := range map[string]string{"accept": "1", "decline": "1", "withdraw": "withdraw"} {
		res := v.post(g, url.Values{"decision": {decision}, "return_to": {carried}})
		want := url.Values{"return_to": {reading}, "saved": {saved}}
		u, err := url.Parse(res.Header.Get("Location"))
		if err != nil || u.Path != pagePath || u.Fragment != "lychgate" || u.Query().Get("return_to") != reading || u.Query().Get("saved") != saved {
			t.Errorf("%s leads to %q, want %v", decision, res.Header.Get("Location"), want)
			continue
		}
		body := testBody(t, v.get(g, u.RequestURI()))
		if got := back(body); got != reading {
			t.Errorf("after %s the way back leads to %q", decision, got)
		}
		link := `<a href="/donate?x=1&amp;y=a%20b">`
		if before, _, _ := strings.Cut(body, `id="choose"`); decision != "withdraw" && !strings.Contains(before, link) {
			t.Errorf("after %s there is no way back beside what was saved", decision)
		}
	}

	// Elsewhere, our own pages and what is no path are no way back.
	plain := `name="return_to" value="/_lychgate/consent"`
	for _, from := range []string{"", "https://evil.test/donate", "http://" + testSite + "/donate", "https://" + testSite + pagePath + "/receipt", "https://" + testSite + "//evil.test", "nonsense"} {
		r := v.request("GET", pagePath, nil)
		r.Header.Set("Referer", from)
		body := testBody(t, v.do(g, r))
		if got := back(body); got != "/" || !strings.Contains(body, plain) {
			t.Errorf("from %q the way back leads to %q", from, got)
		}
	}
	for _, bad := range hostileReturnTo() {
		query := "?" + url.Values{"return_to": {bad}}.Encode()
		if body := testBody(t, v.get(g, pagePath+query)); !strings.Contains(body, plain) {
			t.Errorf("%q is taken for a way back", bad)
		}
		res := v.post(g, url.Values{"decision": {"decline"}, "return_to": {pagePath + query}})
		if got := res.Header.Get("Location"); strings.Contains(got, "return_to") {
			t.Errorf("%q is kept after an answer: %s", bad, got)
		}
	}
}

func TestOwnPagesAnswerOnlyNavigations(t *testing.T) {
	g := testGate(t, Config{}, video)
	v := newVisitor("https")
	v.decide(g, Accept)
	for _, path := range []string{pagePath, pagePath + "/receipt", pagePath + "/receipt?as=json", pagePath + "/verify"} {
		for mode, want := range map[string]int{"": 200, "navigate": 200, "cors": 403, "no-cors": 403, "same-origin": 403, "websocket": 403} {
			r := v.request("GET", path, nil)
			if mode != "" {
				r.Header.Set("Sec-Fetch-Mode", mode)
			}
			res := v.do(g, r)
			if res.StatusCode != want {
				t.Errorf("%s %s: %d, want %d", mode, path, res.StatusCode, want)
			}
			h := res.Header
			if h.Get("X-Robots-Tag") != "noindex" || h.Get("Cache-Control") != "no-store" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
				!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", path, h)
			}
		}
	}
}

func TestReceiptIsForItsVisitorAlone(t *testing.T) {
	g := testGate(t, Config{}, video)
	v, other := newVisitor("https"), newVisitor("https")
	v.decide(g, Accept)
	other.decide(g, Decline)
	own := testBody(t, v.get(g, pagePath+"/receipt?as=json"))
	var fields map[string]any
	if err := json.Unmarshal([]byte(own), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema_version", "record_id", "pii_principal_id", "pii_processing", "party_identification", "event"} {
		if fields[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	for _, path := range []string{"/receipt", "/receipt?as=json", "/receipt?as=text"} {
		if res := other.get(g, pagePath+path); res.StatusCode != 404 {
			t.Errorf("who declined gets %s: %d", path, res.StatusCode)
		}
	}
	text := testBody(t, v.get(g, pagePath+"/receipt?as=text"))
	for _, form := range []string{own, text} {
		r := v.request("POST", pagePath+"/verify", strings.NewReader(url.Values{"receipt": {form}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if body := testBody(t, newVisitor("https").do(g, r)); !strings.Contains(body, "This record is true") {
			t.Errorf("not proven: %s", form)
		}
	}
	forged := strings.Replace(own, "video", "voodoo", 1)
	r := v.request("POST", pagePath+"/verify", strings.NewReader(url.Values{"receipt": {forged}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if body := testBody(t, newVisitor("https").do(g, r)); !strings.Contains(body, "not in our book") {
		t.Errorf("a forged receipt: %s", body)
	}
	// Another site of the same gateway does not show it.
	foreign := testGate(t, Config{Keys: g.config.Keys, Ledger: g.config.Ledger}, video)
	foreign.config.Site = "other.test"
	if res := v.get(foreign, pagePath+"/receipt"); res.StatusCode != 404 {
		t.Errorf("another site shows it: %d", res.StatusCode)
	}
}

func TestWithdrawalOffersTheLastReceiptOnce(t *testing.T) {
	g := testGate(t, Config{}, video)
	v := newVisitor("https")
	v.decide(g, Accept)
	res := v.post(g, url.Values{"decision": {"withdraw"}, "return_to": {pagePath}})
	to := res.Header.Get("Location")
	if _, has := v.cookies[receiptCookie(true)]; has || !strings.HasSuffix(to, anchor) {
		t.Fatalf("leads to %q with %v", to, v.cookies)
	}
	body := testBody(t, v.get(g, strings.TrimSuffix(to, anchor)))
	if attrs := mainElement(t, body); attrs["data-decision"] != "decline" {
		t.Errorf("%v", attrs)
	}
	for _, text := range []string{"ISO/IEC TS 27560", "close other tabs", video.Privacy} {
		if !strings.Contains(body, text) {
			t.Errorf("%q is not in the confirmation", text)
		}
	}
	if body := testBody(t, v.get(g, pagePath)); strings.Contains(body, "27560") {
		t.Error("offered twice")
	}
	if body := testBody(t, newVisitor("https").get(g, pagePath+"?saved=withdraw")); mainElement(t, body)["data-decision"] != "none" {
		t.Error("a withdrawal is confirmed to who did not withdraw")
	}
}

func TestServicesForTheSitesOwnPolicy(t *testing.T) {
	s := video
	s.Cookies = []Cookie{{Name: "YSC", Text: "views", Life: "session"}}
	always := func() []Service { return []Service{{Name: "Donorbox", Hosts: []string{"donorbox.org"}}} }
	g := testGate(t, Config{Always: always}, s, unknown)
	v := newVisitor("http")
	res := v.get(g, pagePath+"/services.json")
	var list struct {
		Policy   string
		Purposes []struct {
			ID       string
			Services []struct {
				Name    string
				Hosts   []string
				Cookies []struct{ Name string }
			}
		}
		Always []struct{ Name string }
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if list.Policy != g.Policy() || len(list.Purposes) != 3 || list.Purposes[1].Services[0].Cookies[0].Name != "YSC" || list.Purposes[2].Services[0].Hosts[0] != "cdn.example" {
		t.Errorf("%+v", list)
	}
	if len(list.Always) != 1 || list.Always[0].Name != "Donorbox" {
		t.Errorf("always: %+v", list.Always)
	}
	// What nobody is asked about is named to visitors all the same, and has no answer.
	page := testBody(t, v.get(g, pagePath))
	if !strings.Contains(page, "Donorbox") || !strings.Contains(page, "donorbox.org") || strings.Count(page, `type="radio"`) != 2*len(list.Purposes) {
		t.Errorf("the consent page:\n%s", page)
	}
	body := testBody(t, v.get(g, pagePath+"/services.html"))
	for _, text := range []string{"YouTube", "YSC", "cdn.example", "Donorbox", "because this site needs them"} {
		if !strings.Contains(body, text) {
			t.Errorf("%q is not in %s", text, body)
		}
	}
	if strings.Contains(body, "<html") || strings.Contains(body, "<script") {
		t.Error("not a fragment")
	}
}

func TestCheckpointIsPublic(t *testing.T) {
	g := testGate(t, Config{}, video)
	newVisitor("https").decide(g, Accept)
	text := testBody(t, newVisitor("https").get(g, pagePath+"/checkpoint"))
	if !regexp.MustCompile(`^lychgate/[0-9a-f]{16}\n1\n[A-Za-z0-9+/=]{44}\n\n— lychgate/[0-9a-f]{16} [A-Za-z0-9+/=]+\n$`).MatchString(text) {
		t.Errorf("%q", text)
	}
}

// Nothing of a visitor but the answer reaches the ledger, the log or a header.
func TestNothingOfAVisitorIsRecorded(t *testing.T) {
	g := testGate(t, Config{}, video)
	v := newVisitor("https")
	r := v.request("POST", pagePath, strings.NewReader("decision=accept&return_to=/canary-path&source=canary-source&x=canary-field"))
	r.RemoteAddr = "203.0.113.0:0"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "canary-agent")
	r.Header.Set("Referer", "https://charity.test/canary-referer?canary-query")
	r.Header.Set("Cookie", "session=canary-cookie")
	r.Header.Set("Accept-Language", "en;q=0.5, x-canary-language")
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	if res := v.do(g, r); res.StatusCode != 303 {
		t.Fatalf("%d", res.StatusCode)
	}
	v.decide(g, Withdraw)
	dump := testExport(t, g.config.Ledger.config.Dir)
	for _, canary := range []string{"canary", "203.0.113", "198.51.100"} {
		if strings.Contains(dump, canary) {
			t.Errorf("%s is in the ledger", canary)
		}
	}
	if !strings.Contains(dump, `"language":"en"`) || strings.Count(dump, `"kind":"record"`) != 2 {
		t.Errorf("the dump holds no record, so absence proves nothing: %s", dump)
	}
}
