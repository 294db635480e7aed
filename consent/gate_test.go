package consent

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lychgate/lychgate/banner"
)

var (
	video   = Service{Name: "YouTube", Purpose: "video", Hosts: []string{"youtube.com", "ytimg.com"}, Privacy: "https://policies.google.com/privacy"}
	unknown = Service{Name: "cdn.example", Purpose: Other, Hosts: []string{"cdn.example"}}
)

const testSite = "charity.test"

// testGate makes a gate that counts visits and holds back services, with a
// ledger of its own unless c brings one.
func testGate(t testing.TB, c Config, services ...Service) *Gate {
	t.Helper()
	b, err := banner.New(banner.Config{SiteName: "Charity"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Keys == nil {
		c.Keys = NewKeys()
	}
	if c.Ledger == nil {
		c.Ledger = testLedger(t, LedgerConfig{Dir: t.TempDir(), Keys: c.Keys})
	}
	if c.Services == nil {
		c.Services = func() []Service { return services }
	}
	c.Site, c.Banner, c.Statistics = cmp.Or(c.Site, testSite), b, true
	g, err := NewGate(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func testLedger(t testing.TB, c LedgerConfig) *Ledger {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	l := OpenLedger(c)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// A visitor is a browser with its cookies, on one scheme.
type testVisitor struct {
	scheme  string
	cookies map[string]string
	header  http.Header
	network string // where the requests come from; httptest's own if empty
}

func newVisitor(scheme string) *testVisitor {
	return &testVisitor{scheme: scheme, cookies: map[string]string{}, header: http.Header{}}
}

func (v *testVisitor) request(method, path string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, v.scheme+"://"+testSite+path, body)
	if v.network != "" {
		r.RemoteAddr = v.network
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, values := range v.header {
		r.Header[name] = values
	}
	return r
}

func (v *testVisitor) do(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		} else {
			v.cookies[c.Name] = c.Value
		}
	}
	return res
}

func (v *testVisitor) get(g *Gate, path string) *http.Response {
	return v.do(g, v.request("GET", path, nil))
}

// post sends a form as a browser does from a page of the site.
func (v *testVisitor) post(g *Gate, form url.Values) *http.Response {
	r := v.request("POST", pagePath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.scheme+"://"+testSite)
	if v.scheme == "https" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
	}
	return v.do(g, r)
}

func (v *testVisitor) decide(g *Gate, decision string) *http.Response {
	return v.post(g, url.Values{"decision": {decision}, "return_to": {"/donate?x=1"}})
}

func (v *testVisitor) of(g *Gate) (Decision, Grant) { return g.Of(v.request("GET", "/", nil)) }

func testBody(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnswers(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		g := testGate(t, Config{}, video, unknown)
		for _, c := range []struct {
			name     string
			form     url.Values
			answer   Answer
			purposes []string
		}{
			{"accept is all purposes", url.Values{"decision": {"accept"}}, Accepted, []string{Statistics, "video", Other}},
			{"decline is none", url.Values{"decision": {"decline"}}, Declined, nil},
			{"withdraw is none", url.Values{"decision": {"withdraw"}}, Declined, nil},
			{"one purpose by radio buttons", url.Values{"decision": {"choose"}, "purpose-video": {"yes"}, "purpose-statistics": {"no"}}, Accepted, []string{"video"}},
			{"two purposes by name", url.Values{"purpose": {"statistics", "other"}}, Accepted, []string{Statistics, Other}},
			{"each purpose refused", url.Values{"purpose-video": {"no"}, "purpose-statistics": {"no"}, "purpose-other": {"no"}}, Declined, nil},
			{"no purpose ticked", url.Values{"purpose": {""}}, Declined, nil},
		} {
			t.Run(scheme+" "+c.name, func(t *testing.T) {
				v := newVisitor(scheme)
				if d, grant := v.of(g); d.Answer != Undecided || grant.Allows(Statistics) || grant.Site() != "" {
					t.Fatalf("before: %+v %+v", d, grant)
				}
				c.form.Set("return_to", "/donate?x=1")
				res := v.post(g, c.form)
				if res.StatusCode != 303 || res.Header.Get("Location") != "/donate?x=1#lychgate" {
					t.Fatalf("got %d to %q", res.StatusCode, res.Header.Get("Location"))
				}
				d, grant := v.of(g)
				if d.Answer != c.answer || d.GPC || d.Policy != g.Policy() || time.Since(d.Day) > 48*time.Hour {
					t.Errorf("after: %+v", d)
				}
				for _, id := range []string{Statistics, "video", Other, "", "maps"} {
					if got, want := grant.Allows(id), slices.Contains(c.purposes, id); got != want {
						t.Errorf("%q allowed: %v, want %v", id, got, want)
					}
				}
				if _, has := v.cookies[receiptCookie(scheme == "https")]; has != (c.answer == Accepted) {
					t.Errorf("receipt: %v", has)
				}
				// The same cookie read over the other scheme is nobody's.
				other := newVisitor(map[string]string{"http": "https", "https": "http"}[scheme])
				other.cookies = v.cookies
				if d, _ := other.of(g); d.Answer != Undecided {
					t.Errorf("over the other scheme: %+v", d)
				}
			})
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	g := testGate(t, Config{Site: "www.community-advice-and-support-for-families.org.uk"}, video)
	for _, scheme := range []string{"http", "https"} {
		life := map[string]int{}
		for _, decision := range []string{Accept, Decline} {
			res := newVisitor(scheme).decide(g, decision)
			for _, c := range res.Cookies() {
				wantPath := "/"
				if strings.HasSuffix(c.Name, receiptName) {
					wantPath = Prefix
				}
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != (scheme == "https") || c.Domain != "" || c.Path != wantPath || len(c.Name+"="+c.Value) > 250 {
					t.Errorf("%s %s: %s", scheme, decision, c)
				}
				if strings.HasSuffix(c.Name, cookieName) {
					life[decision] = c.MaxAge
				}
			}
		}
		if life[Accept] != life[Decline] || life[Accept] != 180*24*3600 {
			t.Errorf("%s: life %v, want both 180 days", scheme, life)
		}
	}
}

// All who answer alike on one day get the same bytes, so that no cookie points
// to anybody.
func TestSameAnswerSameDaySameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		london, err := time.LoadLocation("Europe/London")
		if err != nil {
			t.Fatal(err)
		}
		g := testGate(t, Config{Location: london}, video)
		cookies := func(form url.Values) (all []string) {
			t.Helper()
			for _, scheme := range []string{"http", "https"} {
				res := newVisitor(scheme).post(g, form)
				if res.StatusCode != 303 {
					t.Fatalf("status %d", res.StatusCode)
				}
				all = append(all, res.Header["Set-Cookie"][0])
			}
			return all
		}
		forms := []url.Values{{"decision": {"accept"}}, {"decision": {"decline"}}, {"purpose": {"video"}}}
		var first [][]string
		for _, f := range forms {
			first = append(first, cookies(f))
		}
		for _, wait := range []time.Duration{time.Second, time.Hour, 20 * time.Hour} {
			time.Sleep(wait)
			if err := g.Refresh(); err != nil {
				t.Fatal(err)
			}
			for i, f := range forms {
				if got := cookies(f); !slices.Equal(got, first[i]) {
					t.Errorf("%v after %v: got %q, want %q", f, wait, got, first[i])
				}
			}
		}
		time.Sleep(3 * time.Hour) // past midnight
		for i, f := range forms {
			if got := cookies(f); slices.Equal(got, first[i]) {
				t.Errorf("%v: the same bytes on the next day", f)
			}
		}
	})
}

func TestAnswersEndAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGate(t, Config{AskAgain: 30 * 24 * time.Hour}, video)
		yes, no := newVisitor("https"), newVisitor("https")
		yes.decide(g, Accept)
		no.decide(g, Decline)
		if err := g.config.Ledger.Close(); err != nil { // else it would tick for months
			t.Fatal(err)
		}
		_, grant := yes.of(g)
		if got := time.Until(grant.Until()); got <= 29*24*time.Hour || got > 30*24*time.Hour {
			t.Errorf("grant ends in %v", got)
		}
		time.Sleep(time.Until(grant.Until()) - time.Second)
		for _, v := range []*testVisitor{yes, no} {
			if d, _ := v.of(g); d.Answer == Undecided {
				t.Errorf("asked again too soon: %+v", d)
			}
		}
		time.Sleep(time.Second)
		for _, v := range []*testVisitor{yes, no} {
			if d, _ := v.of(g); d.Answer != Undecided {
				t.Errorf("after its end: %+v", d)
			}
		}
	})
}

func TestGPCIsANoUntilTheVisitorSaysOtherwise(t *testing.T) {
	g := testGate(t, Config{}, video)
	v := newVisitor("https")
	v.header.Set("Sec-GPC", "1")
	if d, grant := v.of(g); d.Answer != Declined || !d.GPC || grant.Allows(Statistics) {
		t.Errorf("got %+v %+v", d, grant)
	}
	if res := v.get(g, pagePath); len(res.Cookies()) != 0 {
		t.Errorf("a cookie because of GPC: %v", res.Cookies())
	}
	v.decide(g, Accept)
	if d, grant := v.of(g); d.Answer != Accepted || d.GPC || !grant.Allows("video") {
		t.Errorf("after an explicit yes: %+v", d)
	}
	if rec := testRecords(t, g.config.Ledger); len(rec) != 1 || rec[0].Way != WayGPC {
		t.Errorf("recorded %+v", rec)
	}
}

func TestWithdrawalTakesEverythingAway(t *testing.T) {
	tracker := &http.Cookie{Name: "_ga", Domain: "charity.test", Path: "/", MaxAge: -1}
	var decided []Decision
	g := testGate(t, Config{
		Expire:  func(*http.Request) []*http.Cookie { return []*http.Cookie{tracker} },
		Decided: func(_ http.ResponseWriter, _ *http.Request, d Decision, _ Grant) { decided = append(decided, d) },
	}, video)
	v := newVisitor("https")
	res := v.decide(g, Accept)
	if res.Header.Get("Clear-Site-Data") != "" || strings.Contains(strings.Join(res.Header["Set-Cookie"], ""), "_ga") {
		t.Errorf("an accept cleared something: %v", res.Header)
	}
	for _, c := range []struct {
		name string
		form url.Values
		csd  string
	}{
		{"the same again", url.Values{"decision": {"accept"}}, ""},
		{"narrowing", url.Values{"purpose": {"statistics"}}, `"cache", "storage"`},
		{"widening", url.Values{"decision": {"accept"}}, ""},
		{"withdrawal", url.Values{"decision": {"withdraw"}}, `"cache", "storage"`},
		{"decline after it", url.Values{"decision": {"decline"}}, ""},
		{"withdrawal of nothing", url.Values{"decision": {"withdraw"}}, `"cache", "storage"`},
	} {
		res := v.post(g, c.form)
		if res.StatusCode != 303 || res.Header.Get("Clear-Site-Data") != c.csd {
			t.Errorf("%s: %d, Clear-Site-Data %q, want %q", c.name, res.StatusCode, res.Header.Get("Clear-Site-Data"), c.csd)
		}
		expired := strings.Contains(strings.Join(res.Header["Set-Cookie"], "\n"), "_ga=; Path=/; Domain=charity.test; Max-Age=0")
		if expired != (c.name != "widening" && c.name != "the same again") {
			t.Errorf("%s: tracker's cookie expired: %v", c.name, expired)
		}
	}
	if d, _ := v.of(g); d.Answer != Declined || len(v.cookies) != 1 {
		t.Errorf("after withdrawal: %+v, cookies %v", d, v.cookies)
	}
	if len(decided) != 7 || decided[2].Purposes != 1 || decided[4].Answer != Declined {
		t.Errorf("told of %+v", decided)
	}
}

func TestOnlyTheVisitorsOwnActDecides(t *testing.T) {
	g := testGate(t, Config{}, video)
	form := "decision=accept&return_to=/"
	for _, c := range []struct {
		name, scheme, method, kind, body string
		header                           map[string]string
		status                           int
	}{
		{name: "GET with the answer in the query", method: "GET", status: 200},
		{name: "HEAD", method: "HEAD", status: 200},
		{name: "PUT", method: "PUT", status: 405},
		{name: "DELETE", method: "DELETE", status: 405},
		{name: "from another site", header: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 403},
		{name: "from another site with our Origin", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://charity.test"}, status: 403},
		{name: "from a sister host", header: map[string]string{"Sec-Fetch-Site": "same-site"}, status: 403},
		{name: "from nowhere", header: map[string]string{"Sec-Fetch-Site": "none"}, status: 403},
		{name: "by the site's script", header: map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, status: 403},
		{name: "by the site's script without cors", header: map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors"}, status: 403},
		{name: "foreign Origin", header: map[string]string{"Origin": "https://evil.test"}, status: 403},
		{name: "our host with another scheme", header: map[string]string{"Origin": "http://charity.test"}, status: 403},
		{name: "our host with another port", header: map[string]string{"Origin": "https://charity.test:8443"}, status: 403},
		{name: "Origin null over plain http", scheme: "http", header: map[string]string{"Origin": "null"}, status: 403},
		{name: "Origin null, said to be ours", header: map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, status: 303},
		{name: "no Origin, foreign Referer", header: map[string]string{"Referer": "https://evil.test/charity.test"}, status: 403},
		{name: "no Origin, our Referer", header: map[string]string{"Referer": "https://charity.test/donate"}, status: 303},
		{name: "another form", kind: "text/plain", status: 400},
		{name: "a form of files", kind: "multipart/form-data; boundary=x", status: 400},
		{name: "no kind", kind: " ", status: 400},
		{name: "too large", body: form + "&x=" + strings.Repeat("a", maxFormBytes), status: 413},
		{name: "bad escapes", body: "decision=accept&return_to=/&x=%zz", status: 400},
		{name: "two answers", body: "decision=accept&decision=decline", status: 400},
		{name: "unknown answer", body: "decision=maybe", status: 400},
		{name: "no answer", body: "return_to=/", status: 400},
		{name: "unknown purpose", body: "purpose=everything", status: 400},
		{name: "unknown radio", body: "purpose-everything=yes", status: 400},
		{name: "yes and no", body: "purpose-video=yes&purpose-video=no", status: 400},
		{name: "unknown list", body: "decision=accept&policy=0123456789abcdef", status: 400},
		{name: "list of a strange name", body: "decision=accept&policy=../../keys", status: 400},
		{name: "plain", status: 303},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(testRecords(t, g.config.Ledger))
			v := newVisitor(or(c.scheme, "https"))
			r := v.request(or(c.method, "POST"), pagePath+"?decision=accept", strings.NewReader(or(c.body, form)))
			r.Header.Set("Content-Type", or(c.kind, "application/x-www-form-urlencoded"))
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			res := v.do(g, r)
			if res.StatusCode != c.status {
				t.Fatalf("got %d, want %d", res.StatusCode, c.status)
			}
			recorded := len(testRecords(t, g.config.Ledger)) - before
			if want := c.status == 303; (len(v.cookies) > 0) != want || (recorded == 1) != want {
				t.Errorf("cookies %v, %d recorded", v.cookies, recorded)
			}
			if c.status == 405 && res.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("Allow %q", res.Header.Get("Allow"))
			}
			if c.status >= 400 && !strings.Contains(testBody(t, res), "<main") {
				t.Error("not a calm page")
			}
			if got := res.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

func or(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

func TestTheLedgerComesFirst(t *testing.T) {
	for name, c := range map[string]Config{
		"file cannot be opened": {Keys: NewKeys(), Ledger: testLedger(t, LedgerConfig{Dir: "/nonexistent", Keys: NewKeys(), Log: slog.New(slog.DiscardHandler)})},
	} {
		t.Run(name, func(t *testing.T) {
			g := testGate(t, c, video)
			v := newVisitor("https")
			res := v.decide(g, Accept)
			if res.StatusCode != 503 || len(res.Cookies()) != 0 {
				t.Errorf("accept: %d, %v", res.StatusCode, res.Cookies())
			}
			for _, decision := range []string{Decline, Withdraw} {
				v = newVisitor("https")
				res = v.decide(g, decision)
				if d, _ := v.of(g); res.StatusCode != 200 || d.Answer != Declined {
					t.Errorf("%s: %d, %+v", decision, res.StatusCode, d)
				}
				if body := testBody(t, res); !strings.Contains(body, "/donate?x=1") {
					t.Errorf("%s: no way back in %s", decision, body)
				}
			}
		})
	}
}

func TestAGateWithoutKeysHoldsEverythingBack(t *testing.T) {
	k := NewKeys()
	b, err := banner.New(banner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := testLedger(t, LedgerConfig{Dir: t.TempDir()})
	g, err := NewGate(Config{Site: testSite, Banner: b, Statistics: true, Ledger: l})
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor("https")
	if res := v.decide(g, Accept); res.StatusCode != 503 || len(v.cookies) != 0 {
		t.Errorf("accept: %d", res.StatusCode)
	}
	if v.decide(g, Decline); len(v.cookies) != 1 {
		t.Errorf("decline: %v", v.cookies)
	}
	l.SetKeys(k)
	if err := g.SetKeys(k); err != nil {
		t.Fatal(err)
	}
	v = newVisitor("https")
	if res := v.decide(g, Accept); res.StatusCode != 303 {
		t.Errorf("accept with keys: %d", res.StatusCode)
	}
}
