package dashboard

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		n    analytics.Number
		want string
	}{
		{analytics.Number{}, "0"},
		{analytics.Number{N: 999}, "999"},
		{analytics.Number{N: 1234567}, "1,234,567"},
		{analytics.Number{N: 100000}, "100,000"},
		{analytics.Number{N: 5, Kind: analytics.FewerThan}, "fewer than 5"},
		{analytics.Number{N: 1230, Kind: analytics.About}, "about 1,230"},
		{analytics.Number{N: 45, Kind: analytics.Rounded}, "45"},
		{analytics.Number{Kind: analytics.Unanswered}, "–"},
	} {
		if got := number(tt.n); got != tt.want {
			t.Errorf("number(%v) = %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		now, before int64
		want        string
	}{
		{112, 100, "12% more"},
		{88, 100, "12% fewer"},
		{100, 100, "the same as before"},
		{1001, 1000, "nearly the same as before"},
		{9, 4, "up from 4"},
		{4, 9, "down from 9"},
		{1000, 3, "up from 3"},
		{3, 1000, "down from 1,000"},
		{29, 29, "the same as before"},
		{0, 0, "the same as before"},
		{5, 0, "up from 0"},
		{60, 30, "100% more"},
	} {
		if got := compare(analytics.Number{N: tt.now}, analytics.Number{N: tt.before}).Text; got != tt.want {
			t.Errorf("%d after %d: got %q, want %q", tt.now, tt.before, got, tt.want)
		}
	}
	hidden := analytics.Number{N: 5, Kind: analytics.FewerThan}
	if got := compare(hidden, analytics.Number{N: 100}); got != (change{}) {
		t.Errorf("a hidden number is compared: %v", got)
	}
	if got := share(analytics.Number{N: 3}, analytics.Number{N: 29}); got != "" {
		t.Errorf("a share of 29 is told: %q", got)
	}
}

func TestWindow(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"92 days": 92 * oneDay, "13 months": 396 * oneDay, "25 months": analytics.DefaultRetention, "1 year": 365 * oneDay,
		"4 years": 4 * 365 * oneDay, "1 day": oneDay,
	} {
		if got := window(d); got != want {
			t.Errorf("window(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	n := names{readCountries()}
	for _, tt := range []struct {
		dim         analytics.Dim
		value, want string
	}{
		{analytics.DimCountry, "GB", "United Kingdom"},
		{analytics.DimCountry, "", "Country not known"},
		{analytics.DimCountry, "ZZ", "ZZ"},
		{analytics.DimRegion, "GB-WLS", "Wales"},
		{analytics.DimDevice, "phone", "Phone"},
		{analytics.DimPage, "/", "/ (front page)"},
		{analytics.DimPage, "/donate", "/donate"},
		{analytics.DimSource, "", "No source known"},
		{analytics.DimCampaign, "", "Not known"},
	} {
		if got := n.of(tt.dim, tt.value); got != tt.want {
			t.Errorf("%s %q is called %q, want %q", tt.dim, tt.value, got, tt.want)
		}
	}
	for c := analytics.Direct; c <= analytics.Referral; c++ {
		if got := n.of(analytics.DimChannel, c.String()); got == c.String() || channelWords[c.String()] == "" {
			t.Errorf("the channel %s has no words", c)
		}
	}
}

func TestPathsAndHostsGoFromLeftToRight(t *testing.T) {
	for _, tt := range []struct {
		dim   analytics.Dim
		value string
		want  bool
	}{
		{analytics.DimPage, "/خدمات", true},
		{analytics.DimSource, "موقع-البلدية.example", true},
		{analytics.DimSource, "نشرة", false},
		{analytics.DimSource, "v. 2 of نشرة", false},
		{analytics.DimOutbound, "موقع.example", true},
		{analytics.DimCampaign, "حملة-رمضان", false},
	} {
		if got := isPath(tt.dim, tt.value); got != tt.want {
			t.Errorf("%s %q: got %v, want %v", tt.dim, tt.value, got, tt.want)
		}
	}
}

func TestNiceTop(t *testing.T) {
	for highest := range int64(3000) {
		top, step := niceTop(highest)
		if top < highest || step < 1 || top%step != 0 || top/step > 5 || top/step < 2 {
			t.Fatalf("niceTop(%d) = %d, %d", highest, top, step)
		}
	}
	if top, step := niceTop(1_234_567); top != 1_500_000 || step != 500_000 {
		t.Errorf("got %d by %d", top, step)
	}
}

// The width of a chart on a phone of 360 px, of the scale before it, of the margin
// behind it, and of a letter below it, in CSS pixels.
const phoneChart, phoneScale, phoneMargin, phoneLetter = 250, 44.0, 16.0, 6.7

// place is from where to where a date stands on a phone.
func place(t *testing.T, m dateMark) (from, to float64) {
	t.Helper()
	at, err := strconv.ParseFloat(strings.TrimSuffix(m.X, "%"), 64)
	if err != nil {
		t.Fatal(err)
	}
	width := phoneLetter * float64(len(m.Label))
	from = at*phoneChart/100 - width
	if m.Anchor == "middle" {
		from += width / 2
	}
	return from, from + width
}

// The steps named below a chart are at equal distances, none twice, and on a phone none in
// another's way.
func TestDateMarks(t *testing.T) {
	first := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for step, next := range map[analytics.SeriesStep]func(n int) time.Time{
		analytics.SeriesHour:  func(n int) time.Time { return first.Add(time.Duration(n) * time.Hour) },
		analytics.SeriesDay:   func(n int) time.Time { return first.AddDate(0, 0, n) },
		analytics.SeriesMonth: func(n int) time.Time { return first.AddDate(0, n, 0) },
	} {
		for n := 1; n <= 92; n++ {
			var points []analytics.Point
			for i := range n {
				points = append(points, analytics.Point{Start: next(i)})
			}
			marks := dateMarks(points, 100/float64(n), step)
			if len(marks) == 0 || len(marks) > 8 || n > 1 && len(marks) < 2 && step != analytics.SeriesHour {
				t.Fatalf("%d steps of kind %d have %d marks", n, step, len(marks))
			}
			seen := map[string]bool{}
			free := -phoneScale // where the next may begin
			for _, m := range marks {
				from, to := place(t, m)
				if from < free || to > phoneChart+phoneMargin {
					t.Fatalf("%d steps of kind %d: %q stands in the way of another, or over the edge: %+v", n, step, m.Label, marks)
				}
				free = to + 2
				if seen[m.Label] && step != analytics.SeriesHour {
					t.Fatalf("%d steps of kind %d: %q comes twice", n, step, m.Label)
				}
				seen[m.Label] = true
			}
		}
	}
	var year []analytics.Point
	for i := range 8 {
		year = append(year, analytics.Point{Start: first.AddDate(0, i, 0)})
	}
	if marks := dateMarks(year, 12.5, analytics.SeriesMonth); len(marks) != 8 || marks[0].Label != "Apr" || marks[7].Label != "Nov" {
		t.Errorf("got %+v", marks)
	}
}
