package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// decisionsIn reads the number of accepts from what totals prints.
func decisionsIn(t *testing.T, text string) int64 {
	t.Helper()
	var stored struct {
		Consents map[string]int64 `json:"consents"`
	}
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return stored.Consents["accept"]
}

// A backup that is made while people decide and are counted holds every answer
// given before it began; the copy proves itself, and a gateway that starts from
// it knows its visitors.
func TestBackupUnderLoad(t *testing.T) {
	site, data, away := testSite(t), t.TempDir(), t.TempDir()
	p := startProgram(t, "serve", "-dir", site, "-data", data, "-listen", "127.0.0.1:0")
	var tried, acknowledged atomic.Int64
	accept := func() []*http.Cookie {
		r, err := http.NewRequest(http.MethodPost, p.url+"/_lychgate/consent", strings.NewReader(url.Values{"decision": {"accept"}, "return_to": {"/"}}.Encode()))
		if err != nil {
			t.Error(err)
			return nil
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		tried.Add(1)
		res, err := noRedirects.Do(r)
		if err != nil {
			t.Error(err)
			return nil
		}
		res.Body.Close()
		if res.StatusCode == http.StatusSeeOther {
			acknowledged.Add(1)
		}
		return res.Cookies()
	}
	var visitors sync.WaitGroup
	enough := make(chan struct{})
	for range 4 {
		visitors.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
					cookies := accept()
					r, err := http.NewRequest(http.MethodGet, p.url+"/", nil)
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Accept", "text/html")
					for _, c := range cookies {
						r.AddCookie(c)
					}
					if res, err := noRedirects.Do(r); err != nil {
						t.Error(err)
					} else {
						res.Body.Close()
					}
				}
			}
		})
	}
	mine := accept()

	before := acknowledged.Load()
	busy := filepath.Join(away, "busy.tar.gz")
	if out, code := lychgate(t, "backup", "-data", data, busy); code != exitDone || !strings.Contains(out, "whole") {
		t.Fatalf("backup: exit %d: %s", code, out)
	}
	after := tried.Load()
	close(enough)
	visitors.Wait()
	if info, err := os.Stat(busy); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v; want mode 0600", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(away, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	from := filepath.Join(away, "from-busy")
	if out, code := lychgate(t, "restore", "-data", from, busy); code != exitDone {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	if n := decisionsIn(t, totals(t, from)); n < before || n > after {
		t.Errorf("%d decisions restored, want between %d and %d", n, before, after)
	}

	// Nothing moves: the copy is equal, and what was refused before is still.
	if out, code := lychgate(t, "restore", "-data", data, busy); code != exitFailed || !strings.Contains(out, "another lychgate") {
		t.Errorf("restore over a running gateway: exit %d: %s", code, out)
	}
	if err := p.stop(t); err != nil {
		t.Fatalf("stop: %v\n%s", err, &p.stderr)
	}
	calm := filepath.Join(away, "calm.tar.gz")
	if out, code := lychgate(t, "backup", "-data", data, calm); code != exitDone {
		t.Fatalf("backup: exit %d: %s", code, out)
	}
	if out, code := lychgate(t, "backup", "-data", data, calm); code != exitFailed || !strings.Contains(out, "there already") {
		t.Errorf("over another backup: exit %d: %s", code, out)
	}
	if out, code := lychgate(t, "restore", "-data", data, calm); code != exitFailed || !strings.Contains(out, "not empty") {
		t.Errorf("over data: exit %d: %s", code, out)
	}
	to := filepath.Join(away, "new", "data")
	if out, code := lychgate(t, "restore", "-data", to, calm); code != exitDone {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	if got, want := totals(t, to), totals(t, data); got != want || decisionsIn(t, got) != acknowledged.Load() {
		t.Errorf("restored %s, want %s with %d accepts", got, want, acknowledged.Load())
	}
	if out, code := lychgate(t, "ledger", "verify", "-data", to); code != exitDone || !strings.Contains(out, "The ledger is whole") {
		t.Errorf("verify: exit %d: %s", code, out)
	}
	q := startProgram(t, "serve", "-dir", site, "-data", to, "-listen", "127.0.0.1:0")
	if page := q.view(t, "/_lychgate/consent", mine...); !strings.Contains(page, `data-decision="accept"`) {
		t.Error("an answer from before the backup is forgotten")
	}
	if status, _ := q.answerTo(t, "accept"); status != http.StatusSeeOther {
		t.Errorf("accept after the restore: %d", status)
	}
	if err := q.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &q.stderr)
	}
}

// Keys and lists that gateways share are in a backup, and are put back where
// they are shared; what another gateway has there by then stays.
func TestBackupOfASharedFolder(t *testing.T) {
	away := t.TempDir()
	write := func(file, text string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	configure := func(name string) (config, shared string) {
		dir := filepath.Join(away, name)
		config, shared = filepath.Join(away, name+".toml"), filepath.Join(dir, "shared")
		text := fmt.Sprintf("data = %q\nshared = %q\n[listen]\nhttp = \"127.0.0.1:0\"\n[[site]]\ndir = %q\n", filepath.Join(dir, "data"), shared, testSite(t))
		write(config, text)
		return config, shared
	}
	lists := func(shared string) []string {
		found, err := filepath.Glob(filepath.Join(shared, "policies", "*", "*.json"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no lists in %s: %v", shared, err)
		}
		return found
	}
	config, shared := configure("old")
	p := startProgram(t, "serve", "-config", config)
	_, mine := p.answerTo(t, "accept")
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	const list, newer = "third-party-choices.toml", "# newer\n"
	write(filepath.Join(shared, list), "# older\n")
	asked := time.Date(2023, time.May, 1, 12, 0, 0, 0, time.UTC)
	for _, file := range lists(shared) {
		if err := os.Chtimes(file, time.Time{}, asked); err != nil {
			t.Fatal(err)
		}
	}
	archive := filepath.Join(away, "shared.tar.gz")
	if out, code := lychgate(t, "backup", "-config", config, archive); code != exitDone {
		t.Fatalf("backup: exit %d: %s", code, out)
	}

	config, shared = configure("new")
	write(filepath.Join(shared, list), newer)
	if out, code := lychgate(t, "restore", "-config", config, archive); code != exitDone {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	for _, file := range lists(shared) {
		if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(asked) {
			t.Errorf("%s is of %v, want %v; %v", file, info.ModTime(), asked, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(shared, list)); string(got) != newer {
		t.Errorf("another gateway's list became %q, %v", got, err)
	}
	q := startProgram(t, "serve", "-config", config)
	if page := q.view(t, "/_lychgate/consent", mine...); !strings.Contains(page, `data-decision="accept"`) {
		t.Error("an answer from before the backup is forgotten")
	}
	if status, _ := q.answerTo(t, "accept"); status != http.StatusSeeOther {
		t.Errorf("accept after the restore: %d", status)
	}
	if err := q.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &q.stderr)
	}
}

// Whatever is wrong with a backup, it is refused and nothing is left of it.
func TestDamagedBackupsAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: one command after the other; the full run does")
	}
	data, away := t.TempDir(), t.TempDir()
	p := startProgram(t, "serve", "-dir", testSite(t), "-data", data, "-listen", "127.0.0.1:0")
	p.answerTo(t, "accept")
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(away, "whole.tar.gz")
	if out, code := lychgate(t, "backup", "-data", data, whole); code != exitDone {
		t.Fatalf("backup: exit %d: %s", code, out)
	}
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 0x40
	for name, bad := range map[string][]byte{
		"empty": nil, "not an archive": []byte("hello"), "cut": good[:len(good)-100], "flipped": flipped,
	} {
		t.Run(name, func(t *testing.T) {
			file, to := filepath.Join(t.TempDir(), "bad.tar.gz"), filepath.Join(t.TempDir(), "data")
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			out, code := lychgate(t, "restore", "-data", to, file)
			if code != exitFailed || !strings.Contains(out, file) {
				t.Errorf("exit %d: %s", code, out)
			}
			if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}
