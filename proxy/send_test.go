package proxy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

func TestPageCoding(t *testing.T) {
	for header, want := range map[string]coding{
		"": identity, "gzip, deflate, br, zstd": gzipped, "deflate, br, zstd": brotlied, "gzip": gzipped, "zstd, gzip;q=0.9": zstandard,
		"br;q=0.1, gzip;q=0.9": gzipped, "br;q=0, *": gzipped, "*;q=0": identity, "*": gzipped, "identity": identity,
		"BR; Q=1.0": brotlied, "gzip;q=x": identity, "gzip;q=0.001": gzipped, "br;q=NaN, gzip;q=0.5": gzipped,
		"deflate": identity, ",,;q=1,gzip": gzipped, "x-gzip": gzipped,
	} {
		if got := pageCoding([]string{header}); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func FuzzPageCoding(f *testing.F) {
	f.Add("gzip;q=0.5, br, *;q=0")
	f.Fuzz(func(t *testing.T, h string) {
		if c := pageCoding([]string{h}); c >= codings {
			t.Fatalf("%q: %d", h, c)
		}
	})
}

func TestPageHeaders(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range map[string]string{
			"Content-Type": "text/html", "Etag": `"a"`, "Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT", "Cache-Control": r.URL.Query().Get("cc"),
			"Expires": "Mon, 02 Jan 2036 15:04:05 GMT", "Vary": "Origin, accept-encoding", "Content-Md5": "x", "Repr-Digest": "x",
			"Accept-Ranges": "bytes", "Alt-Svc": `h3=":443"`, "X-Custom": "kept", "Cdn-Cache-Control": "max-age=9",
		} {
			h.Set(name, value)
		}
		_, _ = io.WriteString(w, "<!doctype html><body>"+strings.Repeat("<p>words</p>", 500))
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	res, _ := testGet(t, g, "/?cc=public,max-age=60")
	for name, want := range map[string]string{
		"Cache-Control": "private, no-store", "Vary": "Accept-Encoding, Accept-Language, Cookie, Sec-GPC, Origin", "Last-Modified": "",
		"Expires": "", "Content-Md5": "", "Repr-Digest": "", "Accept-Ranges": "none", "Alt-Svc": "", "X-Custom": "kept", "Cdn-Cache-Control": "no-store",
	} {
		if got := strings.Join(res.Header.Values(name), "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	tag := res.Header.Get("Etag")
	if again, body := testGet(t, g, "/", "If-None-Match", `"x", W/`+tag); again.StatusCode != 304 || body != "" || again.Header.Get("Etag") != tag {
		t.Errorf("got %d %q", again.StatusCode, body)
	}
	if ranged, _ := testGet(t, g, "/", "Range", "bytes=0-3"); ranged.StatusCode != 200 {
		t.Errorf("range of a page: got %d", ranged.StatusCode)
	}
	gz, _ := testGet(t, g, "/", "Accept-Encoding", "gzip")
	if gz.Header.Get("Etag") == tag || gz.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("gzip: got %v", gz.Header)
	}
	if nt, _ := testGet(t, g, "/?cc=no-transform", "Accept-Encoding", "gzip"); nt.Header.Get("Content-Encoding") != "" {
		t.Error("recompressed against no-transform")
	}
	head, _ := testDo(t, g, http.MethodHead, "/", nil)
	if head.StatusCode != 200 || head.Header.Get("Content-Length") != "" || head.Header.Get("Etag") != "" || head.Header.Get("Vary") == "" {
		t.Errorf("HEAD: got %d %v", head.StatusCode, head.Header)
	}
}

// TestPagesAreNotLongerThanTheSites: our cheap compression must not cost the
// visitor more bytes than the site's own gzip did.
func TestPagesAreNotLongerThanTheSites(t *testing.T) {
	page := testPage(40 << 10)
	var theirs bytes.Buffer
	z := gzip.NewWriter(&theirs)
	_, _ = io.WriteString(z, page)
	_ = z.Close()
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(theirs.Bytes())
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	for _, accept := range []string{"gzip, deflate, br, zstd", "gzip"} {
		_, body := testGet(t, g, "/", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept-Encoding", accept) // no banner
		t.Logf("%s: %d bytes, the site's gzip %d", accept, len(body), theirs.Len())
		if limit := theirs.Len() * 102 / 100; len(body) > limit {
			t.Errorf("%s: got %d bytes, want at most %d", accept, len(body), limit)
		}
	}
}

// testPage is a plausible page of about n bytes: words from a small vocabulary
// in the markup that site builders write.
func testPage(n int) string {
	words := strings.Fields("the a of and to in is was he for it with as his on be at by had not are but from or have an they which one you were her all she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these two may then do first any my now such like our over man me even most made after also did many before must through back years where much your way well down should because each just those people how too little state good very make world still own see men work long get here between both life being under never day same another know while last might us great old year off come since against go came right used take three house days families carers children donate volunteers support community")
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Oak Families</title><link rel=\"stylesheet\" href=\"/style.css\"></head>\n<body class=\"page\">\n")
	seed := uint32(7)
	next := func(k int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>8) % k
	}
	for b.Len() < n {
		fmt.Fprintf(&b, "<div class=\"card card--%d\">\n  <h2 id=\"s%d\"><a href=\"/news/%d/%s-%s\">", next(5), next(9999), 2000+next(26), words[next(len(words))], words[next(len(words))])
		for range 6 {
			b.WriteString(words[next(len(words))] + " ")
		}
		b.WriteString("</a></h2>\n  <p class=\"lead\">")
		for range 30 + next(60) {
			b.WriteString(words[next(len(words))] + " ")
		}
		fmt.Fprintf(&b, "</p>\n  <img src=\"/img/%d.jpg\" alt=\"%s\" width=\"%d\" height=\"%d\" loading=\"lazy\">\n</div>\n", next(99999), words[next(len(words))], next(800), next(600))
	}
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

func TestOddCharsets(t *testing.T) {
	const page = "<!doctype html><title>x</title><body><p>héllo 日本</p>"
	utf16le, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(page)
	utf16be, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(page)
	bare, _ := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(page)
	jp, _ := japanese.ISO2022JP.NewEncoder().String("<!doctype html><meta charset=iso-2022-jp><p>日本")
	for _, tt := range []struct{ name, contentType, body, want, wantType string }{
		{"utf-16 by mark", "text/html", utf16le, "<p>héllo 日本</p>", "text/html; charset=utf-8"},
		{"big endian by mark", "text/html; charset=iso-8859-1", utf16be, "<p>héllo 日本</p>", "text/html; charset=utf-8"},
		{"utf-16 by header", "text/html; charset=UTF-16LE", bare, "<p>héllo 日本</p>", "text/html; charset=utf-8"},
		{"utf-16 without a type", "", utf16le, "<p>héllo 日本</p>", "text/html; charset=utf-8"},
		{"iso-2022-jp by meta", "text/html", jp, "<p>日本", "text/html; charset=utf-8"},
		{"iso-2022-jp by header", "text/html; charset=iso-2022-jp", jp, "<p>日本", "text/html; charset=utf-8"},
		{"latin-1 stays", "text/html; charset=latin1", "<!doctype html><p>\xe9", "<p>\xe9", "text/html; charset=latin1"},
		{"utf-8 mark stays first", "text/html", "\xef\xbb\xbf<!doctype html><p>é", "<p>é", "text/html"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil
				if tt.contentType != "" {
					w.Header().Set("Content-Type", tt.contentType)
				}
				_, _ = io.WriteString(w, tt.body)
			})
			g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
			res, body := testGet(t, g, "/")
			if !strings.Contains(body, tt.want) || res.Header.Get("Content-Type") != tt.wantType {
				t.Errorf("got %q %q", res.Header.Get("Content-Type"), body)
			}
			if strings.HasPrefix(tt.body, "\xef\xbb\xbf") && !strings.HasPrefix(body, "\xef\xbb\xbf") {
				t.Error("something stands before the byte order mark")
			}
		})
	}
}

// TestLongPagesStream: a page beyond the buffer arrives whole, and its beginning
// before its end is written.
func TestLongPagesStream(t *testing.T) {
	part := testPage(maxPage)
	gate := make(chan struct{})
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, part)
		_, _ = io.WriteString(w, "<p>middle</p>")
		_ = http.NewResponseController(w).Flush()
		<-gate
		_, _ = io.WriteString(w, "<p>the end</p>")
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	for _, accept := range []string{"", "gzip", "br", "zstd"} {
		r, _ := http.NewRequest(http.MethodGet, g.URL, nil)
		r.Header.Set("Accept-Encoding", accept)
		res, err := g.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 1000)
		if _, err := io.ReadFull(res.Body, first); err != nil {
			t.Fatal(err)
		}
		gate <- struct{}{}
		rest, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := testDecode(t, accept, string(first)+string(rest))
		if !strings.HasSuffix(got, "<p>middle</p><p>the end</p>") || len(got) < len(part) || res.Header.Get("Etag") != "" {
			t.Errorf("%q: got %d bytes, etag %q", accept, len(got), res.Header.Get("Etag"))
		}
	}
}

func TestTextThatIsNoPageIsCompressedToo(t *testing.T) {
	feed := "<feed>" + strings.Repeat("<entry>words</entry>", 200) + "</feed>"
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/atom+xml")
		w.Header().Set("Etag", `"f"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(feed)))
		_, _ = io.WriteString(w, feed)
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	res, body := testGet(t, g, "/feed", "Accept", "text/html", "Accept-Encoding", "gzip")
	if testDecode(t, "gzip", body) != feed || res.Header.Get("Etag") != `W/"f"` || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("got %v", res.Header)
	}
}
