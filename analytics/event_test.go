package analytics

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// send plays the script on the browser's page.
func (b *testBrowser) send(t *testing.T, at time.Time, kind, page, value string) {
	t.Helper()
	form := url.Values{"kind": {kind}, "page": {page}, "value": {value}}
	if kind == "load" {
		form.Set("width", "medium")
	}
	r := eventRequest(form)
	r.Header.Set("Cookie", b.cookie)
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	b.a.recordEvent(h, r, Event{Site: testSite, Network: netip.MustParseAddr("198.51.100.0"), Time: at}, at.AddDate(0, 6, 0))
	b.keep(t, h)
}

func eventRequest(form url.Values) *http.Request {
	r := httptest.NewRequest("POST", "https://"+testSite+EventPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Referer", "https://"+testSite+"/a")
	r.Header.Set("User-Agent", testAgent)
	return r
}

func TestEvents(t *testing.T) {
	a := testOpen(t, t.TempDir(), func(c *Config) { c.Sites[0].Events = []string{"signup"}; c.SmallNumber = 1 })
	defer testClose(t, a)
	now := today(t)
	b := &testBrowser{a: a}
	b.see(t, "/a", now)
	b.send(t, now, "load", "/a", "")
	b.send(t, now.Add(10*time.Second), "event", "/a", "signup")
	b.send(t, now.Add(10*time.Second), "event", "/a", "jane@example.org")
	b.send(t, now.Add(20*time.Second), "outbound", "/a", "partner.example:443")
	b.send(t, now.Add(20*time.Second), "outbound", "/a", "<script>")
	b.send(t, now.Add(20*time.Second), "missing", "/a", "/gone.js?v=1")
	b.send(t, now.Add(70*time.Second), "time", "/a", "70")          // looked at for 70 s, then hidden
	b.send(t, now.Add(80*time.Second), "time", "/b", "50")          // not the last page
	b.send(t, now.Add(5*time.Minute), "view", "/b", "?utm_source=") // moved by script
	b.send(t, now.Add(6*time.Minute), "time", "/b", "60000")        // more than can be
	b.send(t, now.Add(40*time.Minute), "time", "/b", "60")          // the visit is over
	testPersist(t, a)
	ans := testAsk(t, a, Question{
		From: day(now), To: day(now),
		Lists: []ListQuestion{{Dim: DimPage}, {Dim: DimWidth}, {Dim: DimEvent}, {Dim: DimOutbound}, {Dim: DimNotFound}},
	})
	if h := ans.Headline; h.Views.N != 2 || h.Visits.N != 1 || h.Engaged.N != 1 || h.Seconds.N != 5*60+2*60 {
		t.Errorf("got %+v, want 2 views in one visit of 420 seconds", h)
	}
	for i, want := range []string{"page: /a 1, /b 1", "width: medium 1", "event: signup 1", "outbound: partner.example 1", "notfound: /gone.js 1"} {
		if got := listText(ans.Lists[i]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if a, b := ans.Lists[0].Rows[0].Seconds.N, ans.Lists[0].Rows[1].Seconds.N; a != 300 || b != 120 {
		t.Errorf("got %d and %d seconds on the pages, want 300 and 120", a, b)
	}
	testSameSums(t, testTable(t, a))
}

// A page that was rendered ahead is shown: its view brings the landing page, the
// referrer and the window along.
func TestViewOfAPageRenderedAhead(t *testing.T) {
	a := testOpen(t, t.TempDir(), func(c *Config) { c.SmallNumber = 1 })
	defer testClose(t, a)
	now := today(t)
	r := eventRequest(url.Values{
		"kind": {"view"}, "page": {"/news"}, "value": {"?utm_campaign=may"}, "width": {"narrow"}, "from": {"https://www.bing.com/search?q=secret"},
	})
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	a.recordEvent(http.Header{}, r, Event{Site: testSite, Time: now}, now.AddDate(0, 6, 0))
	testPersist(t, a)
	ans := testAsk(t, a, Question{
		From: day(now), To: day(now), Lists: []ListQuestion{{Dim: DimEntry}, {Dim: DimSource}, {Dim: DimCampaign}, {Dim: DimWidth}},
	})
	for i, want := range []string{"entry: /news 1", "source: bing 1", "campaign: may 1", "width: narrow 1"} {
		if got := listText(ans.Lists[i]); got != want || ans.Lists[i].Rows[0].Visits.N != 1 {
			t.Errorf("got %q %+v, want %q and its visit", got, ans.Lists[i].Rows, want)
		}
	}
}

func TestEventsAreAnsweredCalmly(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	good := url.Values{"kind": {"view"}, "page": {"/"}}
	for _, tt := range []struct {
		name   string
		change func(r *http.Request) *http.Request
		want   int
	}{
		{"without a grant", func(r *http.Request) *http.Request { return r }, 204},
		{"from another site", func(r *http.Request) *http.Request { r.Header.Set("Sec-Fetch-Site", "cross-site"); return r }, 403},
		{"by GET", func(r *http.Request) *http.Request { r.Method = "GET"; return r }, 405},
		{"too long", func(*http.Request) *http.Request {
			return eventRequest(url.Values{"page": {strings.Repeat("a", 3000)}})
		}, 400},
	} {
		w := httptest.NewRecorder()
		a.ServeEvent(w, tt.change(eventRequest(good)), consent.Grant{}, Event{Site: testSite, Time: time.Now()})
		if w.Code != tt.want || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: got %d, %v, want %d", tt.name, w.Code, w.Header(), tt.want)
		}
	}
	if rows := a.counter.drain(); len(rows) != 0 {
		t.Errorf("counted: %v", rows)
	}
}

func TestBeaconIsSmall(t *testing.T) {
	script := Beacon()
	if len(script) > 2048 {
		t.Errorf("the script has %d bytes, want at most 2048", len(script))
	}
	for _, store := range []string{"localStorage", "sessionStorage", "indexedDB", "document.cookie", "d.cookie"} {
		if strings.Contains(string(script), store) {
			t.Errorf("the script uses %s", store)
		}
	}
}

func TestEventsAreLimited(t *testing.T) {
	var l limiter
	passed := 0
	for range 3 * maxEventsPerSecond {
		if l.take(100) {
			passed++
		}
	}
	if passed != maxEventsPerSecond || !l.take(101) {
		t.Errorf("%d passed in a second, want %d and the next second anew", passed, maxEventsPerSecond)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("kind=view&page=/a&value=?q=1")
	f.Add("kind=time&page=/a&value=-1")
	f.Add("kind=outbound&value=[::1]:80")
	f.Add("kind=missing&page=/&value=/%00%ff")
	a := testOpen(f, f.TempDir())
	b := &testBrowser{a: a}
	b.see(f, "/a", time.Unix(1_800_000_000, 0))
	a.counter.drain()
	f.Fuzz(func(t *testing.T, body string) {
		r := eventRequest(nil)
		r.PostForm, _ = url.ParseQuery(body) //nolint:errcheck // what can be read of it
		r.Header.Set("Cookie", b.cookie)
		a.recordEvent(http.Header{}, r, Event{Site: testSite, Time: time.Unix(1_800_000_060, 0)}, time.Unix(1_900_000_000, 0))
		for _, row := range a.counter.drain() {
			if personal(row.Value) || personal(row.Page) || row.Metrics.Zero() {
				t.Errorf("got %+v", row)
			}
		}
	})
}
