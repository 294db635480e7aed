package proxy

import (
	"net/http"
	"strings"
	"testing"
)

func TestCookieNames(t *testing.T) {
	n := newCookieNames([]string{"basket", "shop_*"})
	for _, name := range []string{
		"PHPSESSID", "sessionid", "csrftoken", "laravel_session", "wordpress_logged_in_abc", "SSESSabc", "__Host-session",
		"__Secure-csrftoken", ".AspNetCore.Antiforgery.x", "basket", "shop_1", "__Host-basket", "my_app_session",
	} {
		if !n.contain(name) {
			t.Errorf("%s is essential", name)
		}
	}
	for _, name := range []string{"_ga", "_fbp", "theme", "", "baskets", "x_PHPSESSID", "phpsessid", "__Host-", "_ga_session_id"} {
		if n.contain(name) {
			t.Errorf("%s is not essential", name)
		}
	}
}

func TestOwnCookie(t *testing.T) {
	for name, want := range map[string]bool{
		"lychgate": true, "__Host-lychgate": true, "__Secure-lychgate-receipt": true, "__host-LYCHGATE-count": true, "lychgate-x": true,
		"lychgates": false, "mylychgate": false, "": false, "__Host-": false,
	} {
		if ownCookie(name) != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}

func TestSetCookieBeforeADecision(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, line := range []string{
			"PHPSESSID=1; path=/", "_ga=GA1.2; domain=.x.example", "theme=dark", "__Host-lychgate=forged; Path=/; Secure",
			"lychgate=forged", "basket=2; HttpOnly", "=noname", "nonameeither", " csrftoken =3",
		} {
			w.Header().Add("Set-Cookie", line)
		}
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		w.WriteHeader(map[string]int{"": 200, "1": 404, "2": 302}[r.URL.Query().Get("s")])
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up, EssentialCookies: []string{"basket"}}}})
	for _, path := range []string{"/?type=text/html", "/?type=image/png", "/?type=text/html&s=1", "/?type=text/html&s=2"} {
		res, _ := testGet(t, g, path)
		if got, want := strings.Join(res.Header["Set-Cookie"], "|"), "PHPSESSID=1; path=/|basket=2; HttpOnly|csrftoken =3"; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if res, _ := testGet(t, g, "/?type=text/html", "Sec-Purpose", "prefetch;prerender"); res.Header["Set-Cookie"] != nil {
		t.Errorf("a prefetch set %v", res.Header["Set-Cookie"])
	}
}

func TestWithoutParams(t *testing.T) {
	out := func(name string) bool { return clickIDs[strings.ToLower(name)] }
	for in, want := range map[string]string{
		"": "", "a=1": "a=1", "gclid=1": "", "a=1&gclid=2&b=%2f+&&": "a=1&b=%2f+&&", "GCLID=1&a": "a", "xgclid=1": "xgclid=1", "a=gclid": "a=gclid",
	} {
		if got := withoutParams(in, out); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
