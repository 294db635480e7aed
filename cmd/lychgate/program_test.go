package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// runAsProgram makes this test binary be lychgate, so that whole-program tests
// run the code under test, race detector included, without building it again.
const runAsProgram = "LYCHGATE_TEST_RUN_AS_PROGRAM"

// A program is a running lychgate, a process of its own.
type program struct {
	cmd    *exec.Cmd
	url    string // of the first site
	stdout lockedBuffer
	stderr lockedBuffer
	ended  chan struct{}
	err    error // of its end, after ended
}

// A lockedBuffer is written by one goroutine and read by another.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startProgram runs lychgate and returns when its doors are open.
func startProgram(t testing.TB, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(os.Args[0], args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), runAsProgram+"=1")
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	open := make(chan string, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(io.TeeReader(out, &p.stdout))
		for lines.Scan() {
			if where, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "site "); ok {
				open <- strings.TrimSuffix(strings.TrimSpace(where), "/")
			}
		}
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			p.cmd.Process.Kill()
			<-p.ended
		}
	})
	select {
	case p.url = <-open:
	case <-p.ended:
		t.Fatalf("lychgate %s ended: %v\n%s", strings.Join(args, " "), p.err, &p.stderr)
	}
	return p
}

// stop asks the program to stop as a service manager does, and returns how it ended.
func (p *program) stop(t *testing.T) error {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	return p.err
}

// kill ends the program as a power cut would, as far as a process can be.
func (p *program) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
}

// navigate is a visitor following a link on the site itself.
func navigate(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Mode": "navigate",
		"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1",
	} {
		r.Header.Set(name, value)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
	}
	return r
}

// noRedirects is a client that shows answers as they come.
var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// do sends r and returns the answer with its body read.
func do(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := noRedirects.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// testSite writes a small site and returns its folder.
func testSite(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.html": "<!doctype html><html lang=en><title>Willow</title><body><h1>Willow</h1><a href=/about.html>About</a></body></html>",
		"about.html": "<!doctype html><html lang=en><title>About</title><body><h1>About</h1></body></html>",
		"404.html":   "<!doctype html><html lang=en><title>Gone</title><body><h1>Not here</h1></body></html>",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// everyFile returns the bytes of every file below dir, by name.
func everyFile(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// awaitDay waits, in the last two minutes of a day at the gateway's usual zone, for the
// next one, so that all that a test looks at is of one day.
func awaitDay(t *testing.T) {
	t.Helper()
	zone, err := time.LoadLocation(defaultTimezone)
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(zone).Date()
	if left := time.Until(time.Date(y, m, d+1, 0, 0, 0, 0, zone)); left < 2*time.Minute {
		time.Sleep(left)
	}
}

// testRounds is how often a test repeats itself: few times, unless an
// environment variable says otherwise.
func testRounds(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// totals runs `lychgate totals` and returns what it prints.
func totals(t *testing.T, data string) string {
	t.Helper()
	c := exec.Command(os.Args[0], "totals", "-data", data)
	c.Env = append(os.Environ(), runAsProgram+"=1")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("totals: %v %s", err, fmt.Sprint(err))
	}
	return string(out)
}
