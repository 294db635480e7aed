package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answerTo posts a decision and returns the status and the cookies.
func (p *program) answerTo(t testing.TB, decision string) (int, []*http.Cookie) {
	t.Helper()
	form := url.Values{"decision": {decision}, "return_to": {"/"}}
	res, _ := do(t, navigate(t, http.MethodPost, p.url+"/_lychgate/consent", strings.NewReader(form.Encode())))
	return res.StatusCode, res.Cookies()
}

// view opens a page, which must be there.
func (p *program) view(t *testing.T, path string, cookies ...*http.Cookie) string {
	t.Helper()
	r := navigate(t, http.MethodGet, p.url+path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, body := do(t, r)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", path, res.Status, body)
	}
	return body
}

// Whatever cannot be opened in the data folder, visitors get their page, a no
// is honoured, nobody can accept what cannot be recorded, and the log says why.
func TestTheSiteComesFirst(t *testing.T) {
	tests := []struct {
		name    string
		spoil   func(data string) error
		accepts bool
		loses   bool // counts that could be kept nowhere: the stop says so
	}{
		{"a damaged key file", func(data string) error {
			return os.WriteFile(filepath.Join(data, "keys"), []byte("not keys"), 0o600)
		}, false, false},
		{"a key file that others may read", func(data string) error {
			return os.WriteFile(filepath.Join(data, "keys"), []byte("{}"), 0o644)
		}, false, false},
		{"a ledger that is no database", func(data string) error {
			return os.WriteFile(filepath.Join(data, "consent.db"), []byte(strings.Repeat("not a database ", 500)), 0o600)
		}, false, false},
		{"a ledger that is a folder", func(data string) error { return os.Mkdir(filepath.Join(data, "consent.db"), 0o700) }, false, false},
		{"sums that are no database", func(data string) error {
			return os.WriteFile(filepath.Join(data, "stats.db"), []byte(strings.Repeat("not a database ", 500)), 0o600)
		}, true, false},
		{"a spool that is a file", func(data string) error { return os.WriteFile(filepath.Join(data, "spool"), nil, 0o600) }, true, true},
		{"accounts that are no database", func(data string) error {
			return os.WriteFile(filepath.Join(data, "admin.db"), []byte(strings.Repeat("not a database ", 500)), 0o600)
		}, true, false},
	}
	if testing.Short() {
		tests = tests[3:5] // one that stops answers, one that stops counts
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := t.TempDir()
			if err := test.spoil(data); err != nil {
				t.Fatal(err)
			}
			p := startProgram(t, "serve", "-dir", testSite(t), "-data", data, "-listen", "127.0.0.1:0")
			if page := p.view(t, "/"); !strings.Contains(page, "<h1>Willow</h1>") {
				t.Errorf("the page is %s", page)
			}
			// What could not be recorded is told on a page of its own instead of the 303.
			told := map[bool]int{true: http.StatusSeeOther, false: http.StatusOK}[test.accepts]
			if status, cookies := p.answerTo(t, "decline"); status != told || len(cookies) == 0 {
				t.Errorf("decline: %d, %v", status, cookies)
			}
			status, cookies := p.answerTo(t, "accept")
			if test.accepts && status != http.StatusSeeOther {
				t.Errorf("accept: %d", status)
			}
			if !test.accepts && (status != http.StatusServiceUnavailable || len(cookies) > 0) {
				t.Errorf("accept: %d, %v: what cannot be recorded must not be accepted", status, cookies)
			}
			p.view(t, "/about.html", cookies...)
			p.view(t, "/_lychgate/consent", cookies...)
			var health, complaint strings.Builder
			if code := run([]string{"health", "-data", data}, &health, &complaint); code != exitDone || !strings.HasPrefix(health.String(), "ok, but\n") {
				t.Errorf("health does not tell: %d %s%s", code, &health, &complaint)
			}
			if err := p.stop(t); (err != nil) != test.loses {
				t.Errorf("stop: %v\n%s", err, &p.stderr)
			}
			if log := p.stderr.String(); !strings.Contains(log, "level=ERROR") && !strings.Contains(log, "level=WARN") {
				t.Errorf("the log does not say why: %s", log)
			}
		})
	}
}

// A port that is taken stops the start: a gateway nobody can reach must not
// look as if it ran.
func TestATakenPortStopsTheStart(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: one start after the other; the full run does")
	}
	p := startProgram(t, "serve", "-dir", testSite(t), "-data", t.TempDir(), "-listen", "127.0.0.1:0")
	var out, log strings.Builder
	code := run([]string{"serve", "-dir", testSite(t), "-data", t.TempDir(), "-listen", strings.TrimPrefix(p.url, "http://")}, &out, &log)
	if code != exitFailed || !strings.Contains(log.String(), "address already in use: another program listens there") {
		t.Errorf("exit %d: %s", code, &log)
	}
	log.Reset()
	if code := run([]string{"serve", "-dir", testSite(t), "-data", t.TempDir(), "-listen", "192.0.2.1:0"}, &out, &log); code != exitFailed || !strings.Contains(log.String(), "this machine does not have that address") {
		t.Errorf("exit %d: %s", code, &log)
	}
}
