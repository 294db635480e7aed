package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestHeadersBeforeADecision(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Link", `</style.css>; rel=preload; as=style, <https://www.google-analytics.com/>; rel="preconnect", <https://unknown.example/a,b.js>; rel=modulepreload`)
		h.Add("Link", `<https://charity.example/p>; rel=canonical; title="a, <b>; rel=preload"`)
		h.Add("Link", `broken; rel=preload`)
		h.Add("Link", `<https://unknown.example/>; rel="pre\connect"`)
		h.Set("Refresh", "0; url=https://tracker.example/x")
		h.Set("Report-To", `{"endpoints":[{"url":"https://r.example"}]}`)
		h.Set("Reporting-Endpoints", `d="https://r.example"`)
		h.Set("NEL", `{"report_to":"d"}`)
		h.Set("Accept-CH", "Sec-CH-UA-Full-Version-List")
		h.Set("Speculation-Rules", `"/rules.json"`)
		h.Set("Content-Security-Policy", "img-src *; report-uri https://r.example/csp /own-csp; report-to d")
		h.Set("Content-Security-Policy-Report-Only", "img-src *; report-uri https://r.example/csp")
		h.Set("Content-Type", r.URL.Query().Get("type"))
		_, _ = io.WriteString(w, "<p>x")
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up}, youtube)}})
	for _, path := range []string{"/?type=text/html", "/?type=text/plain"} {
		res, _ := testGet(t, g, path)
		for name, want := range map[string]string{
			"Link":    `</style.css>; rel=preload; as=style, <https://charity.example/p>; rel=canonical; title="a, <b>; rel=preload"`,
			"Refresh": "", "Report-To": "", "Reporting-Endpoints": "", "Nel": "", "Accept-Ch": "", "Speculation-Rules": "",
			"Content-Security-Policy-Report-Only": "img-src *",
		} {
			if name == "Link" {
				want = strings.Replace(want, `, <https://charity.example/p>; rel=canonical; title="a, <b>; rel=preload"`, "", 1)
			}
			if got := strings.Join(res.Header.Values(name), "|"); got != want {
				t.Errorf("%s %s: got %q, want %q", path, name, got, want)
			}
		}
		if got, want := res.Header.Values("Content-Security-Policy")[0], "img-src *; report-uri /own-csp"; got != want {
			t.Errorf("policy: got %q, want %q", got, want)
		}
	}
	res, _ := testGet(t, g, "/?type=text/html", "Cookie", testDecide(t, g, "accept"))
	for _, name := range []string{"Refresh", "Report-To", "Nel", "Accept-Ch", "Speculation-Rules"} {
		if res.Header.Get(name) == "" {
			t.Errorf("%s is gone although everything was agreed to", name)
		}
	}
}

func TestSplitLinks(t *testing.T) {
	got := splitLinks(`<a,b>; rel=x, <c>; title="d, \"e"; rel=y , f`)
	want := []string{`<a,b>; rel=x`, `<c>; title="d, \"e"; rel=y`, `f`}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", got)
	}
}

func FuzzSplitLinks(f *testing.F) {
	f.Add(`<a>; rel="x, y", <b`)
	f.Fuzz(func(t *testing.T, line string) {
		if n := len(strings.Join(splitLinks(line), ",")); n > len(line) {
			t.Fatalf("%q grew", line)
		}
	})
}

func TestAnalyticsPaths(t *testing.T) {
	var heard []string
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { heard = append(heard, r.URL.Path) })
	measures := heldFor("measurement")
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up, AnalyticsPaths: []string{"/matomo/", "/count.php"}}, measures)}})
	accepted := testDecide(t, g, "accept")
	heard = nil
	for path, want := range map[string]int{"/matomo/x.php?a": 204, "/count.php": 204, "//matomo/x": 204, "/matomos": 200, "/x/../matomo/": 204} {
		if res, _ := testGet(t, g, path); res.StatusCode != want {
			t.Errorf("%s: got %d", path, res.StatusCode)
		}
	}
	if res, _ := testGet(t, g, "/matomo/live", "Connection", "Upgrade", "Upgrade", "websocket"); res.StatusCode != 204 {
		t.Errorf("a websocket: got %d", res.StatusCode)
	}
	if len(heard) != 1 {
		t.Errorf("the site heard %q", heard)
	}
	if res, _ := testGet(t, g, "/matomo/x.php", "Cookie", accepted); res.StatusCode != 200 {
		t.Errorf("after accepting: got %d", res.StatusCode)
	}
}

func TestCookiesAfterADecision(t *testing.T) {
	var told string
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		told = r.Header.Get("Cookie") + " " + r.URL.RawQuery + " " + r.Header.Get("Referer")
		w.Header().Add("Set-Cookie", "_ga=1")
		w.Header().Add("Set-Cookie", "odd=1")
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up}, heldFor("measurement"))}})
	accepted := testDecide(t, g, "accept")
	from := g.URL + "/p?gclid=1&x=2"
	res, _ := testGet(t, g, "/?gclid=1", "Cookie", "_ga=7; odd=8", "Referer", from)
	if want := "odd=8  " + g.URL + "/p?x=2"; told != want || res.Header["Set-Cookie"] != nil {
		t.Errorf("undecided: the site was told %q, set %q", told, res.Header["Set-Cookie"])
	}
	res, _ = testGet(t, g, "/", "Cookie", "_ga=7; odd=8; "+accepted)
	if told != "_ga=7; odd=8  " || strings.Join(res.Header["Set-Cookie"], "|") != "_ga=1" {
		t.Errorf("accepted: the site was told %q, set %q", told, res.Header["Set-Cookie"])
	}
}

func TestExpire(t *testing.T) {
	g := testGateway(t, Config{Sites: []Site{{Dir: t.TempDir()}}})
	r, _ := testRequest(t, "/_lychgate/consent", "www.shop.oak.example")
	r.Header.Set("Cookie", "_ga=1; _ga=2; PHPSESSID=3; __Host-lychgate=4; odd=5; __Host-odd=6")
	if canonical(r, true) != 0 {
		t.Fatal("not canonical")
	}
	var got []string
	for _, c := range g.g.Expire(r) {
		if c.MaxAge >= 0 || !c.Secure || c.Path != "/" {
			t.Errorf("%v does not expire", c)
		}
		got = append(got, c.Name+"@"+c.Domain)
	}
	want := "_ga@ _ga@www.shop.oak.example _ga@shop.oak.example _ga@oak.example odd@ odd@www.shop.oak.example odd@shop.oak.example odd@oak.example __Host-odd@"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestParentPaths(t *testing.T) {
	for page, want := range map[string]string{
		"": "", "x": "", "/": "", "/a": "", "/?/a/b": "", "/blog/": "/blog", "/blog/post": "/blog", "/blog/post?a/b": "/blog",
		"/a/b/../c/": "/a/c /a", "//a//b": "/a", "/1/2/3/4/5/6": "/1/2/3/4/5 /1/2/3/4 /1/2/3 /1/2",
	} {
		if got := strings.Join(parentPaths(page), " "); got != want {
			t.Errorf("%q: got %q, want %q", page, got, want)
		}
	}
}

func TestSideFiles(t *testing.T) {
	const held = `body{color:red} .a{background:url("https://www.google-analytics.com/collect?x")}`
	const plain = `body{background:url(/own.png)}`
	files := map[string]string{
		"held.css": held, "plain.css": plain + strings.Repeat(" ", 2000),
		"held.svg": `<svg xmlns="http://www.w3.org/2000/svg"><script href="https://www.google-analytics.com/x.js"/></svg>`,
	}
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		w.Header().Set("Etag", `"theirs"`)
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Content-Type", map[bool]string{true: "text/css", false: "image/svg+xml"}[strings.HasSuffix(name, ".css")])
		if r.Header.Get("If-None-Match") != "" {
			t.Error("the site was asked by condition")
		}
		body := []byte(files[name])
		if strings.Contains(r.Header.Get("Accept-Encoding"), "br") {
			w.Header().Set("Content-Encoding", "br")
			body = testEncode(t, "br", body)
		}
		_, _ = w.Write(body)
	})
	for name, site := range map[string]Site{"upstream": {Upstream: up}, "folder": {Dir: testFolder(t, files)}} {
		t.Run(name, func(t *testing.T) {
			g := testGateway(t, Config{Sites: []Site{testConsent(t, site, heldFor("measurement"))}})
			accepted := testDecide(t, g, "accept")
			for _, file := range []string{"/held.css", "/held.svg"} {
				for _, accept := range []string{"", "br"} {
					res, body := testGet(t, g, file, "Accept-Encoding", accept)
					body = testDecode(t, res.Header.Get("Content-Encoding"), body)
					if strings.Contains(body, "google") || res.Header.Get("Cache-Control") != "private, no-cache" || res.Header.Get("Etag") == `"theirs"` {
						t.Errorf("%s: %q %v", file, body, res.Header)
					}
					tag := res.Header.Get("Etag")
					if res, _ := testGet(t, g, file, "Accept-Encoding", accept, "If-None-Match", tag); name == "folder" && res.StatusCode != 304 {
						t.Errorf("%s: got %d to its own tag", file, res.StatusCode)
					}
				}
			}
			res, body := testGet(t, g, "/plain.css", "Accept-Encoding", "br")
			if !strings.Contains(testDecode(t, "br", body), plain) || res.Header.Get("Content-Encoding") != "br" || res.Header.Get("Cache-Control") == "private, no-cache" {
				t.Errorf("plain: %v", res.Header)
			}
			again, _ := testGet(t, g, "/plain.css", "Accept-Encoding", "br", "If-None-Match", res.Header.Get("Etag"))
			if again.StatusCode != 304 {
				t.Errorf("plain, asked by condition: got %d", again.StatusCode)
			}
			res, body = testGet(t, g, "/held.css", "Cookie", accepted)
			// A shared cache would hand it to those who did not accept.
			if body != held || res.Header.Get("Cache-Control") != "private, no-cache" || !strings.Contains(res.Header.Get("Vary"), "Cookie") {
				t.Errorf("accepted: %q %v", body, res.Header)
			}
		})
	}
}
