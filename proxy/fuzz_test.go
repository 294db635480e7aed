package proxy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The parsers of foreign bytes that have no test file of their own.

func FuzzCanonicalHost(f *testing.F) {
	for _, s := range []string{"A.Example.:80", "[::1]:443", "[::1%25eth0]", "a..b", "a..", "a:b", "[", "xn--nxasmq6b", "\x00", "a:99999999"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, host string, https bool) {
		once, ok := canonicalHost(host, https)
		if !ok {
			return
		}
		if twice, ok := canonicalHost(once, https); !ok || twice != once {
			t.Fatalf("%q becomes %q, then %q %v", host, once, twice, ok)
		}
		if strings.ContainsAny(once, " /\\@\x00\r\n") || once != strings.ToLower(once) {
			t.Fatalf("%q becomes %q", host, once)
		}
	})
}

func FuzzCookies(f *testing.F) {
	f.Add("__Host-lychgate=a; session=s; __Secure-lychgate-receipt=b")
	f.Add(";;=; __host-LYCHGATE =x; a=b=c;\tlychgate-count=1")
	g := testGateway(f, Config{Sites: []Site{{Dir: f.TempDir()}}}).g
	f.Fuzz(func(t *testing.T, line string) {
		v := &visit{site: g.sites().any}
		for _, sent := range v.cookiesUp([]string{line}) {
			for pair := range strings.SplitSeq(sent, ";") {
				if ownCookie(cookieName(pair)) {
					t.Fatalf("%q: %q reaches the site", line, sent)
				}
			}
		}
		h := http.Header{"Set-Cookie": {line}}
		v.filterSetCookie(h)
		for _, set := range h["Set-Cookie"] {
			if name, _, _ := strings.Cut(set, ";"); ownCookie(cookieName(name)) {
				t.Fatalf("%q: %q is set by the site", line, set)
			}
		}
	})
}

func FuzzRename(f *testing.F) {
	f.Add("5; URL='http://up.example/x'", `<http://up.example/a>; rel="next", </b>`, "a=b; Domain=.up.example; Path=/")
	f.Add("0,http://up.example", "<<>>,;", "a; domain=; domain==up.example")
	visitor := mustURL("https://www.example/")
	own := []string{"up.example"}
	f.Fuzz(func(t *testing.T, refresh, link, cookie string) {
		if _, to, ok := cutRefresh(refresh); ok {
			renameURL(to, visitor, own)
		}
		renameLink(link, visitor, own)
		_, attributes, _ := strings.Cut(renameDomain(cookie, own), ";")
		for a := range strings.SplitSeq(attributes, ";") {
			name, value, _ := strings.Cut(a, "=")
			if strings.EqualFold(strings.TrimSpace(name), "domain") && namesOwn(value, own) {
				t.Fatalf("%q keeps %q", cookie, a)
			}
		}
	})
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbf<!doctype html>"), "text/html; charset=utf-16")
	f.Add([]byte("<meta charset=iso-2022-jp>\x1b$B"), "text/html")
	f.Fuzz(func(t *testing.T, page []byte, contentType string) {
		looksLikeHTML(page)
		a := &answer{header: http.Header{"Content-Type": {contentType}}}
		if dec := settleCharset(a, page); dec != nil {
			if _, err := dec.Bytes(page); err != nil {
				t.Skip() // answered with 502
			}
		}
		nameCharset(a, page)
		declareUTF8(a, page)
	})
}

// FuzzStoredCertificate: what lies in the folder of certificates is found sound
// or damaged, and never ends the program.
func FuzzStoredCertificate(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"), []byte("{}"), []byte(""))
	f.Add([]byte(""), []byte("[1]"), []byte("-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, cert, meta, key []byte) {
		folder := filepath.Join(t.TempDir(), "a.example")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for ending, data := range map[string][]byte{".crt": cert, ".json": meta, ".key": key} {
			if err := os.WriteFile(filepath.Join(folder, "a.example"+ending), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if soundCertificate(folder) == nil {
			t.Error("fuzzing found a key pair that fits")
		}
		_ = soundAccount(folder) // either is right
	})
}
