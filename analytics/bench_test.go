package analytics

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
)

// benchView is a view in the middle of a visit, as Record gets it.
func benchView(b *testing.B, a *Analytics) (*http.Request, PageView) {
	b.Helper()
	now := time.Now()
	browser := &testBrowser{a: a, referrer: "https://" + testSite + "/"}
	browser.see(b, "/", now.Add(-3*time.Minute))
	browser.see(b, "/about/what-we-do", now.Add(-2*time.Minute))
	r := browser.request("/news/a-page-with-a-usual-name")
	return r, PageView{
		Site: testSite, Path: r.URL.Path, Query: r.URL.Query(), Status: http.StatusOK,
		Network: netip.MustParseAddr("198.51.100.0"), Time: now,
	}
}

// BenchmarkCount is the whole step of counting one view: the cookie opened, the
// state machine, the sums in memory, the cookie sealed.
func BenchmarkCount(b *testing.B) {
	a := testOpen(b, b.TempDir())
	defer testClose(b, a)
	r, v := benchView(b, a)
	until := v.Time.Add(24 * time.Hour)
	b.ReportAllocs()
	before := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		h := http.Header{}
		for pb.Next() {
			clear(h)
			a.record(h, r, v, until)
		}
	})
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkSecureCookie is securecookie's own part of that step.
func BenchmarkSecureCookie(b *testing.B) {
	a := testOpen(b, b.TempDir())
	defer testClose(b, a)
	r, _ := benchView(b, a)
	s := a.site(testSite)
	state, value, _ := s.jar.Load().read(r)
	plain := appendState(nil, &state)
	sc := securecookie.New(make([]byte, 64), make([]byte, 32)).SetSerializer(securecookie.NopEncoder{})
	value, err := sc.Encode("n", plain)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	before := cpuTime(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var got []byte
			if err := sc.Decode("n", value, &got); err != nil {
				b.Fatal(err)
			}
			if _, err := sc.Encode("n", got); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkViewsPerSecond counts with everything behind it running: each second
// the counter goes to the spool and from there to SQLite.
func BenchmarkViewsPerSecond(b *testing.B) {
	a := testOpen(b, b.TempDir())
	defer testClose(b, a)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if err := a.flush(true); err != nil {
					b.Error(err)
				}
				if err := a.sendAll(b.Context()); err != nil {
					b.Error(err)
				}
			}
		}
	}()
	var requests []*http.Request
	var views []PageView
	for i := range 2000 {
		browser := &testBrowser{a: a, referrer: fmt.Sprintf("https://site-%d.example/", i%60)}
		now := time.Now()
		browser.see(b, "/", now.Add(-2*time.Minute))
		r := browser.request(fmt.Sprintf("/news/page-%d", i%500))
		requests = append(requests, r)
		views = append(views, PageView{
			Site: testSite, Path: r.URL.Path, Status: http.StatusOK, Network: netip.MustParseAddr("198.51.100.0"), Time: now,
		})
	}
	until := time.Now().Add(24 * time.Hour)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		h := http.Header{}
		for i := 0; pb.Next(); i++ {
			clear(h)
			a.record(h, requests[i%len(requests)], views[i%len(views)], until)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "views/s")
	close(stop)
	<-done
}
