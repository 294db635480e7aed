package proxy

import (
	"crypto/tls"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestFloodFigures measures what a visitor notices of floods over real
// connections: two attackers at full speed who come again as soon as they are
// cut off, for as long as LYCHGATE_TEST_FLOODS says ("3s"); a moment without it.
func TestFloodFigures(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: figures mean nothing under the race detector; TestFloods has these attacks, and the full run this test")
	}
	lasts := 100 * time.Millisecond
	if text := os.Getenv("LYCHGATE_TEST_FLOODS"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	d := testListen(t, Config{Sites: []Site{{Upstream: testUpstream(t, floodedSite)}}})
	visitor := &http.Client{Transport: &http.Transport{TLSClientConfig: d.client, ForceAttemptHTTP2: true}}
	defer visitor.CloseIdleConnections()
	for _, flood := range floods {
		before := d.g.Refused().Cut
		memory := watchMemory()
		until := time.Now().Add(lasts)
		var attackers sync.WaitGroup
		var came atomic.Int32
		for range 2 {
			attackers.Go(func() {
				for time.Now().Before(until) {
					c, err := tls.Dial("tcp", d.HTTPS().String(), &tls.Config{RootCAs: d.client.RootCAs, ServerName: "example.com", NextProtos: []string{"h2"}})
					if err != nil {
						t.Error(err)
						return
					}
					came.Add(1)
					end := time.AfterFunc(time.Until(until), func() { _ = c.Close() })
					if a, err := newAttacker(c, flood.settings...); err == nil {
						_ = flood.attack(a) // until it is cut off, or has had its time
					}
					end.Stop()
					_ = c.Close()
				}
			})
		}
		var took []time.Duration
		for len(took) < 20 || time.Now().Before(until) {
			asked := time.Now()
			if err := askFor(visitor, d.url("/page")); err != nil {
				t.Fatalf("%s: a visitor beside it: %v", flood.name, err)
			}
			took = append(took, time.Since(asked))
		}
		attackers.Wait()
		slices.Sort(took)
		grown := memory()
		t.Logf("%-14s %4d connections, %4d cut off; a visitor's %5d pages: p50 %v, p99 %v; memory +%d MB", flood.name, came.Load(), d.g.Refused().Cut-before,
			len(took), took[len(took)/2].Round(time.Millisecond/10), took[len(took)*99/100].Round(time.Millisecond/10), grown>>20)
		if grown > 64<<20 {
			t.Errorf("%s: memory grew by %d MB", flood.name, grown>>20)
		}
	}
}
