package analytics

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// testTwoHousekeepers lets two gateways keep house: both say so, for as long as it
// lasts; one that takes over from another does not.
func testTwoHousekeepers(t *testing.T, server *clickhousetest.Server) {
	c := testClickHouseConfig(server, t.TempDir())
	testOpenClickHouse(t, c).Close()
	now := time.Date(2026, 3, 4, 10, 50, 0, 0, time.UTC)
	said := map[*Analytics]*bytes.Buffer{}
	start := func() *Analytics {
		a := testGatewayOn(t, t.TempDir(), c)
		said[a] = new(bytes.Buffer)
		a.log = slog.New(slog.NewTextHandler(said[a], nil))
		a.now = func() time.Time { return now }
		return a
	}
	signs := func(what string, a *Analytics, others int) {
		t.Helper()
		if err := a.signHouse(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := a.Kept().Others; len(got) != others {
			t.Errorf("%s: it knows of %q, want %d", what, got, others)
		}
	}
	one := start()
	signs("alone", one, 0)
	two := start()
	signs("within the hour in which it takes over", two, 0)
	now = now.Add(time.Hour)
	signs("after the other has gone", two, 0)
	now = now.Add(time.Hour)
	signs("when the other signs again", one, 1)
	signs("and so does this one", two, 1)
	if text := said[two].String(); strings.Count(text, "keeps house, too") != 1 || !strings.Contains(text, one.spool.source) {
		t.Errorf("the log says %q", text)
	}
	for range 3 {
		now = now.Add(time.Hour)
		if err := two.signHouse(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if text := said[two].String(); len(two.Kept().Others) != 0 || strings.Count(text, "keeps house") != 2 {
		t.Errorf("the other has left: it knows of %q, the log says %q", two.Kept().Others, text)
	}
	if got, err := ReadTotals(t.Context(), testConfig(t, t.TempDir(), func(config *Config) { config.ClickHouse = c })); err != nil || got.Pageviews != 0 {
		t.Errorf("signatures are counted: %+v, %v", got, err)
	}
}
