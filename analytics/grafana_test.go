package analytics

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// testGrafana asks the engine every question of deploy/grafana/lychgate.json, as
// Grafana would, of sums that hold small cells: it must plan each, answer it, and
// show none of the small ones.
func testGrafana(t *testing.T, server *clickhousetest.Server) {
	text, err := os.ReadFile("../deploy/grafana/lychgate.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID string
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			Title   string
			Targets []struct{ RawSQL string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.UID == "" || len(board.Panels) < 15 {
		t.Fatalf("got %q, %q, %d panels", board.Title, board.UID, len(board.Panels))
	}
	s := testOpenClickHouse(t, testClickHouseConfig(server, t.Name()))
	defer s.Close() //nolint:errcheck // a test's own database
	month := monthOf(time.Now().UTC())
	testGrafanaSums(t, s, month)

	// As the plugin writes its macros, and Grafana its variables.
	grafana := strings.NewReplacer(
		"$__fromTime", fmt.Sprintf("toDateTime(%d)", month.AddDate(0, -2, 5).Unix()),
		"$__toTime", fmt.Sprintf("toDateTime(%d)", month.AddDate(0, 0, 3).Unix()),
		"${site:sqlstring}", "'"+testSite+"'", "${small}", "5",
	)
	queries := map[string]string{}
	for _, v := range board.Templating.List {
		if v.Type == "query" {
			queries["variable "+v.Name] = v.Query
		}
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			queries[p.Title] = q.RawSQL
		}
	}
	for title, query := range queries {
		query = grafana.Replace(query)
		if strings.Contains(query, "$") {
			t.Errorf("%s: a macro or variable that the test does not know: %s", title, query)
		}
		plan, err := s.read.Query(t.Context(), "EXPLAIN PLAN "+query)
		if err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		plan.Close() //nolint:errcheck // that there is one is enough
		testGrafanaAnswer(t, s, title, query)
	}
}

// testGrafanaSums puts in, for every dimension and three months, a value with
// 12, 17 and 4, one with 3 in a single month, and one with 40.
func testGrafanaSums(t *testing.T, s Store, month time.Time) {
	t.Helper()
	var rows []Row
	add := func(g Grain, d Dim, value string, start time.Time, n int64) {
		rows = append(rows, Row{
			Key{Site: testSite, Grain: g, Dim: d, Start: start.Unix(), Value: value},
			Metrics{Views: n, Visits: n, Visitors: n, Goals: n},
		})
	}
	for i, n := range []int64{12, 17, 4} {
		start := month.AddDate(0, -2+i, 0)
		for _, d := range []Dim{
			DimPage, DimEntry, DimChannel, DimSource, DimCampaign, DimCountry, DimRegion, DimDevice, DimGoal,
			DimNotFound, DimDownload, DimSearch,
		} {
			add(Day, d, "third month is small", start, n)
			add(Day, d, "many", start, 40)
			if i == 1 {
				add(Day, d, "only three", start, 3)
			}
		}
		add(Day, DimTotal, "", start, 44+n)
		add(Day, DimNewIn, "month", start, n)
		add(Hour, DimState, "accepted", start, 44)
		add(Hour, DimState, "declined", start, n)
	}
	if err := s.Add(t.Context(), Batch{Source: "test", Number: 1, Rows: rows}); err != nil {
		t.Fatal(err)
	}
}

func testGrafanaAnswer(t *testing.T, s *clickhouseStore, title, query string) {
	t.Helper()
	rows, err := s.read.Query(t.Context(), query)
	if err != nil {
		t.Errorf("%s: %v", title, err)
		return
	}
	defer rows.Close() //nolint:errcheck // Err says it
	n := 0
	for ; rows.Next(); n++ {
		var cells []any
		for _, c := range rows.ColumnTypes() {
			switch c.ScanType().Kind().String() {
			case "string":
				cells = append(cells, new(string))
			case "int64":
				cells = append(cells, new(int64))
			default:
				cells = append(cells, new(time.Time))
			}
		}
		if err := rows.Scan(cells...); err != nil {
			t.Errorf("%s: %v", title, err)
			return
		}
		name := ""
		for _, c := range cells {
			switch c := c.(type) {
			case *string:
				name = *c
			case *int64:
				if *c%5 != 0 {
					t.Errorf("%s: %s shows %d", title, name, *c)
				}
				// 10 and 15, and of the last month nothing: not the 35 of its sum.
				if name == "third month is small" && *c != 25 {
					t.Errorf("%s: %s shows %d, want 25", title, name, *c)
				}
			}
		}
		if name == "only three" {
			t.Errorf("%s: names a value that three had", title)
		}
	}
	if err := rows.Err(); err != nil || n == 0 {
		t.Errorf("%s: %d rows, %v", title, n, err)
	}
}
