package consent

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A machine that declines without end makes the ledger grow by a bounded amount;
// each of its answers is honoured, and its neighbours' are written down.
func TestAFloodOfAnswersIsHonouredAndNotWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGate(t, Config{Ledger: testLedger(t, LedgerConfig{Dir: t.TempDir(), Keys: NewKeys()})}, video)
		post := func(from, decision string) (*http.Response, Decision) {
			v := newVisitor("https")
			v.network = from
			res := v.decide(g, decision)
			d, _ := v.of(g)
			return res, d
		}
		recorded := func() int64 {
			totals, err := g.config.Ledger.Totals(t.Context(), testSite, time.Time{}, time.Now().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return totals.Accept + totals.Decline + totals.Withdraw
		}
		const flooder = "203.0.113.0:0"
		for range floodBurst + 50 {
			if res, d := post(flooder, Decline); d.Answer != Declined || (res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusOK) {
				t.Fatalf("a no is not honoured: %d %+v", res.StatusCode, d)
			}
		}
		if got := recorded(); got != floodBurst {
			t.Errorf("%d decisions were written down, want %d", got, floodBurst)
		}
		if res, d := post(flooder, Accept); res.StatusCode != http.StatusServiceUnavailable || d.Answer != Undecided {
			t.Errorf("a yes that is not written down counts: %d %+v", res.StatusCode, d)
		}
		before := recorded()
		for _, other := range []string{"198.51.100.0:0", "[2001:db8::]:0", "127.0.0.1:0"} {
			if res, d := post(other, Accept); res.StatusCode != http.StatusSeeOther || d.Answer != Accepted {
				t.Errorf("%s suffers from its neighbour: %d %+v", other, res.StatusCode, d)
			}
		}
		if got := recorded(); got != before+3 {
			t.Errorf("%d of the neighbours' answers were written down, want 3", got-before)
		}
	})
}

func TestFloodForgetsAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlood()
		from := func(network string) *http.Request { return &http.Request{RemoteAddr: network} }
		for range floodBurst {
			f.admits(from("203.0.113.0:0"))
		}
		if f.admits(from("203.0.113.0:0")) {
			t.Error("no end")
		}
		time.Sleep(floodEvery)
		if !f.admits(from("203.0.113.0:0")) || f.admits(from("203.0.113.0:0")) {
			t.Error("one decision comes back after a while, and no more")
		}
		time.Sleep((floodBurst + 1) * floodEvery)
		f.admits(from("198.51.100.0:0"))
		if n := len(f.networks); n != 1 {
			t.Errorf("%d networks are remembered after they went quiet", n)
		}
		for i := range floodNetworks + 1000 {
			f.admits(from(fmt.Sprintf("[2001:db8:%x:%x::]:0", i>>8, i&0xff)))
		}
		if n := len(f.networks); n != floodNetworks {
			t.Errorf("%d networks are remembered", n)
		}
		if f.others.out != floodBurst {
			t.Errorf("a thousand networks beyond what is remembered took %v decisions", f.others.out)
		}
	})
}
