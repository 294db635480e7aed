package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// lychgate runs a command as its owner would, and returns what it printed and
// its exit code.
func lychgate(t *testing.T, args ...string) (string, int) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), runAsProgram+"=1")
	out, _ := c.CombinedOutput() // the exit code says it
	return string(out), c.ProcessState.ExitCode()
}

// A gate is a running gateway with a configuration file that can be changed.
type gate struct {
	*program
	file, data string
}

func startGate(t *testing.T, rest string) *gate {
	t.Helper()
	g := &gate{file: filepath.Join(t.TempDir(), "gate.toml"), data: t.TempDir()}
	g.write(t, rest)
	g.program = startProgram(t, "serve", "-config", g.file)
	return g
}

// write replaces the file but for where the gateway listens and what it keeps.
func (g *gate) write(t *testing.T, rest string) {
	t.Helper()
	text := fmt.Sprintf("data = %q\n[listen]\nhttp = \"127.0.0.1:0\"\n%s", g.data, rest)
	if err := os.WriteFile(g.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// While visitors come and go, websites are added, changed and taken away, and
// nobody's request fails. LYCHGATE_TEST_RELOADS sets how often.
func TestReloadUnderLoad(t *testing.T) {
	awaitDay(t) // a yes of tomorrow looks otherwise
	one, two := testSite(t), testSite(t)
	site := func(dir, name string) string {
		return fmt.Sprintf("[[site]]\nhosts = [\"127.0.0.1\"]\nname = %q\ndir = %q\n", name, dir)
	}
	more := fmt.Sprintf("[[site]]\nhosts = [\"second.example\"]\ndir = %q\n", two)
	g := startGate(t, site(one, "First"))
	_, cookies := g.answerTo(t, "accept")

	var asked, failed atomic.Int64
	var visitors sync.WaitGroup
	enough := make(chan struct{})
	for visitor := range 8 {
		visitors.Go(func() {
			client := &http.Client{}
			if visitor%2 == 0 {
				client.Transport = &http.Transport{DisableKeepAlives: true}
			}
			for {
				select {
				case <-enough:
					return
				default:
				}
				r, err := http.NewRequest(http.MethodGet, g.url+"/about.html", nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.AddCookie(cookies[0])
				res, err := client.Do(r)
				asked.Add(1)
				if err != nil || res.StatusCode != http.StatusOK {
					failed.Add(1)
					t.Errorf("a visitor's request failed: %v %v", err, res)
					return
				}
				res.Body.Close()
			}
		})
	}
	for i := range testRounds(t, "LYCHGATE_TEST_RELOADS", 4) {
		text, sites := site(one, fmt.Sprintf("Name %d", i)), "1 site"
		if i%2 == 0 {
			text, sites = site(two, fmt.Sprintf("Name %d", i))+more, "2 sites"
		}
		g.write(t, text)
		if out, code := lychgate(t, "reload", "-config", g.file); code != exitDone || !strings.Contains(out, sites) {
			t.Fatalf("reload: exit %d: %s", code, out)
		}
		if page := g.view(t, "/"); !strings.Contains(page, fmt.Sprintf("Name %d", i)) {
			t.Fatalf("the banner does not name the site anew: %s", page)
		}
		// Who said yes before is remembered, and a yes of today still looks the same.
		if page := g.view(t, "/_lychgate/consent", cookies...); !strings.Contains(page, `data-decision="accept"`) {
			t.Fatalf("the answer was forgotten: %s", page)
		}
		if _, again := g.answerTo(t, "accept"); again[0].Value != cookies[0].Value {
			t.Errorf("a yes after the reload can be told from one before: %q %q", again[0].Value, cookies[0].Value)
		}
	}
	close(enough)
	visitors.Wait()
	t.Logf("%d requests, %d failed", asked.Load(), failed.Load())
	if err := g.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &g.stderr)
	}
}

// A wrong configuration changes nothing and is explained, at the command and in
// the log; keys that cannot change while the gateway runs are named.
func TestReloadKeepsWhatWorks(t *testing.T) {
	dir := testSite(t)
	right := fmt.Sprintf("[[site]]\nname = \"Willow\"\ndir = %q\n", dir)
	g := startGate(t, right)

	g.write(t, right+"upstraem = \"http://127.0.0.1:1\"\n")
	out, code := lychgate(t, "reload", "-config", g.file)
	if code != exitFailed || !strings.Contains(out, "gate.toml:7: site[0].upstraem") || !strings.Contains(out, "did you mean upstream?") {
		t.Errorf("exit %d: %s", code, out)
	}
	// The same by the socket alone: then it is the gateway that says why.
	if out, code := lychgate(t, "reload", "-data", g.data); code != exitFailed || !strings.Contains(out, "gate.toml:7: site[0].upstraem") {
		t.Errorf("exit %d: %s", code, out)
	}
	if page := g.view(t, "/"); !strings.Contains(page, "Willow") {
		t.Errorf("the page is %s", page)
	}

	g.write(t, "[analytics]\nretention = \"12mo\"\n"+strings.Replace(right, "Willow", "Alder", 1))
	if out, code := lychgate(t, "reload", "-config", g.file); code != exitDone || !strings.Contains(out, "next restart: analytics.retention.") {
		t.Errorf("exit %d: %s", code, out)
	}
	if page := g.view(t, "/"); !strings.Contains(page, "Alder") {
		t.Errorf("the page is %s", page)
	}

	// A signal does the same; its outcome is in the log.
	g.write(t, strings.Replace(right, "Willow", "Rowan", 1))
	if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(g.view(t, "/"), "Rowan") {
		if out, _ := lychgate(t, "version"); out == "" { // time passes, and nobody sleeps
			t.Fatal("no version")
		}
	}

	if out, code := lychgate(t, "serve", "-dir", dir, "-data", g.data, "-listen", "127.0.0.1:0"); code != exitFailed || !strings.Contains(out, "another lychgate") {
		t.Errorf("a second gateway in the same folder: exit %d: %s", code, out)
	}
	if err := g.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &g.stderr)
	}
	if log := g.stderr.String(); strings.Count(log, "was not reloaded") != 1 || !strings.Contains(log, "configuration reloaded") {
		t.Errorf("the log says: %s", log)
	}
	if out, code := lychgate(t, "reload", "-data", g.data); code != exitFailed || !strings.Contains(out, "no lychgate is running") {
		t.Errorf("exit %d: %s", code, out)
	}
}
