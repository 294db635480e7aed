package consent

import (
	"net/url"
	"strings"
	"testing"
)

func TestReturnToKeepsThePage(t *testing.T) {
	for _, s := range []string{
		"/", "/donate", "/a/b/c.html", "/a?x=1&y=2", "/caf%C3%A9", "/a%20b", "/search?q=%2F%2Fevil.test",
		"/_lychgate/consent", "/a;b,c:d@e", "/a//b", "/?next=https://evil.test/", "/a...b/..c",
	} {
		if got, ok := returnTo(s); !ok || got != s {
			t.Errorf("returnTo(%q) = %q, %v", s, got, ok)
		}
	}
}

// hostileReturnTo are ways to lead a visitor to another site or to split a header.
func hostileReturnTo() []string {
	hosts := []string{"evil.test", "evil.test/path", "user@evil.test", "charity.test@evil.test", "[::1]", "evil.test:80"}
	starts := []string{
		"//", "///", "////", "/\\", "\\/", "\\\\", "/\\/", "\\", "https://", "https:/", "https:", "https:\\\\", "HTTPS://",
		"http:", "//\\", "/\t/", "/\n/", "/\r/", "/\x00/", "\t//", " //", " /", "/ /", "/%2f", "/%2F", "/%5c", "/%5C", "/.//", "/..//",
		"/%2e%2e//", "/./", "/../",
	}
	var all []string
	for _, s := range starts {
		for _, h := range hosts[:5] {
			all = append(all, s+h)
		}
	}
	return append(all,
		"", "evil.test", "javascript:alert(1)", "data:text/html,x", "vbscript:x", "ftp://evil.test", "mailto:a@evil.test", "?x=1", "#x", "x",
		"..", ".", "/..", "/.", "/a/../..//evil.test", "/%2e%2e/%2f/evil.test", "/a\r\nSet-Cookie: x=1", "/a\nLocation: //evil.test", "/a%", "/%zz",
		"/a b", "/é", "/\u2028", "/\uff0f\uff0fevil.test", "/<script>", "/\"onload=", "/a^b", "/a`b", "/a|b", "/a{b}", "/\x7f", "/"+strings.Repeat("a", maxReturnTo),
		"https://charity.test.evil.test/", "//charity.test@evil.test/", "/%09/evil.test", "/%0d%0a/evil.test", "/%00/evil.test", "/a%5c..%5cb", "/%5c%5cevil.test")
}

func TestReturnToNeverLeavesTheSite(t *testing.T) {
	all := hostileReturnTo()
	if len(all) < 190 {
		t.Fatalf("%d hostile values, want 190", len(all))
	}
	for _, s := range all {
		if got, ok := returnTo(s); ok {
			t.Errorf("returnTo(%q) = %q", s, got)
		}
	}
	// And through the form: the answer counts, the way leads to the start page.
	g := testGate(t, Config{}, video)
	for _, s := range all {
		v := newVisitor("https")
		res := v.post(g, url.Values{"decision": {"decline"}, "return_to": {s}})
		if d, _ := v.of(g); res.StatusCode != 303 || res.Header.Get("Location") != "/#lychgate" || d.Answer != Declined {
			t.Errorf("return_to %q: %d to %q", s, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	for _, s := range hostileReturnTo() {
		f.Add(s)
	}
	f.Add("/a/b?c=d")
	base, err := url.Parse("https://charity.test/page")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		to, ok := returnTo(s)
		if !ok {
			return
		}
		for _, form := range []string{to, strings.ReplaceAll(to, "\\", "/"), strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' {
				return -1 // as browsers do
			}
			return r
		}, to)} {
			u, err := base.Parse(form)
			if err != nil || u.Host != "charity.test" || u.Scheme != "https" || strings.HasPrefix(form, "//") {
				t.Fatalf("returnTo(%q) = %q leads to %v (%v)", s, to, u, err)
			}
		}
		if again, ok := returnTo(to); !ok || again != to {
			t.Fatalf("returnTo(%q) = %q, but that is read as %q, %v", s, to, again, ok)
		}
		if strings.ContainsAny(to, "\r\n\x00 <>\"") {
			t.Fatalf("%q", to)
		}
	})
}
