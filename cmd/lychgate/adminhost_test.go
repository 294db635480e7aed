package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The dashboard has a name of its own, as the guide recommends: the links that
// the start prints lead there, and a certificate is ordered for it.
func TestDashboardOnAHostOfItsOwn(t *testing.T) {
	site := testSite(t)
	file := filepath.Join(t.TempDir(), "gate.toml")
	text := "[listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nhost = \"Stats.Charity.test\"\n[[site]]\nhosts = [\"charity.test\"]\ndir = \"" + site + "\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.hosts(), []string{"charity.test", "stats.charity.test"}) {
		t.Errorf("certificates are ordered for %v", c.hosts())
	}

	p := startProgram(t, "serve", "-config", file)
	link := ""
	for line := range strings.Lines(p.stdout.String()) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "sign" {
			link = words[2]
		}
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(p.url, "http://"), ":")
	own := "http://stats.charity.test:" + port
	path, ok := strings.CutPrefix(link, own)
	if !ok || !strings.Contains(p.stdout.String(), own+"/_lychgate/admin/\n") {
		t.Fatalf("the start prints another host:\n%s", &p.stdout)
	}
	r := navigate(t, http.MethodGet, "http://127.0.0.1:"+port+path, nil)
	r.Host = "stats.charity.test:" + port
	if res, _ := do(t, r); res.StatusCode != http.StatusOK {
		t.Errorf("the link that signs in answers %d", res.StatusCode)
	}

	clash := strings.Replace(text, "Stats.Charity", "Charity", 1)
	if _, p := parseConfig(file, []byte(clash)); p.err() == nil || !strings.Contains(p.err().Error(), `:4: admin.host: "charity.test" belongs to site[0]`) {
		t.Errorf("a site and the dashboard on one host: got %v", p.err())
	}
	if err := p.stop(t); err != nil {
		t.Error(err)
	}
}
