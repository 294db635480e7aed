package dashboard

import (
	"strings"
	"testing"
)

// A site that nothing was ever counted of says how the first number comes; one that
// has numbers shows its chart.
func TestAnEmptySiteSaysHowToBegin(t *testing.T) {
	const begin, chart = `id="begin-title"`, `id="chart-title"`
	d := testDashboard(t)
	empty := body(t, d.owner(t).get(siteURL("willow.example")))
	if !strings.Contains(empty, begin) || strings.Contains(empty, chart) {
		t.Error("an empty site does not say how to begin")
	}
	d = testDashboard(t)
	d.testSums(t, "willow.example", today(), sum{dim: "total", views: 400, visits: 200})
	counted := body(t, d.owner(t).get(siteURL("willow.example")))
	if strings.Contains(counted, begin) || !strings.Contains(counted, chart) {
		t.Error("a site with numbers is told how to begin")
	}
}

func TestTheFirstSentenceSaysWhatWasCounted(t *testing.T) {
	for visits, want := range map[int64]string{1: " 1 visit was counted", 200: " 200 visits were counted"} {
		d := testDashboard(t)
		d.testSums(t, "willow.example", today(), sum{dim: "total", views: 2 * visits, visits: visits})
		if got := text(page(t, d.owner(t).get(siteURL("willow.example")))); !strings.Contains(got, want) {
			t.Errorf("of %d visits it does not say %q", visits, want)
		}
	}
}
