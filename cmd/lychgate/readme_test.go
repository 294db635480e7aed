package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// Every command the README shows is run here, in a fresh copy of the tree, and
// has to do what the words around it say.
func TestReadmeCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: builds the program anew; the full run does")
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	tree := freshCopy(t)
	expected := map[string]func(*testing.T, string, string){
		"make run":  openAt8080,
		"make test": callsEverything,
		"go run ./cmd/lychgate serve -dir deploy/example-site -data /tmp/my-lychgate-data":   openAt8080,
		"go run ./cmd/lychgate serve -upstream http://127.0.0.1:3000":                        openAt8080,
		"go run ./cmd/lychgate check -config deploy/lychgate.toml":                           prints("The configuration is right: 1 site."),
		"go run ./cmd/lychgate totals -data lychgate-data":                                   prints(`"pageviews":0`),
		"go run ./cmd/lychgate scan -dir deploy/example-site":                                prints("www.googletagmanager.com"),
		"go run ./cmd/lychgate report -data lychgate-data -o report.html":                    writes("report.html", "<!doctype html>"),
		"go run ./cmd/lychgate import -data lychgate-data -file deploy/history.csv -dry-run": prints("read history.csv: 8 lines"),
		"go run ./cmd/lychgate ledger verify -data lychgate-data":                            prints("The ledger is whole"),
	}
	seen := 0
	for _, block := range shellBlock.FindAllSubmatch(text, -1) {
		for command := range strings.Lines(string(block[1])) {
			command = strings.TrimSpace(command)
			check, ok := expected[command]
			if !ok {
				t.Errorf("the README shows %q, which no test runs", command)
				continue
			}
			seen++
			t.Run(command, func(t *testing.T) { check(t, tree, command) })
		}
	}
	if seen != len(expected) {
		t.Errorf("%d commands are run, the README shows %d of them", len(expected), seen)
	}
}

// freshCopy is the tree as a newcomer has it: what git knows, nothing built.
func freshCopy(t *testing.T) string {
	t.Helper()
	list, err := exec.Command("git", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func prints(want string) func(*testing.T, string, string) {
	return func(t *testing.T, tree, command string) {
		c := exec.Command("sh", "-c", command)
		c.Dir = tree
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, printed %s; want %q", err, out, want)
		}
	}
}

func writes(file, want string) func(*testing.T, string, string) {
	return func(t *testing.T, tree, command string) {
		prints("")(t, tree, command)
		data, err := os.ReadFile(filepath.Join(tree, file))
		if err != nil || !strings.Contains(strings.ToLower(string(data)), want) {
			t.Errorf("%v, wrote %.200s; want %q", err, data, want)
		}
	}
}

// openAt8080 starts a gateway, finds the banner on the page it names, and stops
// it as a person at the keyboard would.
func openAt8080(t *testing.T, tree, command string) {
	command = strings.ReplaceAll(command, "/tmp/my-lychgate-data", filepath.Join(t.TempDir(), "data"))
	if url := "http://127.0.0.1:3000"; strings.Contains(command, url) {
		site := &http.Server{Addr: "127.0.0.1:3000", Handler: http.FileServer(http.Dir(filepath.Join(tree, "deploy/example-site")))}
		go site.ListenAndServe()
		defer site.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", command)
	c.Dir = tree
	// Its own process group, so that a signal reaches make, go and lychgate alike.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Kill(-c.Process.Pid, syscall.SIGINT); err != nil {
			t.Errorf("interrupt: %v", err)
		}
		io.Copy(io.Discard, out)
		c.Wait()
	}()
	opened := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		opened = opened || strings.Contains(lines.Text(), "http://127.0.0.1:8080/")
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "data ") {
			break
		}
	}
	if !opened {
		t.Fatalf("it did not open http://127.0.0.1:8080/ (is the port taken?): %s", &stderr)
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Accept", "text/html")
	res, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`value=accept`, `value=decline`, `/_lychgate/consent`} {
		if !strings.Contains(strings.ReplaceAll(string(page), `"`, ""), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// callsEverything looks at what `make test` would do, since this test runs in it.
func callsEverything(t *testing.T, tree, _ string) {
	c := exec.Command("make", "-n", "test")
	c.Dir = tree
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"gofumpt", "go vet", "staticcheck", "go test -race", "LYCHGATE_TEST_ALL=1 go test", "./..."} {
		if !strings.Contains(string(out), want) {
			t.Errorf("make test does not run %s", want)
		}
	}
	ci, err := os.ReadFile(filepath.Join(tree, ".ci", "run"))
	if err != nil || !strings.Contains(string(ci), "make test") {
		t.Errorf("CI does not run make test: %v", err)
	}
}
