package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// BenchmarkPageWhileClickHouseHangs opens counted pages while the server works
// and while it is frozen, by turns, and compares how long the slow ones take.
func BenchmarkPageWhileClickHouseHangs(b *testing.B) {
	server := clickhousetest.New(b, clickhousetest.Options{})
	err := analytics.Migrate(b.Context(), analytics.Config{ClickHouse: &analytics.ClickHouseConfig{Addr: []string{server.Native}}})
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	config := filepath.Join(dir, "lychgate.toml")
	text := fmt.Sprintf("[listen]\nhttp = \"127.0.0.1:0\"\n[analytics]\nstore = \"clickhouse\"\n[analytics.clickhouse]\naddr = [%q]\nhousekeeping = true\n[[site]]\ndir = %q\n", server.Native, testSite(b))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	p := startProgram(b, "serve", "-config", config)
	_, cookies := p.answerTo(b, "accept")
	page := func() time.Duration {
		r := navigate(b, http.MethodGet, p.url+"/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		began := time.Now()
		do(b, r)
		return time.Since(began)
	}
	var took [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		hangs := i / 500 % 2
		if i%500 == 0 {
			change := server.Thaw
			if hangs == 1 {
				change = server.Freeze
			}
			if err := change(); err != nil {
				b.Fatal(err)
			}
		}
		took[hangs] = append(took[hangs], page())
	}
	if err := server.Thaw(); err != nil {
		b.Fatal(err)
	}
	var slow [2]time.Duration
	for i, all := range took {
		if len(all) > 0 {
			slices.Sort(all)
			slow[i] = all[len(all)*99/100]
		}
	}
	b.ReportMetric(float64(slow[0].Microseconds()), "p99-µs")
	b.ReportMetric(float64(slow[1].Microseconds()), "p99-hanging-µs")
	b.ReportMetric(float64(slow[1])/float64(slow[0]), "ratio")
}
