package analytics

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lychgate/lychgate/consent"
)

const testSite = "charity.example"

// testOpen opens counting for one site on a folder.
func testOpen(t testing.TB, dir string, change ...func(*Config)) *Analytics {
	t.Helper()
	a, err := Open(t.Context(), testConfig(t, dir, change...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func testConfig(t testing.TB, dir string, change ...func(*Config)) Config {
	t.Helper()
	c := Config{
		Sites: []SiteConfig{{
			Site: testSite, Location: london(t),
			Goals: []Goal{{"Donated", "/thanks"}, {"Leaflet", "/files/*"}},
		}},
		Dir: dir, Keys: consent.NewKeys(),
	}
	for _, f := range change {
		f(&c)
	}
	if server := os.Getenv(testServer); server != "" {
		c.ClickHouse = testServerConfig(server, dir)
		testOpenClickHouse(t, c.ClickHouse).Close()
	}
	return c
}

// fewer is n, or small where tests run slowly.
func fewer(n, small int) int {
	if raced || testing.Short() {
		return small
	}
	return n
}

// everyCombination asks for each of several independent things with each other,
// which takes long: make combinations.
func everyCombination() bool { return os.Getenv("LYCHGATE_TEST_COMBINATIONS") == "all" }

// skipRaced leaves t to the full run, when what it does is done by one goroutine
// and takes long.
func skipRaced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("SKIPPED: work of one goroutine, in which no race can be found; the full run has this test")
	}
}

// testClose closes a, which must have nothing left to do.
func testClose(t testing.TB, a *Analytics) {
	t.Helper()
	if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// A testBrowser keeps a counting cookie, as browsers do.
type testBrowser struct {
	a      *Analytics
	cookie string // name=value
	// Headers that it sends along.
	agent, referrer, site string
	network               string
}

const testAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

func (b *testBrowser) request(target string) *http.Request {
	r := httptest.NewRequest("GET", "https://"+testSite+target, nil)
	for k, v := range map[string]string{
		"User-Agent": testAgent, "Accept": "text/html", "Accept-Language": "en-GB", "Accept-Encoding": "gzip",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin",
	} {
		r.Header.Set(k, v)
	}
	for k, v := range map[string]string{"User-Agent": b.agent, "Referer": b.referrer, "Sec-Fetch-Site": b.site, "Cookie": b.cookie} {
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	return r
}

// see asks for a page at a time and keeps the cookie that comes back.
func (b *testBrowser) see(t testing.TB, target string, at time.Time) {
	t.Helper()
	b.answer(t, target, at, http.StatusOK)
}

func (b *testBrowser) answer(t testing.TB, target string, at time.Time, status int) {
	t.Helper()
	r := b.request(target)
	h := http.Header{}
	network := b.network
	if network == "" {
		network = "198.51.100.0"
	}
	b.a.record(h, r, PageView{
		Site: testSite, Path: r.URL.Path, Query: r.URL.Query(), Status: status,
		Network: netip.MustParseAddr(network), Time: at,
	}, at.AddDate(0, 6, 0))
	b.keep(t, h)
}

func (b *testBrowser) keep(t testing.TB, h http.Header) {
	t.Helper()
	for _, line := range h.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		b.cookie = c.Name + "=" + c.Value
		if c.MaxAge < 0 { // "Max-Age=0" on the wire
			b.cookie = ""
		}
	}
}

// testPersist brings everything counted to the store.
func testPersist(t testing.TB, a *Analytics) {
	t.Helper()
	if err := a.flush(true); err != nil {
		t.Fatal(err)
	}
	if err := a.sendAll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func testAsk(t testing.TB, a *Analytics, q Question) Answer {
	t.Helper()
	q.Site = testSite
	if q.Mode == Shared {
		q.Mode = Exact
	}
	ans, err := a.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return ans
}

// today is noon of this day at the site: counts of today are within every window.
func today(t testing.TB) time.Time {
	y, m, d := time.Now().In(london(t)).Date()
	return time.Date(y, m, d, 12, 0, 0, 0, london(t))
}

func day(t time.Time) time.Time { return date(dayOf(t)) }

func TestFromViewToAnswer(t *testing.T) {
	dir := t.TempDir()
	a := testOpen(t, dir)
	now := today(t)
	yesterday := now.AddDate(0, 0, -1)

	ann := &testBrowser{a: a, referrer: "https://www.google.co.uk/search?q=my+name", site: "cross-site"}
	ann.see(t, "/", yesterday)
	ann.referrer, ann.site = "https://"+testSite+"/", ""
	ann.see(t, "/about", yesterday.Add(3*time.Minute))
	ann.see(t, "/thanks", yesterday.Add(5*time.Minute))
	ann.see(t, "/", now)
	bob := &testBrowser{a: a, agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"}
	bob.see(t, "/about", now)
	bob.answer(t, "/gone", now, http.StatusNotFound)
	testPersist(t, a)

	ans := testAsk(t, a, Question{
		From: day(yesterday), To: day(now), Series: SeriesDay,
		Lists: []ListQuestion{{Dim: DimPage}, {Dim: DimBrowser}, {Dim: DimDevice}, {Dim: DimChannel}, {Dim: DimEntry}, {Dim: DimGoal}, {Dim: DimNotFound}, {Dim: DimWidth}},
	})
	want := Counts{
		Views: Number{N: 5}, Visits: Number{N: 3}, Visitors: Number{N: 2}, Engaged: Number{N: 1},
		Exits: Number{N: 3}, Goals: Number{N: 1}, Seconds: Number{N: 100},
	}
	if ans.Headline != want {
		t.Errorf("headline: got  %+v\nwant %+v", ans.Headline, want)
	}
	if len(ans.Series) != 2 || ans.Series[0].Views.N != 3 || ans.Series[1].Views.N != 2 || ans.Series[1].Visitors.N != 2 {
		t.Errorf("series: got %+v", ans.Series)
	}
	for i, want := range []string{
		"page: / 2, /about 2, /thanks 1",
		"browser: Firefox 4, Safari 1",
		"device: computer 4, phone 1",
		"channel: search 3, direct 2",
		"entry: / 4, /about 1",
		"goal: Donated 0",
		"notfound: /gone 1",
		"width:",
	} {
		if got := listText(ans.Lists[i]); got != want {
			t.Errorf("list %d: got %q, want %q", i, got, want)
		}
	}

	totals, err := ReadTotals(t.Context(), a.config)
	if err != nil || totals.Pageviews != 5 {
		t.Errorf("totals: got %+v, %v, want 5 page views", totals, err)
	}
	bob.see(t, "/", now.Add(time.Minute))
	if err := a.flush(true); err != nil {
		t.Fatal(err)
	}
	totals, err = ReadTotals(t.Context(), a.config)
	if err != nil || totals.Pageviews != 6 {
		t.Errorf("totals with one in the spool: got %+v, %v, want 6 page views", totals, err)
	}
	testClose(t, a)
	totals, err = ReadTotals(t.Context(), a.config)
	if err != nil || totals.Pageviews != 6 {
		t.Errorf("totals after the end: got %+v, %v, want 6 page views", totals, err)
	}
	left := slices.DeleteFunc(filesBelow(t, filepath.Join(dir, spoolFolder)), func(name string) bool { return name == sendingFile })
	if len(left) != 2 { // gateway and the open segment
		t.Errorf("the spool holds %v after a clean end", left)
	}
}

func listText(l List) string {
	text := string(l.Dim) + ":"
	for i, r := range l.Rows {
		if i > 0 {
			text += ","
		}
		text += " " + r.Value + " " + itoa(r.Views.N)
	}
	return text
}

func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCountingGoesOnWithoutAStore(t *testing.T) {
	dir := t.TempDir()
	// A folder where the file should be: the store cannot be opened.
	block := filepath.Join(dir, storeFile)
	if err := os.Mkdir(block, 0o700); err != nil {
		t.Fatal(err)
	}
	a := testOpen(t, dir)
	b := &testBrowser{a: a}
	now := today(t)
	for i := range 3 {
		b.see(t, "/", now.Add(time.Duration(i)*time.Minute))
		if err := a.flush(true); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.sendAll(t.Context()); err == nil {
		t.Error("the store opened")
	}
	ans := testAsk(t, a, Question{From: day(now), To: day(now)})
	if ans.Health.StoreOpen || ans.Health.Err == "" || ans.Health.Backlog != 3 || ans.Headline.Views != unanswered {
		t.Errorf("got %+v, views %+v", ans.Health, ans.Headline.Views)
	}
	if totals, err := ReadTotals(t.Context(), Config{Dir: dir}); err == nil {
		t.Errorf("totals beside a folder called %s: got %+v, want an error", storeFile, totals)
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	testPersist(t, a)
	ans = testAsk(t, a, Question{From: day(now), To: day(now)})
	if !ans.Health.StoreOpen || ans.Health.Err != "" || ans.Health.Backlog != 0 || ans.Headline.Views.N != 3 {
		t.Errorf("got %+v, views %+v, want all three there", ans.Health, ans.Headline.Views)
	}
	testClose(t, a)
}

func TestTwoTabsAreOneVisit(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	now := today(t)
	first := &testBrowser{a: a}
	first.see(t, "/", now)
	second := *first
	first.see(t, "/a", now.Add(31*time.Minute))
	second.see(t, "/b", now.Add(32*time.Minute)) // the same cookie again
	second.see(t, "/c", now.Add(33*time.Minute))
	testPersist(t, a)
	got := testAsk(t, a, Question{From: day(now), To: day(now)}).Headline
	if got.Views.N != 4 || got.Visits.N != 2 || got.Engaged.N != 1 || got.Visitors.N != 1 || got.Exits.N != 2 {
		t.Errorf("got %+v, want 4 views in 2 visits, one of them engaged, of 1 visitor", got)
	}
}

func TestLandingSurvivesTheAccept(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	b := &testBrowser{a: a, referrer: "https://l.facebook.com/", site: "cross-site"}
	field := a.SourceField(b.request("/appeal?utm_campaign=winter&utm_medium=social&fbclid=canary-click"), testSite)
	if field == "" {
		t.Fatal("an arrival has no source field")
	}
	for _, inside := range []*testBrowser{{a: a, referrer: "https://" + testSite + "/"}, {a: a, site: "none"}} {
		if got := a.SourceField(inside.request("/appeal"), testSite); got != "" {
			t.Errorf("a request from %q has field %q", inside.referrer, got)
		}
	}
	s := a.site(testSite)
	from, ok := a.fields.Load().verify(testSite, s.calendar.at(time.Now().Unix()).Day, field)
	if want := (attribution{Channel: Social, Source: "facebook", Campaign: "winter", Medium: "social"}); !ok || from != want {
		t.Errorf("got %+v, %v, want %+v", from, ok, want)
	}
	plain, err := base64.RawURLEncoding.DecodeString(field)
	if err != nil || !bytes.Contains(plain, []byte("winter")) || bytes.Contains(plain, []byte("canary")) {
		t.Errorf("the click id is in the field, or nothing is: %q, %v", plain, err)
	}
}

func TestNothingIsCountedThatIsNoView(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	now := time.Now()
	for _, tt := range []struct {
		name, header, value string
		status              int
	}{
		{"a prefetch", "Sec-Purpose", "prefetch;prerender", 200},
		{"an old prefetch", "Purpose", "prefetch", 200},
		{"a frame", "Sec-Fetch-Dest", "iframe", 200},
		{"a script's request", "Sec-Fetch-Mode", "cors", 200},
		{"a range", "Range", "bytes=0-", 200},
		{"a redirect", "", "", 302},
		{"an error", "", "", 500},
	} {
		r := (&testBrowser{}).request("/")
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		h := http.Header{}
		if IsPageRequest(r) && !IsPrefetch(r) {
			a.record(h, r, PageView{Site: testSite, Path: "/", Status: tt.status, Time: now}, now.Add(time.Hour))
		}
		if rows := a.counter.drain(); len(rows) != 0 || len(h) != 0 {
			t.Errorf("%s was counted: %v, %v", tt.name, rows, h)
		}
	}
	// Without a grant there is nothing at all.
	h := http.Header{}
	a.Record(h, (&testBrowser{}).request("/"), consent.Grant{}, PageView{Site: testSite, Path: "/", Status: 200, Time: now})
	if rows := a.counter.drain(); len(rows) != 0 || len(h) != 0 {
		t.Errorf("counted without a grant: %v, %v", rows, h)
	}
}

func TestStates(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	a.CountState(testSite, StateUndecided, true)
	a.CountState(testSite, StateUndecided, false)
	a.CountState(testSite, StateDeclined, true)
	a.CountState(testSite, StateBot, false)
	a.CountState("nowhere.example", StateBot, false)
	testPersist(t, a)
	now := time.Now().In(london(t))
	got := testAsk(t, a, Question{From: day(now.AddDate(0, 0, -1)), To: day(now)})
	if s := got.States; s.Undecided.N != 2 || s.Declined.N != 1 || s.Bot.N != 1 || s.Accepted.N != 0 || s.Arrivals.Undecided.N != 1 {
		t.Errorf("got %+v", s)
	}
	if got.Headline.Views.N != 0 {
		t.Errorf("got %d page views of visitors who agreed to nothing", got.Headline.Views.N)
	}
	off := false
	a.config.CountStates = &off
	a.CountState(testSite, StateDeclined, true)
	if rows := a.counter.drain(); len(rows) != 0 {
		t.Errorf("counted with count_states = false: %v", rows)
	}
}

func TestRetentionPass(t *testing.T) {
	dir := t.TempDir()
	a := testOpen(t, dir, func(c *Config) { c.Retention = 30 * 24 * time.Hour })
	now := today(t)
	b := &testBrowser{a: a}
	b.see(t, "/secret-old-page", now.AddDate(0, 0, -31))
	b.see(t, "/kept-page", now.AddDate(0, 0, -20))
	testPersist(t, a)
	if !anyFileHolds(t, dir, "secret-old-page") {
		t.Fatal("the page is in no file: this test would prove nothing")
	}
	if err := a.keepHouse(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if anyFileHolds(t, dir, "secret-old-page") {
		t.Error("a file still holds a page older than the retention")
	}
	ans := testAsk(t, a, Question{From: day(now.AddDate(0, 0, -60)), To: day(now)})
	if ans.Headline.Views.N != 1 {
		t.Errorf("got %d views, want the one within the window", ans.Headline.Views.N)
	}
	r := ans.Retention
	if want := day(now.AddDate(0, 0, -20)); !r.OldestDay.Equal(want) || !r.NextDeletion.Equal(want.AddDate(0, 0, 30)) || r.LastPass.IsZero() {
		t.Errorf("got retention %+v", r)
	}
	testClose(t, a)
}

func TestCountingBeganOnADayAlsoWhenItsMonthIsClosed(t *testing.T) {
	a := testOpen(t, t.TempDir())
	first := monthOf(day(today(t))).AddDate(0, -2, 22).Add(12 * time.Hour)
	b := &testBrowser{a: a}
	b.see(t, "/first", first)
	b.see(t, "/later", first.AddDate(0, 0, 3))
	testPersist(t, a)
	if err := a.keepHouse(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	r := testAsk(t, a, Question{From: day(first), To: day(today(t))}).Retention
	if !r.OldestDay.Equal(day(first)) {
		t.Errorf("counting began on %s, want %s", r.OldestDay, day(first))
	}
	if want := day(first).Add(r.Days); r.NextDeletion.After(want) {
		t.Errorf("the next deletion is on %s, want %s at the latest", r.NextDeletion, want)
	}
	testClose(t, a)
}
