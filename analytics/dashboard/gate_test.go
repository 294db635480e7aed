package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// testGate gives a dashboard a gateway that notes what is decided.
func (d *Dashboard) testGate() (decided *[]string, status *GatewayStatus) {
	decided, status = new([]string), &GatewayStatus{
		ThirdParties: []ThirdParty{
			{Host: "www.youtube.com", Service: "YouTube", Purpose: "videos and maps", Kinds: []string{"frame"}, Pages: 2},
			{Host: "new.example", Verdict: Pending, Kinds: []string{"script"}, Pages: 1},
			{Host: "fixed.example", Verdict: Passed, Fixed: true, Kinds: []string{"script"}},
			{Host: "allowed.example", Verdict: Passed, Chosen: true, Kinds: []string{"image"}},
		},
	}
	d.c.Gateway = func(string) GatewayStatus { return *status }
	d.c.Admit = func(site string) error { *decided = append(*decided, "admit "+site); return nil }
	d.c.Choose = func(site, host, verdict string) error {
		switch host {
		case "fixed.example":
			return ErrConfigured
		case "gone.example":
			return ErrUnknownParty
		}
		*decided = append(*decided, fmt.Sprintf("%q %s of %s", verdict, host, site))
		return nil
	}
	return decided, status
}

func TestGateDecisions(t *testing.T) {
	const here = "/_lychgate/admin/sites/willow.example/gate"
	d := testDashboard(t)
	decided, _ := d.testGate()
	owner := d.member(t, "Olu", "willow.example", Owner).choosePassword()
	editor := d.member(t, "Ed", "willow.example", Editor).choosePassword()
	press := func(b *browser, form ...string) int {
		return b.post(here, append(form, "password", goodPassword)...).StatusCode
	}
	for _, tt := range []struct {
		name    string
		status  int
		form    []string
		decided string
	}{
		{"allow", 303, []string{"act", "allow", "host", "www.youtube.com"}, `"allow" www.youtube.com of willow.example`},
		{"hold", 303, []string{"act", "hold", "host", "allowed.example"}, `"hold" allowed.example of willow.example`},
		{"relay", 303, []string{"act", "relay", "host", "new.example"}, `"relay" new.example of willow.example`},
		{"as usual", 303, []string{"act", "usual", "host", "allowed.example"}, `"" allowed.example of willow.example`},
		{"ask now", 303, []string{"act", "admit"}, "admit willow.example"},
		{"what the configuration decides", 400, []string{"act", "allow", "host", "fixed.example"}, ""},
		{"what is gone", 400, []string{"act", "allow", "host", "gone.example"}, ""},
		{"a button that is none", 404, []string{"act", "destroy", "host", "new.example"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			*decided = nil
			if got := press(owner, tt.form...); got != tt.status {
				t.Errorf("got status %d, want %d", got, tt.status)
			}
			if got := strings.Join(*decided, "; "); got != tt.decided {
				t.Errorf("got %s, want %s", got, tt.decided)
			}
		})
	}
	t.Run("without the password nothing is decided", func(t *testing.T) {
		*decided = nil
		want(t, owner.post(here, "act", "allow", "host", "www.youtube.com"), http.StatusBadRequest)
		want(t, owner.post(here, "act", "admit", "password", "not the password"), http.StatusBadRequest)
		if len(*decided) > 0 {
			t.Errorf("decided %v", *decided)
		}
	})
	t.Run("an editor sees, and does not decide", func(t *testing.T) {
		if n := find(page(t, editor.get(here)), tag("form")); len(n) > 1 { // signing out
			t.Errorf("%d forms", len(n))
		}
		if got := press(editor, "act", "allow", "host", "www.youtube.com"); got != http.StatusForbidden {
			t.Errorf("got status %d", got)
		}
	})
	t.Run("the log says who decided what", func(t *testing.T) {
		log := text(page(t, owner.get("/_lychgate/admin/sites/willow.example/audit")))
		for _, want := range []string{"allow a third party: www.youtube.com", "put new third parties on the list"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q", want)
			}
		}
	})
	t.Run("the page offers what can be done", func(t *testing.T) {
		n := page(t, owner.get(here))
		var buttons []string
		for _, b := range find(n, tag("button")) {
			if v := attr(b, "value"); v != "" {
				buttons = append(buttons, v)
			}
		}
		// Pending, YouTube, and the one that was chosen; none for the fixed one.
		if want := []string{"admit", "allow", "relay", "allow", "relay", "relay", "hold", "usual"}; !slices.Equal(buttons, want) {
			t.Errorf("got buttons %v, want %v", buttons, want)
		}
	})
}

func TestNotices(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		status GatewayStatus
		want   string
	}{
		{"all is well", GatewayStatus{Upstream: &UpstreamHealth{OK: true}, Ledger: &LedgerStatus{}, Certificates: []Certificate{{Names: []string{"a"}, NotAfter: now.Add(30 * oneDay)}}}, ""},
		{"the site is down", GatewayStatus{Upstream: &UpstreamHealth{}}, "does not answer"},
		{"no record", GatewayStatus{Ledger: &LedgerStatus{Err: "disk full"}}, "nobody can accept"},
		{"no certificate", GatewayStatus{Certificates: []Certificate{{Names: []string{"a.example"}}}}, "no certificate yet for a.example"},
		{"one that ends", GatewayStatus{Certificates: []Certificate{{Names: []string{"a.example"}, NotAfter: now.Add(3 * oneDay)}}}, "ends in 3 days"},
		{"one that ended", GatewayStatus{Certificates: []Certificate{{Names: []string{"a.example"}, NotAfter: now.Add(-oneDay)}}}, "has ended"},
		{"a new third party", GatewayStatus{ThirdParties: []ThirdParty{{Verdict: Pending}}}, "1 third party is new"},
		{"two of them", GatewayStatus{ThirdParties: []ThirdParty{{Verdict: Pending}, {Verdict: Pending}, {}}}, "2 third parties are new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(tt.status.notices(now), " ")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}

// What does not work is told with its fault and since when.
func TestGateTellsOfFaults(t *testing.T) {
	d := testDashboard(t)
	_, status := d.testGate()
	owner := d.member(t, "Olu", "willow.example", Owner).choosePassword()
	shown := func() string {
		return text(page(t, owner.get("/_lychgate/admin/sites/willow.example/gate")))
	}
	status.Upstream = &UpstreamHealth{Address: "http://10.0.0.7:3000", Since: time.Now().Add(-3 * time.Hour), Fault: "connection refused"}
	status.Certificates = []Certificate{
		{Names: []string{"willow.example"}, NotAfter: time.Now().Add(20 * oneDay), Problem: "<b>too many certificates", Tried: time.Now().Add(-time.Hour)},
	}
	for _, want := range []string{"first noticed 3 hours ago", "connection refused", "The last try failed an hour ago: <b>too many certificates"} {
		if got := shown(); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	status.Upstream, status.Certificates[0].Problem = &UpstreamHealth{OK: true}, ""
	if got := shown(); strings.Contains(got, "noticed") || strings.Contains(got, "last try") {
		t.Errorf("all is well, got %q", got)
	}
}

// Pages given to those who declined or had not chosen stand by the day.
func TestHeldDays(t *testing.T) {
	d := testDashboard(t)
	d.testSums(t, "willow.example", today(), sum{dim: "state", value: "declined", views: 3}, sum{dim: "state", value: "undecided", views: 9}, sum{dim: "state", value: "accepted", views: 50})
	d.testSums(t, "willow.example", today().Add(-oneDay), sum{dim: "state", value: "undecided", views: 24})
	site, _ := d.site("willow.example")
	days, err := d.heldDays(t.Context(), site, 3)
	if err != nil || len(days) != 3 {
		t.Fatalf("got %v, %v", days, err)
	}
	if days[0].Pages.N != 12 || days[0].Share != "50.00%" || days[1].Pages.N != 24 || days[2].Pages.N != 0 {
		t.Errorf("got %+v", days)
	}
}

// Every language is shown in both looks, and pressing does nothing.
func TestPreviews(t *testing.T) {
	d := testDashboard(t)
	site, _ := d.site("willow.example")
	light, dark := banner.Config{SiteName: "Willow"}.Looks()
	for look, c := range map[**banner.Banner]banner.Config{&site.Banner: light, &site.DarkBanner: dark} {
		b, err := banner.New(c)
		if err != nil {
			t.Fatal(err)
		}
		*look = b
	}
	if err := d.Set([]Site{site}, Mail{}); err != nil {
		t.Fatal(err)
	}
	b := d.owner(t)
	for _, lang := range site.Banner.Languages() {
		var shown []string
		for _, look := range []string{"", "?look=dark"} {
			res := b.get("/_lychgate/admin/sites/willow.example/banner/" + lang + look)
			if !strings.Contains(res.Header.Get("Content-Security-Policy"), "form-action 'none'") {
				t.Errorf("%s: a press would do something", lang)
			}
			shown = append(shown, body(t, res))
		}
		if strings.Contains(shown[0], "prefers-color-scheme") || shown[0] == shown[1] || !strings.Contains(shown[0], `id="lychgate"`) {
			t.Errorf("%s: the looks are not told apart", lang)
		}
	}
	want(t, b.get("/_lychgate/admin/sites/willow.example/banner/tlh"), http.StatusNotFound)
}

func TestAnotherCookieBannerIsPointedOut(t *testing.T) {
	d := testDashboard(t)
	_, status := d.testGate()
	const want = "Cookiebot on your pages asks visitors about cookies, too"
	owner := d.owner(t)
	for n, more := range [][]ThirdParty{nil, {
		{Host: "consent.cookiebot.com", Service: "Cookiebot", AsksToo: true},
		{Host: "consentcdn.cookiebot.com", Service: "Cookiebot", AsksToo: true},
	}} {
		status.ThirdParties = append(status.ThirdParties, more...)
		for _, at := range []string{siteURL("willow.example"), siteURL("willow.example") + "gate"} {
			if got := strings.Count(text(page(t, owner.get(at))), want); got != n {
				t.Errorf("%s with %d more: said %d times, want %d", at, len(more), got, n)
			}
		}
	}
}
