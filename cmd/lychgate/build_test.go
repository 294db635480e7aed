package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// The build that `make build` does gives the same bytes wherever the source
// lies. The go command would take the second one from its cache, which does not
// know of folders: so every file of ours gets a comment there, and is compiled
// again. What others wrote lies in one place for both; by night it is compiled
// again as well (make reproducible).
func TestTwoFoldersBuildTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: compiles the program twice; the full run does")
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile(`(?m)^build:.*\n\t(.+)$`).FindSubmatch(makefile)
	if recipe == nil {
		t.Fatal("the Makefile has no recipe for build")
	}
	build := func(tree string, env ...string) []byte {
		c := exec.Command("sh", "-c", string(recipe[1]))
		c.Dir, c.Env = tree, append(os.Environ(), env...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", recipe[1], err, out)
		}
		program, err := os.ReadFile(filepath.Join(tree, "lychgate"))
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{tree, filepath.Clean(os.Getenv("HOME")) + "/"} {
			if len(place) > len("//") && bytes.Contains(program, []byte(place)) { // somebody may live in /
				t.Errorf("the program holds a path of the machine that built it, %s", place)
			}
		}
		return program
	}
	here, there := freshCopy(t), freshCopy(t)
	remark(t, there)
	var cache []string
	if os.Getenv("LYCHGATE_TEST_NIGHTLY") != "" {
		cache = []string{"GOCACHE=" + t.TempDir()}
	}
	if a, b := build(here), build(there, cache...); !bytes.Equal(a, b) {
		t.Errorf("two folders, two programs: %d and %d bytes", len(a), len(b))
	}
}

// remark ends every Go file of tree with a comment that no other tree has.
func remark(t *testing.T, tree string) {
	t.Helper()
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(f, "\n// In %s.\n", tree)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		t.Fatal(err)
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
