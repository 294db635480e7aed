package dashboard

import (
	"strings"
	"testing"
	"time"
)

func TestChangesAreNotedOnTheChart(t *testing.T) {
	dir := t.TempDir()
	d := testDashboardIn(t, dir)
	d.testSums(t, "willow.example", today(), sum{dim: "total", views: 40, visits: 20})
	d.c.Gateway = func(string) GatewayStatus {
		day := today().Add(12 * time.Hour)
		return GatewayStatus{Policies: []PolicyVersion{
			{Version: "c", Since: day, Current: true},
			{Version: "b", Since: day},
			{Version: "a", Since: day.Add(-40 * oneDay)},
			{Version: "0", Since: day.Add(-40 * oneDay)},
			{Version: "unknown"},
		}}
	}
	b := d.owner(t)
	flags := func() string {
		t.Helper()
		n := page(t, b.get(siteURL("willow.example")+"?period=last-7-days"))
		var all []string
		for _, ul := range find(n, tag("ul")) {
			if attr(ul, "class") == "flags" {
				all = append(all, text(ul))
			}
		}
		return strings.Join(all, " ")
	}
	if got := flags(); strings.Count(got, "What visitors are asked changed") != 1 || strings.Contains(got, "lychgate changed") {
		t.Errorf("got %q", got)
	}
	for _, version := range []string{"v1.0.0", "v1.0.0", "", "v1.1.0", "v1.1.0"} {
		if err := d.accounts.noteVersion(t.Context(), version); err != nil {
			t.Fatal(err)
		}
	}
	if got := flags(); strings.Contains(got, "v1.0.0") || strings.Count(got, "lychgate changed to v1.1.0") != 1 {
		t.Errorf("got %q", got)
	}
}
