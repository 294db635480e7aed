package consent

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// forgedCookies are values under the name of the consent cookie that nobody got
// from g for g's site, its list in force and its time.
func forgedCookies(t testing.TB, g *Gate, valid string) map[string]string {
	t.Helper()
	forged := map[string]string{}
	add := func(what, value string) { forged[fmt.Sprintf("%s #%d", what, len(forged))] = value }
	name, st := consentCookie(true), g.today()
	sign := func(what string, c *Codec, name, text string) {
		value, err := c.Encode(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		add(what, value)
	}
	own, version, date := g.codec.Load(), st.policy.version, st.date
	good := string(acceptedText(testSite, version, 3, date))

	for i := range len(valid) {
		add("truncated", valid[:i])
		for bit := range 7 {
			b := []byte(valid)
			b[i] ^= 1 << bit
			add("one bit", string(b))
		}
		add("one more", valid[:i]+"A"+valid[i:])
		add("one less", valid[:i]+valid[i+1:])
	}
	for _, other := range []*Keys{NewKeys(), NewKeys()} {
		sign("wrong key", other.Signed("consent/cookie "+testSite, time.Hour), name, good)
	}
	sign("key of another use", g.config.Keys.Signed("analytics/count", time.Hour), name, good)
	sign("key of another site", g.config.Keys.Signed("consent/cookie other.test", time.Hour), name, good)
	sign("sealed", g.config.Keys.Sealed("consent/cookie "+testSite, time.Hour), name, good)
	for _, n := range []string{consentCookie(false), receiptCookie(true), "", "__Host-lychgate-count", "__host-lychgate"} {
		sign("other name", own, n, good)
	}
	for _, text := range []string{
		"", "|||", "accept", testSite, good + "|", "|" + good, good + "\x00", strings.ToUpper(good), strings.ReplaceAll(good, "|", ","),
		string(acceptedText("other.test", version, 3, date)), string(acceptedText("sub."+testSite, version, 3, date)),
		string(acceptedText(testSite, "0123456789abcdef", 3, date)), string(acceptedText(testSite, "", 3, date)),
		string(acceptedText(testSite, "../../../keys", 3, date)), string(acceptedText(testSite, version, 0, date)),
		fmt.Sprintf("%s|%s|100|%s", testSite, version, date), fmt.Sprintf("%s|%s|-1|%s", testSite, version, date),
		fmt.Sprintf("%s|%s||%s", testSite, version, date), fmt.Sprintf("%s|%s|03|", testSite, version),
		fmt.Sprintf("%s|%s|03|0000-00-00", testSite, version), fmt.Sprintf("%s|%s|03|2026-02-30", testSite, version),
	} {
		sign("signed nonsense", own, name, text)
	}
	for days := range 400 { // expired, or of days to come
		sign("expired", own, name, string(acceptedText(testSite, version, 3, st.from.AddDate(0, 0, -180-days).Format(dateForm))))
		if days > 1 {
			sign("future", own, name, string(acceptedText(testSite, version, 3, st.from.AddDate(0, 0, days).Format(dateForm))))
		}
	}
	for _, v := range []string{
		"accept", "yes", "true", "1", "accepted." + version + "." + date, "accept." + version + "." + date, good,
		base64.URLEncoding.EncodeToString([]byte(good)), "{}", `{"decision":"accept"}`, "null", "\"" + valid + "\"", valid + valid,
		valid + "|" + valid, strings.Repeat("A", 1<<10), strings.Repeat("A", 8<<10), strings.Repeat("=", 500), "declined", "declined.", "declined..",
		"declined." + version, "declined." + version + ".", "declined." + version + ".tomorrow", "declined.x." + date, "Declined." + version + "." + date,
		"\xff\xfe", "%00", "é", strings.Repeat("declined.", 100),
	} {
		add("text", v)
	}
	for range 200 {
		b := make([]byte, rand.IntN(300))
		for i := range b {
			b[i] = byte(rand.IntN(256))
		}
		add("random", string(b))
		add("random base64", base64.URLEncoding.EncodeToString(b))
	}
	return forged
}

// TestForgedCookiesAreNoConsent holds up what one who wants to be taken for a
// consenting visitor could send. None counts, none panics.
func TestForgedCookiesAreNoConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGate(t, Config{}, video)
		v := newVisitor("https")
		v.decide(g, Accept)
		name := consentCookie(true)
		valid := v.cookies[name]
		of := func(header string) (Decision, Grant) {
			r := httptest.NewRequest("GET", "https://"+testSite+"/", nil)
			r.Header["Cookie"] = []string{header}
			return g.Of(r)
		}
		if d, _ := of(name + "=" + valid); d.Answer != Accepted {
			t.Fatal("the genuine cookie does not count, so the others prove nothing")
		}
		forged := forgedCookies(t, g, valid)
		if len(forged) < 2000 {
			t.Fatalf("%d forged cookies, want 2,000", len(forged))
		}
		for what, value := range forged {
			if value == valid {
				continue
			}
			// What a cookie header drops or cuts, such as quotes or a semicolon and
			// what is behind it, never reached a server: judge what does.
			r := httptest.NewRequest("GET", "https://"+testSite+"/", nil)
			r.Header["Cookie"] = []string{name + "=" + value}
			if c, err := r.Cookie(name); err == nil && c.Value == valid {
				continue
			}
			if d, grant := g.Of(r); d.Answer == Accepted || grant.Allows(Statistics) || grant.Allows("video") || grant.Site() != "" {
				t.Errorf("%s: %q counts as %+v", what, value, d)
			}
		}
		for what, header := range map[string]string{
			"twice, the second forged": name + "=" + valid + "; " + name + "=x",
			"twice, the first forged":  name + "=x; " + name + "=" + valid,
			"twice the same":           name + "=" + valid + "; " + name + "=" + valid,
			"without the prefix":       cookieName + "=" + valid,
			"another case":             strings.ToLower(name) + "=" + valid,
			"as the receipt":           receiptCookie(true) + "=" + valid,
		} {
			if d, _ := of(header); d.Answer != Undecided {
				t.Errorf("%s: %+v", what, d)
			}
		}
		t.Logf("%d forged cookies", len(forged))
	})
}

// TestAWithdrawnCookieIsReplaced: what the browser holds after a withdrawal is a
// no. (A copy that its owner kept and puts back is that browser's word again:
// with no identifier nothing can tell it from the first.)
func TestAWithdrawnCookieIsReplaced(t *testing.T) {
	g := testGate(t, Config{}, video)
	v := newVisitor("https")
	v.decide(g, Accept)
	v.decide(g, Withdraw)
	if d, grant := v.of(g); d.Answer != Declined || grant.Allows(Statistics) {
		t.Errorf("got %+v", d)
	}
	if _, has := v.cookies[receiptCookie(true)]; has {
		t.Error("the receipt is still there")
	}
}

func FuzzCookie(f *testing.F) {
	g := testGate(f, Config{}, video)
	v := newVisitor("https")
	v.decide(g, Accept)
	valid := v.cookies[consentCookie(true)]
	f.Add("__Host-lychgate=" + valid)
	f.Add("__Host-lychgate=declined." + g.Policy() + "." + g.today().date)
	f.Add("__Host-lychgate=" + valid + "; __Host-lychgate=" + valid)
	f.Add("__Host-lychgate=\"" + valid + "\"")
	f.Add(";=;__Host-lychgate;=\x00")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "https://"+testSite+"/", nil)
		r.Header["Cookie"] = []string{header}
		if d, _ := g.Of(r); d.Answer == Accepted && !strings.Contains(header, valid) {
			t.Errorf("%q counts as %+v", header, d)
		}
	})
}

func FuzzForm(f *testing.F) {
	g := testGate(f, Config{}, video, unknown)
	for _, s := range []string{
		"decision=accept&return_to=/", "decision=choose&purpose-video=yes&purpose-other=no", "purpose=video&purpose=other",
		"decision=withdraw&policy=" + g.Policy(), "purpose-=yes", "purpose-video=yes&purpose-video=yes", "decision=accept;decision=decline", "%", "&&&=&=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		g.flood = newFlood() // else the 501st no of these is honoured unrecorded
		v := newVisitor("https")
		r := v.request("POST", pagePath, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res := v.do(g, r)
		d, _ := v.of(g)
		if (res.StatusCode == 303) != (d.Answer != Undecided) {
			t.Errorf("%q: %d, %+v", body, res.StatusCode, d)
		}
		to, err := url.Parse(res.Header.Get("Location"))
		if err != nil || to.Host != "" {
			t.Errorf("%q leads to %q", body, res.Header.Get("Location"))
		}
	})
}

func BenchmarkOf(b *testing.B) {
	g := testGate(b, Config{}, video)
	v := newVisitor("https")
	v.decide(g, Accept)
	today := v.request("GET", "/", nil)
	old, err := g.codec.Load().Encode(consentCookie(true), acceptedText(testSite, g.Policy(), 3, time.Now().AddDate(0, 0, -9).Format(dateForm)))
	if err != nil {
		b.Fatal(err)
	}
	v.cookies[consentCookie(true)] = old
	earlier := v.request("GET", "/", nil)
	none := newVisitor("https").request("GET", "/", nil)
	b.Run("no cookie", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.Of(none)
		}
	})
	b.Run("accepted today", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.Of(today)
		}
	})
	b.Run("accepted earlier", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.Of(earlier)
		}
	})
}

// A value has one spelling: securecookie's decoder skips line ends and bits that
// the last letter has too many, and would take others.
func TestCookiesHaveOneSpelling(t *testing.T) {
	c := NewKeys().Signed("test", time.Hour)
	for n := range 6 { // every padding
		valid, err := c.Encode("name", make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		var others []string
		for i := range len(valid) + 1 {
			for _, skipped := range []string{"\n", "\r", "\r\n\r\n"} {
				others = append(others, valid[:i]+skipped+valid[i:])
			}
		}
		letters := strings.TrimRight(valid, "=")
		for last := range 256 {
			if other := letters[:len(letters)-1] + string([]byte{byte(last)}) + valid[len(letters):]; other != valid {
				others = append(others, other)
			}
		}
		others = append(others, letters, valid+"=", valid+"====")
		for _, other := range others {
			if got, err := c.Decode("name", other); err == nil && other != valid {
				t.Errorf("%q for %q was read as %q", other, valid, got)
			}
		}
	}
}
