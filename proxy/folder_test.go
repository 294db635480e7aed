package proxy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFolder(t *testing.T) {
	big := strings.Repeat("body { color: #123456 }\n", 200)
	dir := testFolder(t, map[string]string{
		"index.html": "<p>home", "about.html": "<p>about é", "404.html": "<p>lost", "news/index.html": "<p>news",
		"empty/x.txt": "x", "style.css": big, "photo.png": "\x89PNG", "data.unknown": "<p>no page", "noext": "plain words",
		".env": "SECRET", ".git/config": "SECRET", ".well-known/security.txt": "Contact: x", "sub/.htpasswd": "SECRET",
		"wp-config.php": "SECRET", "wp-config.php.bak": "SECRET", "lib/db.inc~": "SECRET", "shop/Basket.ASPX": "SECRET",
		"saved.php.html": "<p>mirrored", "archive/index.htm": "<p>from 1999", "notes.old": "<p>plain",
		"old.html": `<meta charset="iso-8859-1"><p>` + "\xe9", "bad.html": "<p>\xe9",
	})
	outside := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(outside, []byte("SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "leak.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("about.html", filepath.Join(dir, "alias.html")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := testGateway(t, Config{Sites: []Site{{Dir: dir}}})
	for _, tt := range []struct {
		path, body, contentType string
		status                  int
	}{
		{"/", "home", "text/html; charset=utf-8", 200},
		{"/index.html", "home", "text/html; charset=utf-8", 200},
		{"/about.html", "about", "text/html; charset=utf-8", 200},
		{"/about", "about", "text/html; charset=utf-8", 200},
		{"/alias", "about", "text/html; charset=utf-8", 200},
		{"/about/", "lost", "text/html; charset=utf-8", 404},
		{"/about.html/", "lost", "text/html; charset=utf-8", 404},
		{"/old", "\xe9", "text/html; charset=windows-1252", 200},
		{"/bad", "\xe9", "text/html", 200},
		{"/news/", "news", "text/html; charset=utf-8", 200},
		{"/news", "", "", 308},
		{"/empty", "lost", "text/html; charset=utf-8", 404},
		{"/empty/", "lost", "text/html; charset=utf-8", 404},
		{"/style.css", "color", "text/css; charset=utf-8", 200},
		{"/photo.png", "PNG", "image/png", 200},
		{"/data.unknown", "no page", "application/octet-stream", 200},
		{"/noext", "plain", "text/plain; charset=utf-8", 200},
		{"/.well-known/security.txt", "Contact", "text/plain; charset=utf-8", 200},
		{"/.well-known/gpc.json", `"gpc":true`, "application/json", 200},
		{"/.env", "lost", "text/html; charset=utf-8", 404},
		{"/.git/config", "lost", "text/html; charset=utf-8", 404},
		{"/sub/.htpasswd", "lost", "text/html; charset=utf-8", 404},
		{"/wp-config.php", "lost", "text/html; charset=utf-8", 404},
		{"/wp-config.php.bak", "lost", "text/html; charset=utf-8", 404},
		{"/lib/db.inc~", "lost", "text/html; charset=utf-8", 404},
		{"/shop/Basket.ASPX", "lost", "text/html; charset=utf-8", 404},
		{"/wp-config.php/", "lost", "text/html; charset=utf-8", 404},
		{"/saved.php.html", "mirrored", "text/html; charset=utf-8", 200},
		{"/saved.php", "lost", "text/html; charset=utf-8", 404},
		{"/archive/", "1999", "text/html; charset=utf-8", 200},
		{"/archive", "", "", 308},
		{"/notes.old", "plain", "application/octet-stream", 200},
		{"/leak.txt", "lost", "text/html; charset=utf-8", 404},
		{"/pipe", "lost", "text/html; charset=utf-8", 404},
		{"/a%2fb", "lost", "text/html; charset=utf-8", 404},
		{"/x%00", "", "text/plain; charset=utf-8", 400},
		{"/../secret.txt", "", "text/plain; charset=utf-8", 400},
		{"/" + strings.Repeat("x", 300), "lost", "text/html; charset=utf-8", 404},
	} {
		t.Run(tt.path, func(t *testing.T) {
			res, body := testGet(t, g, tt.path)
			if res.StatusCode != tt.status || res.Header.Get("Content-Type") != tt.contentType || !strings.Contains(body, tt.body) {
				t.Errorf("got %d %q %q", res.StatusCode, res.Header.Get("Content-Type"), body)
			}
			if strings.Contains(body, "SECRET") {
				t.Error("a secret came out")
			}
		})
	}
	if res, _ := testGet(t, g, "/news?x=y"); res.Header.Get("Location") != "/news/?x=y" {
		t.Errorf("Location: got %q", res.Header.Get("Location"))
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		if res, _ := testDo(t, g, method, "/style.css", nil); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got %d", method, res.StatusCode)
		}
	}

	// Ranges, validators and codings of a file.
	res, body := testGet(t, g, "/style.css", "Range", "bytes=0-3")
	if res.StatusCode != 206 || body != "body" {
		t.Errorf("range: got %d %q", res.StatusCode, body)
	}
	plain, _ := testGet(t, g, "/style.css")
	zipped, _ := testGet(t, g, "/style.css", "Accept-Encoding", "gzip")
	tag, ztag := plain.Header.Get("Etag"), zipped.Header.Get("Etag")
	if tag == "" || tag == ztag || strings.HasPrefix(tag, "W/") || zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("etags %q %q, %v", tag, ztag, zipped.Header)
	}
	for _, headers := range [][]string{
		{"If-None-Match", tag},
		{"If-None-Match", ztag, "Accept-Encoding", "gzip"},
		{"If-Modified-Since", plain.Header.Get("Last-Modified")},
		{"If-Modified-Since", zipped.Header.Get("Last-Modified"), "Accept-Encoding", "gzip"},
	} {
		if res, body := testGet(t, g, "/style.css", headers...); res.StatusCode != 304 || body != "" {
			t.Errorf("%v: got %d", headers, res.StatusCode)
		}
	}
	head, _ := testDo(t, g, http.MethodHead, "/photo.png", nil)
	if head.StatusCode != 200 || head.ContentLength != 4 {
		t.Errorf("HEAD: got %d, length %d", head.StatusCode, head.ContentLength)
	}
}

// TestFolderSwap swaps a file for a link to the outside while it is asked for.
func TestFolderSwap(t *testing.T) {
	dir := testFolder(t, map[string]string{"in/page.txt": "fine"})
	secret := testFolder(t, map[string]string{"page.txt": "SECRET"})
	g := testGateway(t, Config{Sites: []Site{{Dir: dir}}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		in, away := filepath.Join(dir, "in"), filepath.Join(dir, "away")
		for range 300 {
			if os.Rename(in, away) != nil || os.Symlink(secret, in) != nil || os.Remove(in) != nil || os.Rename(away, in) != nil {
				t.Error("swap failed")
				return
			}
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
		}
		if _, body := testGet(t, g, "/in/page.txt"); strings.Contains(body, "SECRET") {
			t.Fatal("the link was followed")
		}
	}
}
