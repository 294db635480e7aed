package proxy

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// testShared is one of several gateways in front of one site: a data folder of
// its own, and the folder shared that all of them know.
func testShared(t *testing.T, shared string, s Site) *testGate {
	t.Helper()
	data := t.TempDir()
	keys, err := consent.OpenKeys(filepath.Join(shared, "keys"), data)
	if err != nil {
		t.Fatal(err)
	}
	ledger := consent.OpenLedger(consent.LedgerConfig{Dir: data, Keys: keys})
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	var g *testGate
	s.Name = "default"
	if s.Banner, err = banner.New(banner.Config{}); err != nil {
		t.Fatal(err)
	}
	s.Gate, err = consent.NewGate(consent.Config{
		Site: "default", Dir: shared, Banner: s.Banner, Statistics: true, Keys: keys, Ledger: ledger,
		Services: func() []consent.Service {
			if g == nil {
				return nil
			}
			return g.g.Services("default")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g = testGateway(t, Config{Sites: []Site{s}, Dir: data, Shared: shared, Keys: keys})
	g.g.Learn(t.Context())
	return g
}

// asks says whether a visitor with this cookie is asked.
func asks(t *testing.T, g *testGate, cookie string) (asked bool, page string) {
	t.Helper()
	_, page = testGet(t, g, "/", "Accept", "text/html", "Cookie", cookie)
	return strings.Contains(page, `name="decision"`), page
}

// TestTwoGatewaysAskOnce: an answer given at one gateway counts at the other.
// What a site begins to load is held by both and asks nobody, until the night;
// then each visitor is asked once, whichever gateway comes first, told what is
// new, and not asked again by the other. A restart asks nobody either.
func TestTwoGatewaysAskOnce(t *testing.T) {
	var extra atomic.Pointer[string]
	add := func(host string) {
		s := *extra.Load() + `<iframe src="https://` + host + `/x"></iframe>`
		extra.Store(&s)
	}
	extra.Store(new(string))
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>x</title><iframe src="https://www.youtube.com/embed/x"></iframe>`+*extra.Load())
	})
	shared := t.TempDir()
	a, b := testShared(t, shared, Site{Upstream: up}), testShared(t, shared, Site{Upstream: up})
	both := []*testGate{a, b}
	policy := func(g *testGate) string { return g.g.sites().list[0].Gate.Policy() }
	if policy(a) != policy(b) {
		t.Fatalf("two policies: %s and %s", policy(a), policy(b))
	}
	cookies := map[string]string{
		"accepted at a": testDecide(t, a, "accept"), "declined at a": testDecide(t, a, "decline"),
		"accepted at b": testDecide(t, b, "accept"), "declined at b": testDecide(t, b, "decline"),
	}
	// calm fails if somebody is asked, or gets what is not theirs to get.
	calm := func(when, host string, shown bool) {
		t.Helper()
		for who, cookie := range cookies {
			for i, g := range both {
				asked, page := asks(t, g, cookie)
				if asked {
					t.Errorf("%s: who %s is asked by gateway %d", when, who, i)
				}
				if strings.Contains(page, `src="https://`+host) != (shown && strings.HasPrefix(who, "accepted")) {
					t.Errorf("%s: who %s: %s by gateway %d: %v", when, who, host, i, !shown)
				}
			}
		}
	}
	calm("at first", "www.youtube.com", true)
	first := policy(a)

	add("late.example")
	for _, g := range []*testGate{b, a, b} {
		calm("a host is new", "late.example", false)
		g.g.share()
	}
	restarted := testShared(t, shared, Site{Upstream: up})
	if policy(a) != first || policy(b) != first || policy(restarted) != first {
		t.Errorf("a new host changed the list by day: %s, now %s %s %s", first, policy(a), policy(b), policy(restarted))
	}

	a.g.admitAll() // 03:00 at one of them
	if policy(a) == first {
		t.Fatal("the night brought nothing new")
	}
	for who, cookie := range cookies {
		asked, page := asks(t, a, cookie)
		if !asked || !strings.Contains(page, "New since you last answered: late.example") {
			t.Errorf("who %s is not told what is new", who)
		}
		decision, _, _ := strings.Cut(who, "ed at")
		cookies[who] = testDecide(t, a, strings.Replace(decision, "declin", "decline", 1))
	}
	for range 3 {
		for _, cookie := range cookies {
			for i, g := range []*testGate{b, a} {
				if asked, _ := asks(t, g, cookie); asked {
					t.Errorf("asked again, by gateway %d", 1-i)
				}
			}
		}
	}
	b.g.admitAll()
	calm("after both nights", "late.example", true)
	if policy(a) != policy(b) || policy(a) == first {
		t.Errorf("two policies: %s and %s", policy(a), policy(b))
	}
}
