package analytics

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// A charity is a site with a gate and counting behind it, as the gateway has it.
type charity struct {
	*httptest.Server
	a    *Analytics
	gate *consent.Gate
}

func testCharity(t *testing.T) *charity {
	t.Helper()
	keys := consent.NewKeys()
	c := &charity{a: testOpen(t, t.TempDir(), func(c *Config) { c.Keys = keys; c.Sites[0].Location = time.UTC })}
	words, err := banner.New(banner.Config{SiteName: "Charity"})
	if err != nil {
		t.Fatal(err)
	}
	ledger := consent.OpenLedger(consent.LedgerConfig{Dir: t.TempDir(), Keys: keys})
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	c.gate, err = consent.NewGate(consent.Config{
		Site: testSite, Statistics: true, Banner: words, Ledger: ledger, Keys: keys,
		Counting: c.a.Counting, Decided: c.a.Decided, Location: time.UTC,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Server = httptest.NewTLSServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *charity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.URL.Scheme, r.URL.Host = "https", r.Host
	if strings.HasPrefix(r.URL.Path, consent.Prefix) {
		c.gate.ServeHTTP(w, r)
		return
	}
	d, g := c.gate.Of(r)
	c.a.CountState(testSite, map[consent.Answer]State{consent.Accepted: StateAccepted, consent.Declined: StateDeclined}[d.Answer], IsArrival(r))
	c.a.Record(w.Header(), r, g, PageView{
		Site: testSite, Path: r.URL.Path, Query: r.URL.Query(), Status: 200,
		Network: netip.MustParseAddr("198.51.100.0"), Time: time.Now(),
	})
	if d.Answer == consent.Undecided {
		w.Write([]byte(c.a.SourceField(r, testSite))) //nolint:errcheck // a test's page
	}
}

// A person is a browser at the charity's site.
type person struct {
	t      *testing.T
	c      *charity
	client *http.Client
}

func (c *charity) visitor(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := c.Client()
	return &person{t, c, &http.Client{
		Transport: client.Transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (p *person) do(r *http.Request) string {
	p.t.Helper()
	r.Header.Set("User-Agent", testAgent)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	if r.Header.Get("Sec-Fetch-Site") == "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		p.t.Fatal(err)
	}
	_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	return body
}

func (p *person) see(path, referrer string) string {
	p.t.Helper()
	r, err := http.NewRequest("GET", p.c.URL+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if referrer != "" {
		r.Header.Set("Referer", referrer)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	return p.do(r)
}

func (p *person) decide(decision, source string) {
	p.t.Helper()
	form := url.Values{"decision": {decision}, "return_to": {"/appeal"}, "source": {source}}
	r, err := http.NewRequest("POST", p.c.URL+consent.Prefix+"consent", strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.c.URL)
	p.do(r)
}

func (p *person) cookies() []string {
	u, err := url.Parse(p.c.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, c := range p.client.Jar.Cookies(u) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// TestOnlyThoseWhoAgreeAreCounted follows visitors through the real gate: before
// yes nothing, after yes every page with the landing it came by, after a
// withdrawal nothing again.
func TestOnlyThoseWhoAgreeAreCounted(t *testing.T) {
	c := testCharity(t)
	defer testClose(t, c.a)
	views := func() int64 {
		testPersist(t, c.a)
		now := time.Now().UTC()
		return testAsk(t, c.a, Question{From: day(now.AddDate(0, 0, -1)), To: day(now)}).Headline.Views.N
	}

	p := c.visitor(t)
	field := p.see("/appeal?utm_campaign=winter", "https://www.facebook.com/")
	p.see("/about", "")
	if n := views(); n != 0 || len(p.cookies()) != 0 {
		t.Fatalf("before the yes: %d views counted, cookies %v", n, p.cookies())
	}
	no := c.visitor(t)
	no.decide("decline", field)
	no.see("/", "")
	if n := views(); n != 0 || slices.Contains(no.cookies(), secureCookieName) {
		t.Fatalf("after a no: %d views counted, cookies %v", n, no.cookies())
	}

	p.decide("accept", field)
	if got := p.cookies(); !slices.Contains(got, secureCookieName) {
		t.Fatalf("after the yes: cookies %v", got)
	}
	p.see("/appeal", "")
	p.see("/donate", "")
	if n := views(); n != 2 {
		t.Errorf("after the yes: %d views counted, want 2", n)
	}
	now := time.Now().UTC()
	ans := testAsk(t, c.a, Question{
		From: day(now.AddDate(0, 0, -1)), To: day(now),
		Lists: []ListQuestion{{Dim: DimChannel}, {Dim: DimEntry}},
	})
	if got := listText(ans.Lists[0]) + "; " + listText(ans.Lists[1]); got != "channel: social 2; entry: /appeal 2" {
		t.Errorf("got %s", got)
	}
	if s := ans.States; s.Undecided.N != 2 || s.Declined.N != 1 || s.Accepted.N != 2 {
		t.Errorf("got states %+v", s)
	}
	store, err := c.a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	campaign, err := store.Query(t.Context(), Select{Site: testSite, Grain: Day, Dim: DimCampaign, To: 1 << 40, By: ByValue})
	if err != nil || len(campaign) != 1 || campaign[0].Value != "winter" || campaign[0].Visits != 1 {
		t.Errorf("got campaigns %v, %v", campaign, err)
	}

	p.decide("withdraw", "")
	if got := p.cookies(); slices.Contains(got, secureCookieName) {
		t.Errorf("after the withdrawal: cookies %v", got)
	}
	p.see("/", "")
	if n := views(); n != 2 || slices.Contains(p.cookies(), secureCookieName) {
		t.Errorf("after the withdrawal: %d views counted, cookies %v", n, p.cookies())
	}
}

func TestWithoutKeysNothingIsCounted(t *testing.T) {
	a := testOpen(t, t.TempDir(), func(c *Config) { c.Keys = nil })
	defer testClose(t, a)
	b := &testBrowser{a: a, referrer: "https://www.google.com/", site: "cross-site"}
	b.see(t, "/", today(t))
	if rows := a.counter.drain(); len(rows) != 0 || b.cookie != "" || a.SourceField(b.request("/"), testSite) != "" {
		t.Errorf("got %v, cookie %q", rows, b.cookie)
	}
	a.SetKeys(consent.NewKeys())
	b.see(t, "/", today(t))
	if rows := a.counter.drain(); len(rows) == 0 || b.cookie == "" {
		t.Error("with keys nothing is counted")
	}
}
