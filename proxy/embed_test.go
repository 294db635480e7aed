package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/banner"
)

func testEmbedSite(t *testing.T) (*site, string) {
	t.Helper()
	b, err := banner.New(banner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Site: Site{Banner: b}, thirdParties: testJudge(t, Site{})}
	e := embed{url: "https://www.youtube.com/embed/abc?a=1&b=2", title: `Our "day" <out>`, allow: "autoplay", sandboxed: true, sandbox: "allow-scripts", fullscreen: true}
	return s, string(s.thirdParties.embeds.Append(nil, e.encode()))
}

func TestEmbedsAreShownAfterAPressOnly(t *testing.T) {
	s, path := testEmbedSite(t)
	for _, tt := range []struct {
		name, method, url string
		header            []string
		status            int
	}{
		{"a press over https", "GET", "https://a.example", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-User", "?1", "Sec-Fetch-Dest", "iframe"}, 200},
		{"a frame made by a script", "GET", "https://a.example", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"a fetch", "GET", "https://a.example", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-User", "?1"}, 403},
		{"a link over plain http", "GET", "http://a.example", nil, 403},
		{"a form over plain http", "POST", "http://a.example", []string{"Origin", "http://a.example"}, 200},
		{"a form in the site's own sandbox", "POST", "http://a.example", []string{"Origin", "null"}, 200},
		{"a form on another site", "POST", "http://a.example", []string{"Origin", "http://b.example"}, 403},
		{"a form without an origin", "POST", "http://a.example", nil, 403},
		{"another method", "PUT", "http://a.example", nil, 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.url+path, nil)
			for i := 0; i+1 < len(tt.header); i += 2 {
				r.Header.Set(tt.header[i], tt.header[i+1])
			}
			w := httptest.NewRecorder()
			s.serveEmbed(w, r)
			if w.Code != tt.status {
				t.Fatalf("status %d, want %d", w.Code, tt.status)
			}
			if tt.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("Allow: %q", w.Header().Get("Allow"))
			}
			shows := strings.Contains(w.Body.String(), `<iframe`)
			if shows != (tt.status == 200) {
				t.Errorf("status %d, frame %v", w.Code, shows)
			}
		})
	}
}

func TestEmbedsAreShownAsTheSiteWroteThem(t *testing.T) {
	s, path := testEmbedSite(t)
	r := httptest.NewRequest(http.MethodPost, "http://a.example"+path, nil)
	r.Header.Set("Origin", "http://a.example")
	w := httptest.NewRecorder()
	s.serveEmbed(w, r)
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for n := range doc.Descendants() {
		if n.Data == "iframe" {
			for _, a := range n.Attr {
				got[a.Key] = a.Val
			}
		}
	}
	for k, want := range map[string]string{
		"src": "https://www.youtube.com/embed/abc?a=1&b=2", "title": `Our "day" <out>`, "allow": "autoplay", "sandbox": "allow-scripts", "allowfullscreen": "",
	} {
		if v, ok := got[k]; !ok || v != want {
			t.Errorf("%s=%q, want %q", k, v, want)
		}
	}
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'; frame-src https://www.youtube.com ") || !strings.Contains(csp, "frame-ancestors 'self'") || strings.Contains(csp, "script-src") {
		t.Errorf("policy %q", csp)
	}
}

func TestNobodyElseCanMakeAnEmbed(t *testing.T) {
	s, path := testEmbedSite(t)
	for _, p := range []string{path[:len(path)-3] + "AAA", embedPath, embedPath + "a/b", strings.Replace(path, embedPath, relayPath, 1)} {
		r := httptest.NewRequest(http.MethodPost, "http://a.example"+p, nil)
		r.Header.Set("Origin", "http://a.example")
		w := httptest.NewRecorder()
		s.g = &Gateway{}
		s.serveEmbed(w, r)
		if w.Code != 404 {
			t.Errorf("%s: %d", p, w.Code)
		}
	}
}
