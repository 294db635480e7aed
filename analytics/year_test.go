package analytics

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// testYear fills a store with a year of made-up views of one site: 500 pages, 60
// sources, 20 campaigns, 40 countries, 12 regions, by the law of few often and
// many rarely. It goes by the way of every view but the cookie.
func testYear(b testing.TB, a *Analytics, views int, end time.Time) {
	b.Helper()
	random := rand.New(rand.NewPCG(9, 10))
	pages := rand.NewZipf(random, 1.1, 3, 499)
	sources := rand.NewZipf(random, 1.3, 2, 59)
	countries := rand.NewZipf(random, 1.8, 1, 39)
	s := a.site(testSite)
	perDay := views / 365
	known := map[int]visitor{}
	for d := 364; d >= 0; d-- {
		midnight := end.AddDate(0, 0, -d)
		for n := range perDay {
			who := random.IntN(perDay * 40)
			at := s.calendar.at(midnight.Add(time.Duration(n) * 24 * time.Hour / time.Duration(perDay)).Unix())
			seen := random.IntN(1 << 30)
			old := known[who]
			for more := true; more; more = random.IntN(5) < 3 {
				v, e := step(old, view{
					At: at, Page: fmt.Sprintf("/section/page-%d", pages.Uint64()),
					From: attribution{Channel: Channel(sources.Uint64() % 9), Source: fmt.Sprintf("source-%d.example", sources.Uint64()), Campaign: campaign(random)},
				})
				t := traits{place{Country: fmt.Sprintf("%c%c", 'A'+countries.Uint64()%26, 'A'+countries.Uint64()/26)}, agentOf(agents[seen%len(agents)])}
				if t.Country == "AA" {
					t.Region = "GB-" + strconv.Itoa(seen%12)
				}
				a.count(s, at, &v, &e, t)
				old, at.Minute = v, at.Minute+uint32(random.IntN(3))
			}
			known[who] = old
			a.counter.add(testAside(s, at, random))
		}
		testPersist(b, a)
	}
}

// testAside is what is counted beside a visit: requests by state, and now and
// then a file, a search, an address that leads nowhere.
func testAside(s *site, at moment, random *rand.Rand) []Row {
	one := Metrics{Views: 1}
	rows := []Row{
		{Key{s.name, Hour, DimState, "", at.Hour, StateAccepted.String()}, Metrics{Views: 3, Visits: 1}},
		{Key{s.name, Hour, DimState, "", at.Hour, State(random.IntN(int(states))).String()}, Metrics{Views: 2, Visits: 1}},
	}
	for _, some := range []struct {
		dim    Dim
		values int
	}{{DimDownload, 30}, {DimSearch, 300}, {DimNotFound, 300}} {
		if n := random.IntN(10 * some.values); n < some.values {
			rows = s.add(rows, Day, some.dim, "", at, fmt.Sprintf("/%s-%d", some.dim, n), one)
		}
	}
	return rows
}

var agents = func() []string {
	var all []string
	for ua := range realAgents {
		all = append(all, ua)
	}
	return all
}()

func campaign(random *rand.Rand) string {
	if random.IntN(10) > 0 {
		return ""
	}
	return "campaign-" + strconv.Itoa(random.IntN(20))
}

// cpuTime is the process's, which says more on a machine that others use, too.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// testStoreSize logs how much a store holds.
func testStoreSize(b *testing.B, a *Analytics, dir string) {
	b.Helper()
	store, err := a.opened(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var rows, views int64
	err = store.(*sqliteStore).db.Read.QueryRowContext(b.Context(), "SELECT count(*), sum(views) FILTER (WHERE grain = 'day' AND dim = 'total') FROM sums").Scan(&rows, &views)
	if err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, storeFile))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d views: %d rows, %.1f MB", views, rows, float64(info.Size())/1e6)
}

// testYearMoved moves a copy of the sums in dir to a ClickHouse engine and logs
// how fast and how large.
func testYearMoved(b *testing.B, dir string) *Analytics {
	b.Helper()
	sums, err := os.ReadFile(filepath.Join(dir, storeFile))
	if err != nil {
		b.Fatal(err)
	}
	moved := b.TempDir()
	if err := os.WriteFile(filepath.Join(moved, storeFile), sums, 0o600); err != nil {
		b.Fatal(err)
	}
	c := testServerConfig(clickhousetest.New(b, clickhousetest.Options{}).Native, moved)
	if err := Migrate(b.Context(), Config{ClickHouse: c}); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	got, err := Move(b.Context(), Config{Dir: moved, ClickHouse: c}, engineClickHouse)
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	a := testOpen(b, moved, func(config *Config) { config.ClickHouse = c })
	store, err := a.opened(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var bytes uint64
	err = store.(*clickhouseStore).read.QueryRow(b.Context(),
		"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = ? AND table = 'sums'", c.Database).Scan(&bytes)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("moved %d rows to ClickHouse in %v (%.0f rows/s): %.1f MB there", got.Rows, took, float64(got.Rows)/took.Seconds(), float64(bytes)/1e6)
	return a
}

// BenchmarkYear asks what a dashboard asks, of a year of views whose months are
// closed. LYCHGATE_BENCH_VIEWS sets how many views, LYCHGATE_BENCH_STORE names a
// folder in which the year is kept, so that it is made only once. With
// LYCHGATE_BENCH_CLICKHOUSE the year is moved to the engine and asked of there.
func BenchmarkYear(b *testing.B) {
	visits := 40_000
	if n := os.Getenv("LYCHGATE_BENCH_VIEWS"); n != "" {
		if _, err := fmt.Sscan(n, &visits); err != nil {
			b.Fatal(err)
		}
		visits = visits * 2 / 5
	}
	dir, fresh := b.TempDir(), true
	if kept := os.Getenv("LYCHGATE_BENCH_STORE"); kept != "" {
		dir = kept
		_, err := os.Stat(filepath.Join(dir, storeFile))
		fresh = err != nil
	}
	a := testOpen(b, dir)
	defer testClose(b, a)
	end := day(time.Now()).AddDate(0, 0, -1)
	if fresh {
		began := time.Now()
		testYear(b, a, visits, end)
		filled := time.Since(began)
		began = time.Now()
		if err := a.keepHouse(b.Context(), time.Now()); err != nil {
			b.Fatal(err)
		}
		b.Logf("filled in %v, house kept in %v", filled, time.Since(began))
	}
	testStoreSize(b, a, dir)
	if os.Getenv("LYCHGATE_BENCH_CLICKHOUSE") != "" {
		a = testYearMoved(b, dir)
		defer testClose(b, a)
	}

	panels := []ListQuestion{
		{Dim: DimPage},
		{Dim: DimEntry},
		{Dim: DimChannel},
		{Dim: DimSource},
		{Dim: DimCampaign},
		{Dim: DimCountry},
		{Dim: DimRegion},
		{Dim: DimBrowser},
		{Dim: DimOS},
		{Dim: DimDevice},
		{Dim: DimGoal},
		{Dim: DimNotFound},
	}
	month := monthOf(end.AddDate(0, -1, 0))
	for _, bb := range []struct {
		name string
		q    Question
	}{
		{"headline and series of 30 days", Question{From: end.AddDate(0, 0, -29), To: end, Series: SeriesDay}},
		{"headline and series of 12 months", Question{From: end.AddDate(-1, 0, 1), To: end, Series: SeriesMonth}},
		{"pages of 30 days", Question{From: end.AddDate(0, 0, -29), To: end, Lists: panels[:1]}},
		{"pages of 12 months", Question{From: end.AddDate(-1, 0, 1), To: end, Lists: panels[:1]}},
		{"all panels of 30 days", Question{From: end.AddDate(0, 0, -29), To: end, Series: SeriesDay, Lists: panels}},
		{"all panels of last month", Question{From: month, To: month.AddDate(0, 1, -1), Series: SeriesDay, Lists: panels}},
		{"all panels of 12 months", Question{From: end.AddDate(-1, 0, 1), To: end, Series: SeriesDay, Lists: panels}},
		{"one page by country, 12 months", Question{From: end.AddDate(-1, 0, 1), To: end, Page: "/section/page-3", Series: SeriesMonth, Lists: panels[5:6]}},
		{"one country, its pages, 30 days", Question{From: end.AddDate(0, 0, -29), To: end, Filter: &Filter{DimCountry, "BA"}, Series: SeriesDay, Lists: panels[:1]}},
		{"one country, its pages, 12 months", Question{From: end.AddDate(-1, 0, 1), To: end, Filter: &Filter{DimCountry, "BA"}, Lists: panels[:1]}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			before := cpuTime(b)
			for b.Loop() {
				testAsk(b, a, bb.q)
			}
			b.ReportMetric((cpuTime(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
}
