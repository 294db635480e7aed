package proxy

import (
	"testing"
)

func TestTargetReadsReferencesAsBrowsersDo(t *testing.T) {
	const rel, host, data, script, inert, broken = relativeTarget, hostTarget, dataTarget, scriptTarget, inertTarget, brokenTarget
	for _, tt := range []struct {
		ref  string
		kind targetKind
		host string
		path string
	}{
		{"", rel, "", ""},
		{"a.js", rel, "", "a.js"},
		{"/a.js?x#y", rel, "", "/a.js"},
		{"#x", rel, "", ""},
		{"?x", rel, "", ""},
		{"1.2.3.4/a", rel, "", "1.2.3.4/a"},
		{"https://Evil.Example/a?b", host, "evil.example", "/a"},
		{"HTTPS://evil.example", host, "evil.example", ""},
		{"//evil.example/x", host, "evil.example", "/x"},
		{`\\evil.example\x`, host, "evil.example", `\x`},
		{`/\evil.example`, host, "evil.example", ""},
		{"////evil.example", host, "evil.example", ""},
		{"https:////evil.example/x", host, "evil.example", "/x"},
		{`https:\\evil.example`, host, "evil.example", ""},
		{"https:evil.example/x", rel, "", "evil.example/x"},   // the page's own scheme
		{"https:/evil.example/x", rel, "", "/evil.example/x"}, // likewise
		{"http:evil.example/x", host, "evil.example", "/x"},
		{"http:/evil.example/x", host, "evil.example", "/x"},
		{"https://good.example@evil.example/", host, "evil.example", "/"},
		{"https://good.example:x@y@evil.example:8443/", host, "evil.example", "/"},
		{"https://evil.example:0443/", host, "evil.example", "/"},
		{"https://evil.example:99999999/", broken, "", ""},
		{"https://evil.example:x/", broken, "", ""},
		{"https://evil.example./", host, "evil.example", "/"},
		{"https://evil%2Eexample/", host, "evil.example", "/"},
		{"https://%65vil.example/", host, "evil.example", "/"},
		{"https://ev%69l%2eexample%2f.good.example/", broken, "", ""},
		{"https://bücher.example/", host, "xn--bcher-kva.example", "/"},
		{"https://ＥＶＩＬ.example/", host, "evil.example", "/"},
		{"https://evil。example/", host, "evil.example", "/"},
		{"https://e\u00advil.example/", host, "evil.example", "/"},
		{"https://0x7f.1/", host, "127.0.0.1", "/"},
		{"https://017700000001/", host, "127.0.0.1", "/"},
		{"https://2130706433/", host, "127.0.0.1", "/"},
		{"https://1.2.3.4.5/", broken, "", ""},
		{"https://1.2.3.256/", broken, "", ""},
		{"https://[::1]:80/x", host, "[::1]", "/x"},
		{"https://[::ffff:1.2.3.4]/x", host, "[::ffff:102:304]", "/x"},
		{"https://[::1/x", broken, "", ""},
		{"https://", broken, "", ""},
		{"https://a b/", broken, "", ""},
		{"wss://evil.example/s", host, "evil.example", "/s"},
		{"data:text/html,x", data, "", "text/html,x"},
		{"DATA:,x", data, "", ",x"},
		{"JavaScript:x", script, "", "x"},
		{"blob:https://x/y", inert, "", "https://x/y"},
		{"about:blank", inert, "", "blank"},
		{"mailto:a@b", inert, "", "a@b"},
	} {
		var got target
		got.parse([]byte(tt.ref), "https")
		if got.kind != tt.kind || (tt.kind == host && string(got.host) != tt.host) || (tt.kind != broken && string(got.path) != tt.path) {
			t.Errorf("%q: kind %d, host %q, path %q; want %d, %q, %q", tt.ref, got.kind, got.host, got.path, tt.kind, tt.host, tt.path)
		}
	}
}

func TestFamilyEndsAtTheRegistrableDomain(t *testing.T) {
	for _, tt := range []struct {
		site, host string
		want       bool
	}{
		{"www.charity.org.uk", "charity.org.uk", true},
		{"www.charity.org.uk", "cdn.charity.org.uk", true},
		{"www.charity.org.uk", "other.org.uk", false},
		{"www.charity.org.uk", "evilcharity.org.uk", false},
		{"charity.github.io", "other.github.io", false},
		{"github.io", "other.github.io", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "1.127.0.0.1", false},
		{"localhost", "localhost", true},
		{"[::1]", "[::1]", true},
		{"", "", false},
	} {
		if got := familyOf(tt.site).has([]byte(tt.host)); got != tt.want {
			t.Errorf("family of %s has %s: %v, want %v", tt.site, tt.host, got, tt.want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"//a", `\\a\b`, "https:a", "http://a:b@c:1/d?e#f", "http://%", "http://0x.0x", "http://[::]", "http://a..b", "http:0..", "http://ß/", "http://xn--/", "data:,"} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, ref []byte, https bool) {
		scheme := "http"
		if https {
			scheme = "https"
		}
		var a target
		a.parse(ref, scheme)
		if a.kind != hostTarget {
			return
		}
		if len(a.host) == 0 {
			t.Fatalf("%q names an empty host", ref)
		}
		// A host in canonical form stays as it is.
		again, ok := appendHost(nil, a.host)
		if !ok || string(again) != string(a.host) {
			t.Fatalf("%q: host %q becomes %q, %v", ref, a.host, again, ok)
		}
	})
}
