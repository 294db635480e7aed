package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServedFolderIsExchanged publishes a new version of a site in the ways that
// builders and owners do: the folder deleted and made anew, a link turned.
func TestServedFolderIsExchanged(t *testing.T) {
	for name, exchange := range map[string]func(t *testing.T, place, next string){
		"deleted and made anew": func(t *testing.T, place, next string) {
			if err := os.RemoveAll(place); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(next, place); err != nil {
				t.Fatal(err)
			}
		},
		"a link turned": func(t *testing.T, place, next string) {
			link := place + ".new"
			if err := os.Symlink(next, link); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(place, place+".old"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(link, place); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			place := filepath.Join(t.TempDir(), "public")
			if err := os.Rename(testFolder(t, map[string]string{"index.html": "<p>first"}), place); err != nil {
				t.Fatal(err)
			}
			g := testGateway(t, Config{Sites: []Site{{Dir: place}}})
			if _, body := testGet(t, g, "/"); !strings.Contains(body, "first") {
				t.Fatalf("got %q", body)
			}
			exchange(t, place, testFolder(t, map[string]string{"index.html": "<p>second"}))
			if res, body := testGet(t, g, "/"); !strings.Contains(body, "second") {
				t.Errorf("after it was exchanged: got %d %q", res.StatusCode, body)
			}
			if err := os.RemoveAll(place); err != nil {
				t.Fatal(err)
			}
			if res, _ := testGet(t, g, "/", "Accept", "text/html"); res.StatusCode != 502 || res.Header.Get("Retry-After") == "" {
				t.Errorf("between two versions: got %d", res.StatusCode)
			}
		})
	}
}
