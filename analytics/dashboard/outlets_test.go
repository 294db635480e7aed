package dashboard

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/analytics"
)

// All that leaves the dashboard says the same of the same: shared pages, files
// and the API, for every run of months and every list. So whoever combines them
// knows no more than who has one of them, and of one TestDifferencing shows that
// no small cell can be told.
func TestEveryOutletTellsTheSame(t *testing.T) {
	d := testDashboard(t)
	first := monthOf(today()).AddDate(0, -3, 0)
	r := rand.New(rand.NewPCG(3, 14))
	dims := []analytics.Dim{analytics.DimPage, analytics.DimChannel, analytics.DimCountry, analytics.DimGoal, analytics.DimDownload}
	most := 3
	if testing.Short() {
		most = 2 // three runs of months instead of six
	}
	for m := range most {
		var all []sum
		for _, dim := range dims {
			for i := range 6 {
				n := 1 + r.Int64N(30)
				all = append(all, sum{dim: string(dim), value: fmt.Sprintf("%s-%d", dim, i), views: n, visits: n, goal: n})
			}
		}
		d.testSums(t, "willow.example", first.AddDate(0, m, 3), append(all, sum{dim: "total", views: 400, visits: 200})...)
	}
	owner := d.owner(t)
	secret, err := d.accounts.addKey(t.Context(), linkKey, "willow.example", "trustee", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	token, err := d.accounts.addKey(t.Context(), tokenKey, "willow.example", "program", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	api := d.testProgram(t, token)
	lists := map[string]string{"pages.all": "page_views", "from.channels": "visits", "places.countries": "visits", "goals.goals": "goals", "pages.downloads": "page_views"}
	told := 0
	for a := range most {
		for b := a; b < most; b++ {
			from, to := first.AddDate(0, a, 0), first.AddDate(0, b+1, -1)
			days := "?period=custom&from=" + from.Format(isoDate) + "&to=" + to.Format(isoDate)
			months := "?from=" + from.Format(isoMonth) + "&to=" + to.Format(isoMonth) + "&format=csv"
			// Days within the same months are the same months.
			odd := "?period=custom&from=" + from.AddDate(0, 0, 7).Format(isoDate) + "&to=" + to.AddDate(0, 0, -3).Format(isoDate)
			for list, metric := range lists {
				panel, tab, _ := strings.Cut(list, ".")
				want := csvColumn(t, body(t, api.get("/_lychgate/api/v1/sites/willow.example/lists/"+list+months)), metric)
				told += len(want)
				for outlet, got := range map[string]map[string]string{
					"file":                  csvColumn(t, body(t, owner.get(siteURL("willow.example")+"list/"+list+".csv"+days)), metric),
					"file of odd days":      csvColumn(t, body(t, owner.get(siteURL("willow.example")+"list/"+list+".csv"+odd)), metric),
					"shared page":           pageRows(page(t, owner.get(sharedURL(secret)+days+"&"+panel+"="+tab)), panel),
					"shared page, odd days": pageRows(page(t, owner.get(sharedURL(secret)+odd+"&"+panel+"="+tab)), panel),
					"shared page, filtered": pageRows(page(t, owner.get(sharedURL(secret)+days+"&by=country&is=country-1&"+panel+"="+tab)), panel),
				} {
					for value, n := range got {
						if want[value] != n {
							t.Errorf("%s %s, %s to %s: %s tells %q, the API %q", list, outlet, from.Format(isoMonth), to.Format(isoMonth), value, n, want[value])
						}
					}
					if len(got) == 0 || len(got) > len(want) {
						t.Errorf("%s %s: %d rows, the API has %d", list, outlet, len(got), len(want))
					}
				}
			}
		}
	}
	for m := range most {
		month := first.AddDate(0, m, 0).Format(isoMonth)
		report := body(t, owner.get(sharedURL(secret)+"report.csv?span=month&of="+month))
		if own := body(t, owner.get(siteURL("willow.example")+"report.csv?span=month&of="+month)); own != report {
			t.Error("the report of an admin differs from the shared one")
		}
		pages := csvColumn(t, body(t, api.get("/_lychgate/api/v1/sites/willow.example/lists/pages.all?format=csv&from="+month+"&to="+month)), "page_views")
		for value, n := range csvColumn(t, report, "page_views") {
			if want, ok := pages[value]; ok && want != n {
				t.Errorf("report of %s: %s has %s, the API %s", month, value, n, want)
			}
		}
	}
	if told < 60 {
		t.Errorf("control: only %d numbers were told", told)
	}
}

// csvColumn is one column of a file by the column "value", without what is
// hidden or nothing.
func csvColumn(t *testing.T, text, column string) map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	all := map[string]string{}
	for _, r := range records[1:] {
		n := r[at[column]]
		if i, err := strconv.Atoi(n); err == nil && i%5 != 0 {
			t.Errorf("%q tells %s", r, n)
		}
		all[r[at["value"]]] = n
	}
	return all
}

// pageRows is the open list of a panel by its rows' names.
func pageRows(n *html.Node, panel string) map[string]string {
	all := map[string]string{}
	for _, s := range find(n, func(n *html.Node) bool { return n.Data == "section" && attr(n, "id") == panel }) {
		for _, tr := range find(s, tag("tr"))[1:] {
			all[text(find(tr, tag("th"))[0])] = strings.ReplaceAll(text(find(tr, tag("td"))[0]), ",", "")
		}
	}
	return all
}
