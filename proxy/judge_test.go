package proxy

import (
	"strings"
	"testing"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/internal/signedpath"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// testJudge is the judge of www.charity.org.uk.
func testJudge(t testing.TB, c Site) *judge {
	t.Helper()
	if c.Hosts == nil {
		c.Hosts = []string{"www.charity.org.uk"}
	}
	j, err := newJudge(testServices(t), c)
	if err != nil {
		t.Fatal(err)
	}
	keys := consent.NewKeys()
	j.embeds = signedpath.New(embedPath, keys.DeriveAll("proxy/embed"))
	return j
}

func testHearing(t testing.TB, j *judge) *hearing {
	t.Helper()
	h := j.open("https", "www.charity.org.uk", "/about/us")
	b, err := banner.New(banner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h.banner = b
	return h
}

func TestJudgeBeforeAnything(t *testing.T) {
	j := testJudge(t, Site{
		Allow: []string{"widgets.partner.org"},
		Hold:  []string{"metrics.charity.org.uk", "/js/own-tracker.js", "inline:ownTracker.start", "partner.org/spy"},
	})
	const pass, hold = rewrite.Pass, rewrite.Hold
	for _, tt := range []struct {
		name string
		ref  rewrite.Ref
		url  string
		want rewrite.Action
	}{
		{"own script", rewrite.Ref{Dest: rewrite.Script}, "/js/site.js", pass},
		{"own sub-domain", rewrite.Ref{Dest: rewrite.Script}, "https://cdn.charity.org.uk/x.js", pass},
		{"own sub-domain that the owner lists, as a cloaked tracker", rewrite.Ref{Dest: rewrite.Script}, "https://metrics.charity.org.uk/x.js", hold},
		{"own path that the owner lists", rewrite.Ref{Dest: rewrite.Script}, "/js/own-tracker.js?v=1", hold},
		{"the same path, relative", rewrite.Ref{Dest: rewrite.Script}, "../js/own-tracker.js", hold},
		{"the same path, by its host", rewrite.Ref{Dest: rewrite.Script}, "//www.charity.org.uk/js/own-tracker.js", hold},
		{"tracker", rewrite.Ref{Dest: rewrite.Script}, "https://www.googletagmanager.com/gtag/js?id=G-X", hold},
		{"tracker without a scheme", rewrite.Ref{Dest: rewrite.Script}, `\\www.googletagmanager.com\gtm.js`, hold},
		{"tracker's picture", rewrite.Ref{Dest: rewrite.Image}, "https://www.facebook.com/tr?id=1", hold},
		{"tracker's hint", rewrite.Ref{Dest: rewrite.Hint}, "//www.google-analytics.com", hold},
		{"unknown script", rewrite.Ref{Dest: rewrite.Script}, "https://unknown.example/x.js", hold},
		{"unknown frame", rewrite.Ref{Dest: rewrite.Frame}, "https://unknown.example/", hold},
		{"unknown pixel", rewrite.Ref{Dest: rewrite.Image, Pixel: true}, "https://unknown.example/p.gif", hold},
		{"unknown picture in noscript", rewrite.Ref{Dest: rewrite.Image, Noscript: true}, "https://unknown.example/p.gif", hold},
		{"unknown ping", rewrite.Ref{Dest: rewrite.Beacon}, "https://unknown.example/p", hold},
		{"unknown refresh", rewrite.Ref{Dest: rewrite.Refresh}, "https://unknown.example/p", hold},
		{"unknown hint", rewrite.Ref{Dest: rewrite.Hint}, "https://unknown.example", hold},
		{"unknown address", rewrite.Ref{Dest: rewrite.Script}, "http://0x7f000001/x.js", hold},
		{"base, by which nothing is loaded", rewrite.Ref{Dest: rewrite.Base}, "https://unknown.example/", pass},
		{"script under a foreign base", rewrite.Ref{Dest: rewrite.Script, Base: []byte("https://unknown.example/a/")}, "x.js", hold},
		{"script under an own base", rewrite.Ref{Dest: rewrite.Script, Base: []byte("/a/")}, "x.js", pass},
		{"script under a base that does not count", rewrite.Ref{Dest: rewrite.Script, Base: []byte("data:,x")}, "x.js", pass},
		{"script of the scheme of a foreign base", rewrite.Ref{Dest: rewrite.Script, Base: []byte("http://www.charity.org.uk/")}, "https:unknown.example/x.js", hold},
		{"video", rewrite.Ref{Dest: rewrite.Frame}, "https://www.youtube.com/embed/x", hold},
		{"map", rewrite.Ref{Dest: rewrite.Frame}, "https://www.google.com/maps/embed?pb=1", hold},
		{"captcha", rewrite.Ref{Dest: rewrite.Script}, "https://www.google.com/recaptcha/api.js", hold},
		{"payment", rewrite.Ref{Dest: rewrite.Script}, "https://js.stripe.com/v3/", pass},
		{"donation frame", rewrite.Ref{Dest: rewrite.Frame}, "https://donorbox.org/embed/x", pass},
		{"allowed by the owner", rewrite.Ref{Dest: rewrite.Script}, "https://widgets.partner.org/w.js", pass},
		{"held by the owner, by path", rewrite.Ref{Dest: rewrite.Image}, "https://partner.org/spy/p.png", hold},
		{"data in a header", rewrite.Ref{Dest: rewrite.Image}, "data:image/png;base64,AAAA", hold},
		{"script in a header", rewrite.Ref{Dest: rewrite.Refresh}, "javascript:load()", hold},
		{"about:blank", rewrite.Ref{Dest: rewrite.Frame}, "about:blank", pass},
		{"no URL at all", rewrite.Ref{Dest: rewrite.Script}, "https://a b/", hold},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := testHearing(t, j)
			defer h.close()
			tt.ref.URL = []byte(tt.url)
			if got := h.URL(&tt.ref); got.Action != tt.want {
				t.Errorf("%s: action %d, want %d", tt.url, got.Action, tt.want)
			}
		})
	}
}

func TestJudgeReadsInlineScripts(t *testing.T) {
	j := testJudge(t, Site{Hold: []string{"inline:ownTracker.start"}})
	for _, tt := range []struct {
		text string
		want rewrite.Action
	}{
		{"document.write('hello')", rewrite.Pass},
		{"(function(){var s='https://www.googletagmanager.com/gtm.js?id=';})()", rewrite.Hold},
		{`{"u":"https:\/\/static.hotjar.com\/c\/hotjar-"}`, rewrite.Hold},
		{"ga.src=('https:'==p?'https://ssl':'http://www')+'.google-analytics.com/ga.js'", rewrite.Hold},
		{"ownTracker.start()", rewrite.Hold},
		{"window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments);}", rewrite.Pass},
		{"", rewrite.Pass},
		{".", rewrite.Pass},
	} {
		h := testHearing(t, j)
		if got := h.Script([]byte(tt.text)); got != tt.want {
			t.Errorf("%q: action %d, want %d", tt.text, got, tt.want)
		}
		h.close()
	}
}

func TestHeldEmbedsSayWhoWouldBeContacted(t *testing.T) {
	h := testHearing(t, testJudge(t, Site{}))
	defer h.close()
	got := h.URL(&rewrite.Ref{Dest: rewrite.Frame, URL: []byte("https://www.youtube.com/embed/abc"), Title: []byte("Our day out"), Fullscreen: true})
	doc := string(got.Document)
	if !strings.Contains(doc, "YouTube") || !strings.Contains(doc, embedPath) {
		t.Errorf("the placeholder is %q", doc)
	}
	for _, url := range []string{"https://www.googletagmanager.com/ns.html?id=GTM-X"} {
		if got := h.URL(&rewrite.Ref{Dest: rewrite.Frame, URL: []byte(url), Noscript: true}); got.Document != nil {
			t.Errorf("a tracker's frame says %q", got.Document)
		}
	}
}

func TestTheServersOwnNameBecomesTheVisitors(t *testing.T) {
	h := testHearing(t, testJudge(t, Site{}))
	defer h.close()
	h.renamed = []string{"charity.github.io", "127.0.0.1:3000"}
	for _, tt := range []struct{ url, want string }{
		{"https://charity.github.io/a.png?x", "/a.png?x"},
		{"https://charity.github.io", "/"},
		{"https://charity.github.io//b", "/.//b"},
		{"http://127.0.0.1:3000/a.js", "/a.js"},
	} {
		got := h.URL(&rewrite.Ref{Dest: rewrite.Script, URL: []byte(tt.url)})
		if got.Action != rewrite.Replace || string(got.URL) != tt.want {
			t.Errorf("%s: %d %q, want %q", tt.url, got.Action, got.URL, tt.want)
		}
	}
}

func TestObservingLetsPassAndLists(t *testing.T) {
	j := testJudge(t, Site{ThirdParties: "observe"})
	h := testHearing(t, j)
	if got := h.URL(&rewrite.Ref{Dest: rewrite.Script, URL: []byte("//unknown.example/x.js")}); got.Action != rewrite.Pass {
		t.Errorf("action %d", got.Action)
	}
	h.close()
	p := j.inventory.party([]byte("unknown.example"), nil)
	if pages, _ := p.sight(); p.outcome() != holds || pages != 1 {
		t.Errorf("listed as %v on %d pages", p.outcome(), pages)
	}
}

func TestOwnersListsAreChecked(t *testing.T) {
	for _, c := range []Site{{Allow: []string{"/path"}}, {Hold: []string{""}}, {Hold: []string{"a b"}}, {Relay: []string{"*"}}, {Allow: []string{"inline:x.y"}}} {
		if _, err := newJudge(testServices(t), c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func TestJudgingAllocatesNothing(t *testing.T) {
	j := testJudge(t, Site{})
	h := testHearing(t, j)
	refs := testRefs()
	for i := range refs {
		h.URL(&refs[i])
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range refs {
			h.URL(&refs[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d references", n, len(refs))
	}
}

func testRefs() []rewrite.Ref {
	var refs []rewrite.Ref
	for _, u := range []string{
		"/js/site.js", "img/a.png", "https://www.charity.org.uk/x.css", "https://www.googletagmanager.com/gtag/js?id=G-X",
		"//www.google-analytics.com/analytics.js", "https://js.stripe.com/v3/", "https://unknown.example/x.js", "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
	} {
		refs = append(refs, rewrite.Ref{Dest: rewrite.Script, URL: []byte(u)})
	}
	refs[1].Dest, refs[7].Dest = rewrite.Image, rewrite.Image
	return refs
}

func BenchmarkJudge(b *testing.B) {
	h := testHearing(b, testJudge(b, Site{}))
	refs := testRefs()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.URL(&refs[i%len(refs)])
	}
}

func BenchmarkInlineScript(b *testing.B) {
	h := testHearing(b, testJudge(b, Site{}))
	text := []byte(strings.Repeat("var menu=document.querySelector('.menu');menu.classList.toggle('open',!state.open);", 100))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		h.Script(text)
	}
}

func FuzzJudge(f *testing.F) {
	for _, s := range []string{"//www.youtube.com/embed/x", "https:x", `\\a`, "data:text/html;base64,PHA+", "javascript:1", "..", "?", "https://[::1]/"} {
		f.Add([]byte(s), []byte(""), uint8(0), false)
		f.Add([]byte(s), []byte("https://unknown.example/a/"), uint8(4), true)
	}
	j := testJudge(f, Site{Hold: []string{"/js/own.js"}})
	f.Fuzz(func(t *testing.T, ref, base []byte, dest uint8, flag bool) {
		h := testHearing(t, j)
		defer h.close()
		got := h.URL(&rewrite.Ref{Dest: rewrite.Dest(dest % 13), URL: ref, Base: base, Noscript: flag, Pixel: flag})
		if got.Action != rewrite.Replace && got.URL != nil {
			t.Errorf("%q: a URL without Replace", ref)
		}
		h.Script(ref)
	})
}

func refTo(url string) *rewrite.Ref { return &rewrite.Ref{Dest: rewrite.Script, URL: []byte(url)} }

func TestWhatIsRelayedIsNamedSoThatItIsFound(t *testing.T) {
	g := testScanGateway(t, "", Site{Dir: t.TempDir()})
	h := g.sites().list[0].thirdParties.open("https", "www.site.example:8443", "/a/")
	defer h.close()
	image := func(change func(*rewrite.Ref)) string {
		r := &rewrite.Ref{Dest: rewrite.Image, URL: []byte("https://pics.example/b.png")}
		change(r)
		v := h.URL(r)
		if v.Action == rewrite.Hold {
			return "held"
		}
		return string(v.URL)
	}
	path := image(func(*rewrite.Ref) {})
	if !strings.HasPrefix(path, relayPath) {
		t.Fatalf("relayed as %q", path)
	}
	whole := "https://www.site.example:8443" + path
	if got := image(func(r *rewrite.Ref) { r.Rootless = true }); got != whole {
		t.Errorf("in a document without an address: %q, want %q", got, whole)
	}
	if got := image(func(r *rewrite.Ref) { r.Base = []byte("https://other.example/") }); got != whole {
		t.Errorf("under a base elsewhere: %q, want %q", got, whole)
	}
	if got := image(func(r *rewrite.Ref) { r.Fixed = true }); got != "held" {
		t.Errorf("where nothing can be replaced: %q", got)
	}
	// What had to be held is asked about, and passes after the yes.
	if err := g.Admit("default"); err != nil {
		t.Fatal(err)
	}
	if names := serviceNames(g.sites().list[0].Gate.Services()); names != "pics.example for other" {
		t.Errorf("asked about: %q", names)
	}
}
