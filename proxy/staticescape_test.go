package proxy

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// traversals are the spellings of a way out of the folder to target.
func traversals(target string) []string {
	ups := []string{
		"../", "..\\", "%2e%2e/", "%2e%2e%2f", "..%2f", "%2e./", ".%2e/", "..%5c", "%2e%2e%5c", "%252e%252e/", "%252e%252e%252f", "..%252f", "....//", "..../", "..;/", "..%00/", "..%c0%af", "%c0%ae%c0%ae/", "..%e0%80%af",
		"..%ef%bc%8f", "\uff0e\uff0e/", "..//", "./../", ".././", "..%0d/", "..%0a/", "..%20/", "..%09/", "%2e%2e%20/", ".%00./", "..%u2215", "..%u2216", "%%32%65%%32%65/", "..?/", "..#/",
	}
	var all []string
	for _, up := range ups {
		for _, prefix := range []string{"/", "//", "/in/", "/in/../", "/in//", "/./", "/%2f", "/x/"} {
			for depth := 1; depth <= 7; depth++ {
				all = append(all, prefix+strings.Repeat(up, depth)+target)
			}
		}
	}
	return all
}

// TestFolderEscape is what a folder on the disk must not give away, in twelve rows.
func TestFolderEscape(t *testing.T) {
	outside := testFolder(t, map[string]string{"secret.txt": "SECRET", "deep/secret.txt": "SECRET"})
	dir := filepath.Join(outside, "www")
	for name, text := range map[string]string{
		"index.html": "home", "in/page.txt": "fine", "in/.hidden": "SECRET", ".env": "SECRET", ".git/config": "SECRET", ".well-known/security.txt": "Contact", ".well-known/.secret": "SECRET", "empty/x.txt": "SECRET?", "real.txt": "real",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"file": filepath.Join(outside, "secret.txt"), "relative": "../secret.txt", "folder": outside, "device": "/dev/zero", "loop": "loop", "alias.txt": "real.txt"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo.html"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := testGateway(t, Config{Sites: []Site{{Dir: dir}}})
	raw := func(method, path string) (int, string) {
		status, _, body := sendRaw(t, g, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", method, path))
		return status, body
	}
	refused := func(paths ...string) error {
		for _, p := range paths {
			if status, body := raw("GET", p); status < 400 || strings.Contains(body, "SECRET") {
				return fmt.Errorf("%s: %d %q", p, status, body)
			}
		}
		return nil
	}
	served := func(path, want string) error {
		if status, body := raw("GET", path); status != 200 || !strings.Contains(body, want) {
			return fmt.Errorf("%s: %d %q", path, status, body)
		}
		return nil
	}
	rows := []struct {
		name string
		run  func() error
	}{
		{"no spelling of a path leads out", func() error {
			paths := traversals("secret.txt")
			if testing.Short() {
				paths = paths[:200]
			}
			for _, p := range paths {
				if _, body := raw("GET", p); strings.Contains(body, "SECRET") {
					return fmt.Errorf("%s leads out", p)
				}
			}
			t.Logf("%d paths", len(paths))
			return nil
		}},
		{"absolute paths", func() error {
			return refused("/"+outside+"/secret.txt", "//etc/passwd", "/%2fetc%2fpasswd", "/C:/x", "/file:///etc/passwd")
		}},
		{"dot files", func() error {
			return refused("/.env", "/.git/config", "/in/.hidden", "/%2eenv", "/.%65nv", "/.well-known/.secret")
		}},
		{"but /.well-known", func() error { return served("/.well-known/security.txt", "Contact") }},
		{"links to a file outside", func() error { return refused("/file", "/relative") }},
		{"links to a folder outside", func() error { return refused("/folder/secret.txt", "/folder/deep/secret.txt", "/folder") }},
		{"links inside", func() error { return served("/alias.txt", "real") }},
		{"links in a circle", func() error { return refused("/loop", "/loop/x") }},
		{"devices", func() error { return refused("/device") }},
		{"named pipes do not hang", func() error { return refused("/fifo", "/fifo.html", "/fifo/") }},
		{"no folder is listed", func() error { return refused("/empty/", "/empty", "/in/", "/.well-known/") }},
		{"only reading", func() error {
			for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "MKCOL", "PROPFIND", "COPY", "MOVE", "LOCK"} {
				if status, _ := raw(method, "/real.txt"); status != http.StatusMethodNotAllowed {
					return fmt.Errorf("%s: %d", method, status)
				}
			}
			_, err := os.Stat(filepath.Join(dir, "real.txt"))
			return err
		}},
	}
	right := 0
	for _, row := range rows {
		if err := row.run(); err != nil {
			t.Errorf("%s: %v", row.name, err)
		} else {
			right++
		}
	}
	t.Logf("%d of %d rows (and the swap race: TestFolderSwap)", right, len(rows))
}
