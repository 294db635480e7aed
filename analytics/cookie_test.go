package analytics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// fullState is a state as long as states get.
func fullState() visitor {
	return visitor{
		LastDay: 30000, Start: 1 << 30, Last: 1<<30 + 29, Pages: 65535, Goals: 65535, Funnels: 65535, Spent: maxEventSeconds,
		From: attribution{
			Channel: Referral, Source: strings.Repeat("s", maxSourceBytes),
			Campaign: strings.Repeat("c", maxOriginBytes-maxSourceBytes),
		},
		Entry: "/" + strings.Repeat("e", maxPageBytes-1), Page: "/" + strings.Repeat("p", maxPageBytes-1),
	}
}

func TestCountingCookieIsShort(t *testing.T) {
	jar := newCookieJar(consent.NewKeys(), strings.Repeat("long-name.", 20)+"example")
	for _, tt := range []struct {
		name  string
		state visitor
	}{
		{"in the middle of a visit", fullState()},
		{"before the first page", visitor{
			Start: 1 << 30, Last: 1 << 30,
			From: attribution{
				Channel: Paid, Source: strings.Repeat("s", maxSourceBytes), Campaign: strings.Repeat("c", maxOriginBytes-maxSourceBytes),
				Medium: strings.Repeat("m", maxOnceBytes), Term: strings.Repeat("t", maxOnceBytes), Content: strings.Repeat("o", maxOnceBytes),
			},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "https://charity.example/", nil)
			h := http.Header{}
			if err := jar.write(h, r, &tt.state, 24*time.Hour); err != nil {
				t.Fatal(err)
			}
			c, err := http.ParseSetCookie(h.Get("Set-Cookie"))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(c.Name) + 1 + len(c.Value); n > 600 {
				t.Errorf("cookie has %d bytes, want at most 600", n)
			}
			if c.Name != "__Host-lychgate-count" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 86400 || c.Path != "/" {
				t.Errorf("got cookie %v", c)
			}
			r.AddCookie(c)
			got, _, ok := jar.read(r)
			if !ok || got != tt.state {
				t.Errorf("read back %+v, %v\nwant %+v", got, ok, tt.state)
			}
		})
	}
}

func TestCountingCookieIsReadWhereItWasWritten(t *testing.T) {
	keys := consent.NewKeys()
	jar := newCookieJar(keys, "charity.example")
	v := fullState()
	cookie := func(scheme string) *http.Cookie {
		h := http.Header{}
		if err := jar.write(h, httptest.NewRequest("GET", scheme+"://charity.example/", nil), &v, time.Hour); err != nil {
			t.Fatal(err)
		}
		c, err := http.ParseSetCookie(h.Get("Set-Cookie"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tt := range []struct {
		name, url string
		jar       *cookieJar
		cookie    http.Cookie
		want      bool
	}{
		{"over http by its plain name", "http://charity.example/", jar, *cookie("http"), true},
		{"not over https by its plain name", "https://charity.example/", jar, *cookie("http"), false},
		{"not over https under the other name", "https://charity.example/", jar, http.Cookie{Name: secureCookieName, Value: cookie("http").Value}, false},
		{"not by another site", "https://charity.example/", newCookieJar(keys, "other.example"), *cookie("https"), false},
		{"not with other keys", "https://charity.example/", newCookieJar(consent.NewKeys(), "charity.example"), *cookie("https"), false},
		{"not when changed", "https://charity.example/", jar, http.Cookie{Name: secureCookieName, Value: "A" + cookie("https").Value[1:]}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.url, nil)
			r.Header.Set("Cookie", "a=b; "+tt.cookie.Name+"="+tt.cookie.Value+"; c=d")
			if _, _, ok := tt.jar.read(r); ok != tt.want {
				t.Errorf("read: got %v, want %v", ok, tt.want)
			}
		})
	}
}

func FuzzParseState(f *testing.F) {
	v := fullState()
	f.Add(appendState(nil, &v))
	f.Add(appendState(nil, &visitor{Start: 1, Last: 1, From: attribution{Medium: "m", Term: "t", Content: "c"}}))
	f.Add([]byte{stateVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{stateVersion, 1, 1, 1, 1, 1, 0, 0, 255, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseState(b)
		if err != nil {
			return
		}
		again, err := parseState(appendState(nil, &v))
		if err != nil || again != v {
			t.Errorf("read %+v, wrote it, read %+v, %v", v, again, err)
		}
		if n := len(appendState(nil, &v)); n > len(b) {
			t.Errorf("%d bytes became %d", len(b), n)
		}
		step(v, view{At: moment{Minute: 29_000_000, Day: 20_000}, Page: "/"})
	})
}

func FuzzSourceField(f *testing.F) {
	fields := newSourceFields(consent.NewKeys())
	from := attribution{Channel: Search, Source: "google", Campaign: "spring"}
	good := fields.sign("charity.example", 20000, from, "/landing")
	f.Add(good)
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, field string) {
		got, ok := fields.verify("charity.example", 20000, field)
		if ok != (field == good) {
			t.Errorf("verify(%q) = %+v, %v", field, got, ok)
		}
	})
}

func TestSourceField(t *testing.T) {
	fields := newSourceFields(consent.NewKeys())
	from := attribution{Channel: Paid, Source: "google", Campaign: "spring", Medium: "cpc", Term: "food bank", Content: "blue"}
	field := fields.sign("a.example", 20000, from, "/landing")
	if again := fields.sign("a.example", 20000, from, "/landing"); again != field {
		t.Error("the same arrival on the same day gets another field")
	}
	for _, tt := range []struct {
		name, site string
		today      int32
		want       bool
	}{
		{"on its day", "a.example", 20000, true},
		{"past midnight", "a.example", 20001, true},
		{"two days later", "a.example", 20002, false},
		{"before its day", "a.example", 19999, false},
		{"on another site", "b.example", 20000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := fields.verify(tt.site, tt.today, field)
			if ok != tt.want || ok && got != from {
				t.Errorf("got %+v, %v, want %v", got, ok, tt.want)
			}
		})
	}
}

func TestCookieValue(t *testing.T) {
	r := httptest.NewRequest("GET", "https://charity.example/", nil)
	r.Header["Cookie"] = []string{"xlychgate-count=1; lychgate-counter=2", " lychgate-count=right; lychgate-count=wrong"}
	if got := cookieValue(r, cookieName); got != "right" {
		t.Errorf("got %q", got)
	}
	if got := cookieValue(r, secureCookieName); got != "" {
		t.Errorf("got %q, want none", got)
	}
}
