package dashboard

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whoever collects everything that leaves the dashboard about every run of months
// must not be able to tell one small cell exactly. The attack tries all histories
// of a value that agree with what was published; a small month must always leave
// a choice.
func TestDifferencing(t *testing.T) {
	d := testDashboard(t)
	first := monthOf(today()).AddDate(0, -3, 0)
	months := [3]time.Time{first, first.AddDate(0, 1, 0), first.AddDate(0, 2, 0)}
	r := rand.New(rand.NewPCG(7, 11))
	truth := map[string][3]int64{
		// The corners in which rounding each sum on its own tells the third month.
		"corner up": {12, 17, 4}, "corner down": {8, 13, 1}, "corner first": {4, 12, 17}, "corner middle": {17, 4, 12},
	}
	for i := range 60 {
		truth[fmt.Sprint("value ", i)] = [3]int64{r.Int64N(25), r.Int64N(25), 1 + r.Int64N(4)}
	}
	for m, month := range months {
		var all []sum
		var total int64
		for value, n := range truth {
			if n[m] > 0 {
				all = append(all, sum{dim: "page", value: value, views: n[m]})
			}
			total += n[m]
		}
		d.testSums(t, "willow.example", month.AddDate(0, 0, 5), append(all, sum{dim: "total", views: total})...)
	}
	token, err := d.accounts.addKey(t.Context(), tokenKey, "willow.example", "attacker", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	api := d.testProgram(t, token)
	published := map[[2]int]map[string]int64{} // by first and last month: what is shown of each value
	for a := range months {
		for b := a; b < len(months); b++ {
			published[[2]int{a, b}] = api.views(t, months[a], months[b])
		}
	}
	small, shown := 0, 0
	for value, n := range truth {
		for m := range months {
			shown += int(published[[2]int{m, m}][value])
			if n[m] < 1 || n[m] > 4 {
				continue
			}
			small++
			if possible := histories(published, value, m); len(possible) < 2 {
				t.Errorf("%s %v: month %d can only be %v", value, n, m, possible)
			}
		}
	}
	if small < 60 || shown == 0 {
		t.Fatalf("control: %d small cells, %d views published", small, shown)
	}
	// Control: the attack finds the corner when sums are rounded on their own.
	naive := map[[2]int]map[string]int64{}
	for span := range published {
		var n int64
		for m := span[0]; m <= span[1]; m++ {
			n += truth["corner up"][m]
		}
		naive[span] = map[string]int64{"corner up": roundToFive(n)}
	}
	if got := naiveHistories(naive, "corner up", 2); len(got) != 1 {
		t.Errorf("control: the attack on numbers rounded on their own leaves %v", got)
	}
}

// views are the page views of every page that the API tells.
func (b *browser) views(t *testing.T, from, to time.Time) map[string]int64 {
	t.Helper()
	res := b.get("/_lychgate/api/v1/sites/willow.example/lists/pages.all?from=" + from.Format(isoMonth) + "&to=" + to.Format(isoMonth))
	want(t, res, 200)
	var v struct {
		Rows []struct {
			Value string
			Views jsonNumber `json:"page_views"`
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	m := map[string]int64{}
	for _, r := range v.Rows {
		if r.Views.Value != nil {
			m[r.Value] = *r.Views.Value
		}
	}
	return m
}

func roundToFive(n int64) int64 {
	if n < 5 {
		return 0
	}
	return (n + 2) / 5 * 5
}

// histories are the counts that month m of a value may have had, given that each
// published sum is that of its months.
func histories(published map[[2]int]map[string]int64, value string, m int) map[int64]bool {
	return consistent(published, value, m, func(n []int64) (sum int64) {
		for _, x := range n {
			sum += roundToFive(x)
		}
		return sum
	})
}

// naiveHistories are the same, given that each sum was rounded on its own.
func naiveHistories(published map[[2]int]map[string]int64, value string, m int) map[int64]bool {
	return consistent(published, value, m, func(n []int64) (sum int64) {
		for _, x := range n {
			sum += x
		}
		return roundToFive(sum)
	})
}

func consistent(published map[[2]int]map[string]int64, value string, m int, show func([]int64) int64) map[int64]bool {
	possible := map[int64]bool{}
	var n [3]int64
	for n[0] = range int64(30) {
		for n[1] = range int64(30) {
			for n[2] = range int64(30) {
				ok := true
				for span, values := range published {
					ok = ok && show(n[span[0]:span[1]+1]) == values[value]
				}
				if ok {
					possible[n[m]] = true
				}
			}
		}
	}
	return possible
}
