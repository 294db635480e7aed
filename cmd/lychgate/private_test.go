package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever starts lychgate inside the website, as "serve -dir ." does, has keys,
// records and accounts among the pages. Nobody gets them.
func TestNobodyGetsTheDataFolder(t *testing.T) {
	site := testSite(t)
	file := filepath.Join(site, "gate.toml")
	password := filepath.Join(site, "mail-password")
	for path, text := range map[string]string{
		password: "SECRET", file: "[listen]\nhttp = \"127.0.0.1:0\"\n[mail]\nserver = \"mail.test:587\"\nfrom = \"gate@charity.test\"\nusername = \"gate\"\npassword_file = \"mail-password\"\n[[site]]\ndir = \".\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := startProgram(t, "serve", "-config", file)
	if !strings.Contains(p.stdout.String(), "beware     the data folder lies in the website's") {
		t.Errorf("the owner is not told:\n%s", &p.stdout)
	}
	asked := 0
	err := filepath.WalkDir(site, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(site, path)
		if err != nil {
			return err
		}
		own := strings.HasPrefix(rel, defaultData) || path == file || path == password
		res, _ := do(t, navigate(t, http.MethodGet, p.url+"/"+filepath.ToSlash(rel), nil))
		if want := map[bool]int{true: http.StatusNotFound, false: http.StatusOK}[own]; res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", rel, res.StatusCode, want)
		}
		if own {
			asked++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked < 6 {
		t.Errorf("only %d files of the gateway's own were found: keys, records, sums and accounts were to be asked for", asked)
	}
	if err := p.stop(t); err != nil {
		t.Error(err)
	}
}
