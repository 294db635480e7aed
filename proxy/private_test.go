package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrivatePaths starts the gateway inside the website, as a volunteer would:
// what is the gateway's own is not shown, by whatever name.
func TestPrivatePaths(t *testing.T) {
	dir := testFolder(t, map[string]string{
		"index.html": "<p>home", "404.html": "<p>lost", "lychgate-data.html": "<p>about it",
		"lychgate-data/keys": "SECRET", "lychgate-data/policies/a.json": "SECRET", "lychgate-data/index.html": "SECRET",
		"lychgate-data2/x.txt": "beside", "conf/password": "SECRET", "conf/readme.txt": "fine",
	})
	for link, to := range map[string]string{"linked": "lychgate-data", "deep": "lychgate-data/policies", "pass.txt": "conf/password"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	// By another name of the same folder, and before it is there.
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(dir, alias); err != nil {
		t.Fatal(err)
	}
	private := []string{filepath.Join(alias, "lychgate-data"), filepath.Join(dir, "conf", "password"), filepath.Join(dir, "later", "keys"), "", t.TempDir(), filepath.Dir(dir)}
	g := testGateway(t, Config{Sites: []Site{{Dir: dir, Private: private}}})
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "later", "keys"), []byte("SECRET"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{
		"/": 200, "/lychgate-data2/x.txt": 200, "/conf/readme.txt": 200, "/lychgate-data.html": 200,
		"/lychgate-data/keys": 404, "/lychgate-data/": 404, "/lychgate-data": 200, "/lychgate-data/policies/a.json": 404,
		"/Lychgate-Data/keys": 404, "/lychgate-data//keys": 404, "/%6cychgate-data/keys": 404, "/x/../lychgate-data/keys": 404,
		"/linked/keys": 404, "/linked/": 404, "/deep/a.json": 404, "/pass.txt": 404, "/conf/password": 404, "/later/keys": 404,
	} {
		res, body := testGet(t, g, path)
		if res.StatusCode != status || strings.Contains(body, "SECRET") {
			t.Errorf("%s: got %d %q, want %d", path, res.StatusCode, body, status)
		}
	}
}
