package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// An answer a visitor has been given is in the ledger, whatever happens to the
// program in the next instant. LYCHGATE_TEST_KILLS sets the number of rounds.
func TestKillLosesNoAcknowledgedDecision(t *testing.T) {
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("LYCHGATE_TEST_KILLS")); err == nil {
		rounds = n
	}
	site, data := testSite(t), t.TempDir()
	var acknowledged, tried atomic.Int64
	for range rounds {
		p := startProgram(t, "serve", "-dir", site, "-data", data, "-listen", "127.0.0.1:0")
		var visitors sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		for visitor := range 8 {
			visitors.Go(func() {
				for i := range 200 {
					form := url.Values{"decision": {[]string{"accept", "decline"}[(visitor+i)%2]}, "return_to": {"/"}}
					r, err := http.NewRequest(http.MethodPost, p.url+"/_lychgate/consent", strings.NewReader(form.Encode()))
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					r.Header.Set("Sec-Fetch-Mode", "navigate")
					tried.Add(1)
					res, err := noRedirects.Do(r)
					if err != nil {
						return // the program is gone
					}
					res.Body.Close()
					if res.StatusCode == http.StatusSeeOther && len(res.Cookies()) > 0 {
						if acknowledged.Add(1)%40 == 0 {
							once.Do(func() { close(enough) })
						}
					}
				}
			})
		}
		<-enough
		p.kill(t)
		visitors.Wait()
		noRedirects.CloseIdleConnections()
	}
	var stored struct {
		Consents map[string]int64 `json:"consents"`
	}
	if err := json.Unmarshal([]byte(totals(t, data)), &stored); err != nil {
		t.Fatal(err)
	}
	rows := stored.Consents["accept"] + stored.Consents["decline"]
	t.Logf("%d rounds: %d tried, %d acknowledged, %d stored", rounds, tried.Load(), acknowledged.Load(), rows)
	if rows < acknowledged.Load() || rows > tried.Load() {
		t.Errorf("%d stored, want between %d acknowledged and %d tried", rows, acknowledged.Load(), tried.Load())
	}
}
