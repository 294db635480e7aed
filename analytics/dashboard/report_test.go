package dashboard

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func TestReport(t *testing.T) {
	d := testDashboard(t)
	month := lastMonth()
	d.testSums(t, "willow.example", month,
		sum{dim: "total", views: 1234, visits: 503, visitors: 402, engaged: 251},
		sum{dim: "page", value: "/", views: 911}, sum{dim: "page", value: "/private-page", views: 2}, sum{dim: "page", value: "/thin", views: 1},
		sum{dim: "page", value: "/donate", views: 320},
		sum{dim: "country", value: "GB", visits: 441}, sum{dim: "country", value: "IE", visits: 61}, sum{dim: "country", value: "FR", visits: 1},
		sum{dim: "goal", value: "Donated", goal: 23})
	n := page(t, d.owner(t).get("/_lychgate/admin/sites/willow.example/report"))
	article := find(n, tag("article"))[0]
	all := text(article)
	for _, want := range []string{"Willow Family Centre", month.Format("January 2006"), "505", "1,235", "(front page)", "United Kingdom", "Donated", "How this was counted"} {
		if !strings.Contains(all, want) {
			t.Errorf("the report lacks %q: %s", want, all)
		}
	}
	for _, secret := range []string{"private-page", "thin", "France", "1,234", "503", "441"} {
		if strings.Contains(all, secret) {
			t.Errorf("the report shows %q", secret)
		}
	}
	if !strings.Contains(all, "Counting began on "+month.Format("2 January 2006")) || strings.Contains(all, "beside") {
		t.Error("measures by a month that was not counted")
	}
	dates := find(article, func(n *html.Node) bool { return n.Data == "g" && attr(n, "class") == "dates" })
	if len(dates) != 1 || !strings.Contains(text(dates[0]), monthOf(month).Format("2 Jan")) {
		t.Error("the chart names no dates")
	}
}

// The command line writes the same report without a gateway.
func TestWriteReport(t *testing.T) {
	d := testDashboard(t)
	d.testSums(t, "willow.example", lastMonth(), sum{dim: "total", views: 1234, visits: 503, visitors: 402},
		sum{dim: "page", value: "=1+1", views: 1234})
	write := func(from, to time.Time, format string) string {
		t.Helper()
		var b bytes.Buffer
		if err := WriteReport(t.Context(), &b, d.c.Analytics, Site{ID: "willow.example", Name: "Willow"}, from, to, format); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	alone := write(time.Time{}, time.Time{}, "html")
	n, err := html.Parse(strings.NewReader(alone))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range find(n, func(*html.Node) bool { return true }) {
		if e.Data == "link" || e.Data == "script" || e.Data == "img" {
			t.Errorf("the file needs another: <%s>", e.Data)
		}
	}
	if !strings.Contains(text(n), "505") || !strings.Contains(alone, "@page") {
		t.Error("the file lacks its numbers or its style")
	}
	r, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(write(lastMonth(), lastMonth(), "csv"), "\ufeff"))).ReadAll()
	if err != nil || len(r) < 4 {
		t.Fatalf("got %d rows, %v", len(r), err)
	}
	if got := r[1][1]; got != monthOf(lastMonth()).Format(isoDate) {
		t.Errorf("a day's report begins on %s, want the month's first", got)
	}
	if got := r[3][4]; got != "'=1+1" {
		t.Errorf("got cell %q", got)
	}
	var v struct{ Rows []map[string]any }
	if err := json.Unmarshal([]byte(write(time.Time{}, time.Time{}, "json")), &v); err != nil || len(v.Rows) < 3 {
		t.Errorf("got %v, %v", v, err)
	}
	if err := WriteReport(t.Context(), &bytes.Buffer{}, d.c.Analytics, Site{ID: "willow.example"}, time.Time{}, time.Time{}, "docx"); err == nil {
		t.Error("writes docx?")
	}
}
