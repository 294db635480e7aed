package dashboard

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/analytics"
)

func TestRegionsComeFirstWithTheirMap(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t)
	panel := func() (current string, rows []string, tiles int) {
		n := page(t, b.get(siteURL("willow.example")))
		places := find(n, func(n *html.Node) bool { return attr(n, "id") == placesPanel })[0]
		for _, a := range find(places, tag("a")) {
			if attr(a, "aria-current") == "true" {
				current = text(a)
			}
		}
		for _, tr := range find(places, tag("tr"))[1:] {
			rows = append(rows, text(tr))
		}
		for _, g := range find(places, tag("g")) {
			if !strings.Contains(attr(g, "class"), "m0") {
				tiles++
			}
		}
		return current, rows, tiles
	}
	d.testSums(t, "willow.example", today(), sum{dim: "total", views: 300, visits: 200},
		sum{dim: "country", value: "GB", views: 180, visits: 150}, sum{dim: "country", value: "FR", views: 120, visits: 50})
	if current, rows, _ := panel(); current != "Countries" || !slices.Equal(rows, []string{"United Kingdom150", "France50"}) && !slices.Equal(rows, []string{"United Kingdom 150", "France 50"}) {
		t.Errorf("without regions: %s, %q", current, rows)
	}
	d.testSums(t, "willow.example", today(), sum{dim: "region", value: "GB-WLS", views: 120, visits: 100},
		sum{dim: "region", value: "London", views: 60, visits: 50}, sum{dim: "region", value: "FR-IDF", views: 120, visits: 50})
	current, rows, tiles := panel()
	if current != "UK nations and regions" || tiles != 2 || len(rows) != 2 || !strings.HasPrefix(rows[0], "Wales") || !strings.HasPrefix(rows[1], "London") {
		t.Errorf("with regions: %s, %q, %d tiles", current, rows, tiles)
	}
}

func TestIsUK(t *testing.T) {
	for region, want := range map[string]bool{"GB-WLS": true, "London": true, "Yorkshire and the Humber": true, "FR-IDF": false, "US-CA": false, "": false} {
		if got := isUK(region); got != want {
			t.Errorf("isUK(%q) = %v", region, got)
		}
	}
}

// A place file without the regions of England must not leave it empty beside Wales.
func TestTheMapOfEnglandAsAWhole(t *testing.T) {
	rows := []analytics.ListRow{
		{Value: "GB-ENG", Counts: analytics.Counts{Visits: analytics.Number{N: 900}}},
		{Value: "GB-WLS", Counts: analytics.Counts{Visits: analytics.Number{N: 100}}},
	}
	levels := func(m *ukMap) map[string]int {
		all := map[string]int{}
		for _, tile := range m.Tiles {
			all[tile.Short] = tile.Level
		}
		return all
	}
	whole := levels(newUKMap(names{}, rows))
	if whole["Lon"] != 4 || whole["NE"] != 4 || whole["Wales"] != 2 || whole["Scot"] != 0 {
		t.Errorf("England as a whole: %v", whole)
	}
	known := levels(newUKMap(names{}, append(rows, analytics.ListRow{Value: "London", Counts: analytics.Counts{Visits: analytics.Number{N: 100}}})))
	if known["Lon"] != 4 || known["NE"] != 0 || known["Wales"] != 4 {
		t.Errorf("with a region: %v", known)
	}
}
