package dashboard

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Writers are used again: each answer is whole, and its own.
func TestCompressedAnswersAreTheirOwn(t *testing.T) {
	d := testDashboard(t)
	owner := d.owner(t)
	owner.alter = func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }
	for range 5 {
		for path, title := range map[string]string{
			siteURL("willow.example"):          "<title>Willow Family Centre",
			siteURL("willow.example") + "gate": "<h1>The gate</h1>",
			adminURL + "account":               "<h1>Your account</h1>",
		} {
			res := owner.get(path)
			if res.Header.Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: %v", path, res.Header)
			}
			z, err := gzip.NewReader(res.Body)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			page, err := io.ReadAll(z)
			if err != nil || strings.Count(string(page), title) != 1 || strings.Count(string(page), "</html>") != 1 {
				t.Fatalf("%s: %v\n%s", path, err, page)
			}
		}
	}
}
