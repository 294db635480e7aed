package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lychgate/lychgate/banner"
)

func TestScriptsOfOursGetPastTheSitesPolicies(t *testing.T) {
	a, err := newAssets(testServices(t))
	if err != nil {
		t.Fatal(err)
	}
	const origin = "https://oak.example"
	guard := origin + a.guard
	hash := "'" + a.files[a.guard].integrity + "'"
	for _, tt := range []struct {
		name, policy, want string
		nonce              string
		integrity          bool
	}{
		{name: "no word about scripts", policy: "img-src 'self'"},
		{name: "the site itself", policy: "script-src 'self' cdn.example"},
		{name: "its origin", policy: "default-src https://OAK.example"},
		{name: "everything over https", policy: "script-src https:"},
		{name: "no script at all", policy: "script-src 'none'"},
		{name: "an empty list", policy: "script-src"},
		{name: "another host", policy: "script-src https://cdn.example 'unsafe-inline'", want: "script-src https://cdn.example 'unsafe-inline' " + guard},
		{name: "inherited", policy: "default-src https://cdn.example", want: "default-src https://cdn.example; script-src https://cdn.example " + guard},
		{name: "elements count first", policy: "script-src 'self'; script-src-elem cdn.example", want: "script-src 'self'; script-src-elem cdn.example " + guard},
		{name: "a nonce", policy: "script-src 'nonce-aBc+/='", nonce: "aBc+/="},
		{name: "strict by nonce", policy: "script-src 'strict-dynamic' 'nonce-x' 'unsafe-inline' 'self'", nonce: "x"},
		{name: "strict by hash", policy: "script-src 'strict-dynamic' 'sha256-x='", want: "script-src 'strict-dynamic' 'sha256-x=' " + hash, integrity: true},
		{name: "a nonce that is none", policy: `script-src 'nonce-"><b>'`, want: `script-src 'nonce-"><b>' ` + guard},
	} {
		var pass scriptPass
		got, changed := admitScripts(tt.policy, origin, &a, []string{a.guard}, &pass)
		if tt.want == "" {
			tt.want = tt.policy
		}
		if got != tt.want || changed != (got != tt.policy) || pass.nonce != tt.nonce || pass.integrity != tt.integrity {
			t.Errorf("%s: %q becomes %q, %+v; want %q", tt.name, tt.policy, got, pass, tt.want)
		}
	}
}

func TestPlaceholdersGetPastTheSitesPolicies(t *testing.T) {
	const origin = "http://oak.example"
	style := banner.EmbedStyleHash()
	for policy, want := range map[string]string{
		"img-src *":        "img-src *",
		"style-src 'self'": "style-src 'self' " + style,
		"frame-src 'self'": "frame-src 'self'",
		"child-src v.example; style-src 'unsafe-inline'": "child-src v.example http://oak.example/_lychgate/embed/; style-src 'unsafe-inline'",
		"frame-src 'none'":      "frame-src http://oak.example/_lychgate/embed/",
		"default-src v.example": "default-src v.example; style-src v.example " + style + "; frame-src v.example http://oak.example/_lychgate/embed/",
		"form-action 'none'":    "form-action 'self'",
	} {
		if got, _ := admitPlaceholders(policy, origin); got != want {
			t.Errorf("%q becomes\n%q, want\n%q", policy, got, want)
		}
	}
}

// What lychgate puts in is let through only where it is put in.
func TestPoliciesChangeOnlyWhereSomethingIsHeld(t *testing.T) {
	const policy = "default-src 'none'; script-src 'nonce-abc'; style-src 'self'"
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", policy)
		switch r.URL.Path {
		case "/plain":
			_, _ = io.WriteString(w, "<!doctype html><html><head><title>x</title></head><body>x</body></html>")
		case "/meta":
			w.Header().Del("Content-Security-Policy")
			_, _ = io.WriteString(w, strings.Replace(embedPage, "<title>", `<meta http-equiv="content-security-policy" content="style-src 'self'; frame-src v.example"><title>`, 1))
		default:
			_, _ = io.WriteString(w, embedPage)
		}
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up}, youtube)}})
	g.g.sites().any.thirdParties.inventory.learn(true)
	accepted := testDecide(t, g, "accept")
	framed := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"} // without a banner
	res, page := testGet(t, g, "/", framed...)
	got := res.Header.Get("Content-Security-Policy")
	if want := policy + " " + banner.EmbedStyleHash() + "; frame-src " + g.URL + "/_lychgate/embed/"; got != want {
		t.Errorf("policy\n%s, want\n%s", got, want)
	}
	if !strings.Contains(page, `.js" nonce="abc" data-allow=`) {
		t.Errorf("the guard does not carry the page's nonce: %s", page)
	}
	if res, _ := testGet(t, g, "/plain", framed...); res.Header.Get("Content-Security-Policy") != policy {
		t.Errorf("changed where nothing is held: %s", res.Header.Get("Content-Security-Policy"))
	}
	if res, _ := testGet(t, g, "/", append(framed, "Cookie", accepted)...); res.Header.Get("Content-Security-Policy") != policy {
		t.Errorf("changed after a yes: %s", res.Header.Get("Content-Security-Policy"))
	}
	if _, page := testGet(t, g, "/meta", framed...); !strings.Contains(page, "frame-src v.example "+g.URL+"/_lychgate/embed/") {
		t.Errorf("a policy in the page stays in the way: %s", page)
	}
}

func TestStrictConnections(t *testing.T) {
	const links = `<a href="https://Friends.example/a">a</a><a href="https://www.facebook.com/oaks">b</a><a href="https://www.google-analytics.com/">c</a>` +
		`<form action="//pay.example/x"></form><a href="/here">d</a>`
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", map[bool]string{true: "text/html", false: "text/plain"}[r.URL.Path == "/"])
		_, _ = io.WriteString(w, strings.Replace(embedPage, "</body>", links+"</body>", 1))
	})
	for _, strict := range []bool{true, false} {
		g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up, StrictConnections: strict, Allow: []string{"maps.example"}}, youtube)}})
		res, _ := testGet(t, g, "/", "Host", "www.oak.example")
		want := allowConnections
		if strict {
			want = `(response-origin "*://maps.example:*/*" "*://*.maps.example:*/*" "*://oak.example:*/*" "*://*.oak.example:*/*"`
		}
		got := res.Header.Get("Connection-Allowlist")
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ");redirects=allow;webrtc=block") {
			t.Errorf("strict %v: %s", strict, got)
		}
		for _, host := range []string{"friends.example", "pay.example", "www.facebook.com", "stripe.com"} {
			if strings.Contains(got, `"*://`+host+`:*/*"`) != strict {
				t.Errorf("strict %v, %s: %s", strict, host, got)
			}
		}
		if strings.Contains(got, "google-analytics") || strings.Contains(got, "youtube") {
			t.Errorf("held hosts are let in: %s", got)
		}
		if res, _ := testGet(t, g, "/text"); res.Header.Get("Connection-Allowlist") != allowConnections {
			t.Errorf("what is no page: %s", res.Header.Get("Connection-Allowlist"))
		}
	}
}
