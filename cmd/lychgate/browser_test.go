package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBrowser drives a real Chromium against the real program: one subtest for
// each file of the suite in the folder browser, written for Node's own test
// runner. What is missing is named with the command that installs it; where
// nothing may be skipped (CI, LYCHGATE_TEST_ALL=1) that is a failure.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser suite takes minutes")
	}
	if missing := missingForBrowser(); len(missing) > 0 {
		message := "NO BROWSER TEST RAN: " + strings.Join(missing, ", ") + " missing; cmd/lychgate/browser/setup.sh installs what is missing"
		if os.Getenv("CI") != "" || os.Getenv("LYCHGATE_TEST_ALL") == "1" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	touchSuite(t)

	bin := filepath.Join(t.TempDir(), "lychgate")
	if out, err := exec.Command("go", "build", "-tags", "browsersuite", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	files, err := filepath.Glob("browser/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files in browser: %v", err)
	}
	longestFirst(files)
	next := make(chan string, len(files))
	for _, file := range files {
		next <- file
	}
	close(next)
	// Side by side: each file has gateways, browsers and folders of its own.
	var hands sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		hands.Go(func() {
			for file := range next {
				t.Run(suiteName(file), func(t *testing.T) { runSuite(t, bin, file) })
			}
		})
	}
	hands.Wait()
}

func suiteName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".test.mjs") }

// longestFirst brings the files that take minutes to the front, so that none of
// them runs on alone when all others are done.
func longestFirst(files []string) {
	long := []string{"hostile", "dashboard", "sites", "history", "decisions", "layout", "accessibility", "conditions", "counting"}
	rank := func(file string) int {
		if i := slices.Index(long, suiteName(file)); i >= 0 {
			return i
		}
		return len(long)
	}
	slices.SortStableFunc(files, func(a, b string) int { return rank(a) - rank(b) })
}

// runSuite runs one file. Its output, with the tables it prints, is the log of
// the subtest.
func runSuite(t *testing.T, bin, file string) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", file)
	cmd.Env = append(os.Environ(), "LYCHGATE_BIN="+bin)
	cmd.Stdout, cmd.Stderr = &out, &out
	// An interrupt lets the suite stop its browser and gateways.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	t.Log(out.String())
	if err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

func missingForBrowser() []string {
	var missing []string
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		chromium = "chromium"
	}
	for _, program := range []string{chromium, "node", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	// setup.sh leaves a copy of the lock file beside what it installed.
	installed := map[string]string{"browser": "browser"}
	if cache, err := os.UserCacheDir(); err == nil {
		installed["browser/specimens"] = filepath.Join(cache, "lychgate", "specimens")
	}
	for source, folder := range installed {
		want, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
		got, errInstalled := os.ReadFile(filepath.Join(folder, "node_modules", ".installed"))
		if err != nil || errInstalled != nil || !bytes.Equal(got, want) {
			missing = append(missing, "the packages of "+source)
		}
	}
	return missing
}

// touchSuite opens every file the suite reads, so that go test, which caches by
// the files a test has opened, runs it again when one of them changes.
func touchSuite(t *testing.T) {
	t.Helper()
	for _, root := range []string{"browser", "../../deploy"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "node_modules":
				return fs.SkipDir
			case d.IsDir():
				return nil
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			return f.Close()
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
