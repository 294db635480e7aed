package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// The build that `make build` does gives the same bytes wherever the source
// lies. It compiles everything anew, with other flags than the tests, so it is
// for the night: make reproducible.
func TestTwoFoldersBuildTheSameBytes(t *testing.T) {
	if os.Getenv("LYCHGATE_TEST_NIGHTLY") == "" {
		t.Skip("SKIPPED: compiles everything anew; make reproducible does")
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile(`(?m)^build:.*\n\t(.+)$`).FindSubmatch(makefile)
	if recipe == nil {
		t.Fatal("the Makefile has no recipe for build")
	}
	var built [2][]byte
	for i := range built {
		tree := freshCopy(t)
		c := exec.Command("sh", "-c", string(recipe[1]))
		c.Dir = tree
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", recipe[1], err, out)
		}
		if built[i], err = os.ReadFile(filepath.Join(tree, "lychgate")); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(built[i], []byte(tree)) {
			t.Errorf("the program holds the path it was built in, %s", tree)
		}
	}
	if !bytes.Equal(built[0], built[1]) {
		t.Errorf("two folders, two programs: %d and %d bytes", len(built[0]), len(built[1]))
	}
}

// leastVersions are the oldest versions of what is linked that will do, for
// machines that cannot reach the database of vulnerabilities (make vuln).
var leastVersions = map[string]string{
	"github.com/caddyserver/certmagic": "v0.25.6", // panics on an issuer that lost the account before
	"golang.org/x/net":                 "v0.57.0",
	"go":                               "v1.26.9",
}

func TestVersionsAreSafe(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{"go": "v" + f.Go.Version}
	for _, r := range f.Require {
		found[r.Mod.Path] = r.Mod.Version
	}
	for path, least := range leastVersions {
		if semver.Compare(found[path], least) < 0 {
			t.Errorf("%s is %q, want at least %s", path, found[path], least)
		}
	}
}
