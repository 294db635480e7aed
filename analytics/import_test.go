package analytics

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testFile writes a file and returns its path.
func testFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImport(t *testing.T) {
	yesterday := time.Now().UTC().AddDate(0, 0, -1)
	d := yesterday.Format(time.DateOnly)
	old := time.Now().UTC().AddDate(-5, 0, 0).Format(time.DateOnly)
	for _, tt := range []struct {
		name, file string
		want       []string
		views      int64
	}{
		{
			"our own", "date,dimension,value,views,visits,visitors,engaged,seconds\n" +
				d + ",total,,30,10,8,5,900\n" + d + ",page,/,20,9,,,\n" + d + ",page,/members/jane@example.org/,10,,,,\n" + old + ",total,,1,1,1,1,1\n",
			[]string{"page: / 20, /members/(removed)/ 10"},
			30,
		},
		{
			"Plausible's visitors", "\"date\",\"visitors\",\"pageviews\",\"bounces\",\"visits\",\"visit_duration\"\n\"" + d + "\",8,30,5,10,900\n", nil, 30,
		},
		{
			"Plausible's pages", "\"date\",\"hostname\",\"page\",\"visits\",\"visitors\",\"pageviews\"\n\"" + d + "\",\"x.example\",\"/docs\",8,7,11\n",
			[]string{"page: /docs 11"},
			0,
		},
		{
			"Plausible's locations", "\"date\",\"country\",\"region\",\"city\",\"visitors\",\"visits\",\"visit_duration\",\"bounces\",\"pageviews\"\n" +
				"\"" + d + "\",\"GB\",\"GB-WLS\",2634910,5,6,0,1,9\n", []string{"country: GB 9", "region: GB-WLS 9"}, 0,
		},
		{
			"GoatCounter's", "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date\n" +
				"/?x=1,Home,false,,Firefox 128,Linux,s-one,0,www.google.com,h,,GB-WLS,true," + d + "T10:00:00Z\n" +
				"/a,A,false,,Firefox 128,Linux,s-one,0,,,,GB-WLS,true," + d + "T10:01:00Z\n" +
				"/a,A,false,,Firefox 128,Linux,s-one,0,,,,GB-WLS,false," + d + "T10:02:00Z\n" +
				"/a,A,false,,Bot 1,Linux,s-two,7,,,,GB,true," + d + "T10:02:00Z\n" +
				"signup,,true,,Firefox 128,Linux,s-one,0,,,,GB,true," + d + "T10:03:00Z\n",
			[]string{"page: /a 2, / 1", "browser: Firefox 3", "event: signup 1"},
			3,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			c := testConfig(t, dir, func(c *Config) { c.SmallNumber = 1 })
			for _, again := range []bool{false, true} { // the second time adds nothing
				got, err := ImportFiles(t.Context(), c, testSite, []string{testFile(t, "file.csv", tt.file)}, false)
				if err != nil {
					t.Fatal(err)
				}
				if again == (got.Rows != 0) || again == (got.Dims[0].Known == 0) {
					t.Errorf("got %+v", got)
				}
			}
			a := testOpen(t, dir, func(c *Config) { c.SmallNumber = 1 })
			defer testClose(t, a)
			q := Question{From: day(yesterday), To: day(yesterday)}
			for _, w := range tt.want {
				name, _, _ := strings.Cut(w, ":")
				q.Lists = append(q.Lists, ListQuestion{Dim: Dim(name)})
			}
			ans := testAsk(t, a, q)
			if ans.Headline.Views.N != tt.views {
				t.Errorf("got %d views, want %d", ans.Headline.Views.N, tt.views)
			}
			for i, w := range tt.want {
				if got := listText(ans.Lists[i]); got != w {
					t.Errorf("got %q, want %q", got, w)
				}
			}
			if anyFileHolds(t, dir, "jane@") || anyFileHolds(t, dir, "s-one") {
				t.Error("a file holds what must not be kept")
			}
		})
	}
}

func TestImportedVisitorsAreNotAddedUp(t *testing.T) {
	dir := t.TempDir()
	now := day(time.Now().UTC())
	file := "date,dimension,value,views,visitors\n"
	for i := range 3 {
		file += now.AddDate(0, 0, -i-1).Format(time.DateOnly) + ",total,,10,7\n"
	}
	if _, err := ImportFiles(t.Context(), testConfig(t, dir), testSite, []string{testFile(t, "a.csv", file)}, false); err != nil {
		t.Fatal(err)
	}
	a := testOpen(t, dir)
	defer testClose(t, a)
	if got := testAsk(t, a, Question{From: now.AddDate(0, 0, -1), To: now.AddDate(0, 0, -1)}).Headline.Visitors; got != (Number{N: 7}) {
		t.Errorf("of one day: got %+v, want 7", got)
	}
	if got := testAsk(t, a, Question{From: now.AddDate(0, 0, -3), To: now.AddDate(0, 0, -1)}).Headline.Visitors; got != unanswered {
		t.Errorf("of three days: got %+v, want none", got)
	}
}

// A whole export of Plausible, as it comes: its files know of one another.
func TestImportOfAnArchive(t *testing.T) {
	d := day(time.Now().UTC()).AddDate(0, 0, -1)
	on := d.Format(time.DateOnly)
	path := filepath.Join(t.TempDir(), "export.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range map[string]string{
		"imported_visitors.csv":    "date,visitors,pageviews,bounces,visits,visit_duration\n" + on + ",8,30,5,10,900\n",
		"imported_pages.csv":       "date,hostname,page,visits,visitors,pageviews,total_time_on_page,total_time_on_page_visits\n" + on + ",x,/docs,8,7,11,300,10\n",
		"imported_entry_pages.csv": "date,entry_page,visitors,entrances,visit_duration,bounces,pageviews\n" + on + ",/docs,5,6,60,2,20\n" + on + ",/gone,5,6,60,2,20\n",
		"imported_exit_pages.csv":  "date,exit_page,visitors,visits,exits,bounces\n" + on + ",/docs,4,4,4,1\n",
		"imported_sources.csv": "date,source,referrer,utm_source,utm_medium,utm_campaign,utm_content,utm_term,pageviews,visitors,visits,visit_duration,bounces\n" +
			on + ",Google,google.com/,,,,,,12,5,6,60,2\n" + on + ",Direct / None,,,,,,,9,3,3,60,2\n" + on + ",Newsletter,,newsletter,email,may,,,9,3,3,60,2\n" + on + ",,,,,,,,1,1,1,0,1\n",
		"imported_browsers.csv": "date,browser,browser_version,visitors,visits,visit_duration,bounces,pageviews\n" + on + ",Microsoft Edge,120.1,5,6,60,2,20\n",
		"readme.txt":            "not a table",
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	one := func(c *Config) { c.SmallNumber = 1 }
	if _, err := ImportFiles(t.Context(), testConfig(t, dir, one), testSite, []string{path}, false); err != nil {
		t.Fatal(err)
	}
	a := testOpen(t, dir, one)
	defer testClose(t, a)
	q := Question{From: d, To: d}
	wants := []string{"page: /docs 11", "entry: /docs 20, /gone 20", "source: google 12,  10, newsletter 9", "channel: search 12, direct 10, email 9", "campaign: may 9", "browser: Edge 20"}
	for _, w := range wants {
		name, _, _ := strings.Cut(w, ":")
		q.Lists = append(q.Lists, ListQuestion{Dim: Dim(name)})
	}
	ans := testAsk(t, a, q)
	for i, w := range wants {
		if got := listText(ans.Lists[i]); got != w {
			t.Errorf("got %q, want %q", got, w)
		}
	}
	page := ans.Lists[0].Rows[0].Counts
	if page.Exits.N != 4 || page.Visits.N != 6 || page.Engaged.N != 4 || page.Seconds.N != 30 {
		t.Errorf("got %+v, want 4 exits, 6 visits, 4 of which stayed, 30 seconds", page)
	}
	if h := ans.Headline; h.Visitors.N != 8 || h.Exits.N != 10 || h.Seconds.N != 90 {
		t.Errorf("got %+v, want 8 visitors, 10 exits, 90 seconds", h)
	}
}

// Files come one after the other, and months are closed in between.
func TestImportIntoClosedMonths(t *testing.T) {
	dir := t.TempDir()
	a := testOpen(t, dir)
	now := day(time.Now().UTC())
	month := monthOf(now).AddDate(0, -3, 0)
	on := month.AddDate(0, 0, 9).Format(time.DateOnly)
	old := monthOf(now).AddDate(0, -20, 9).Format(time.DateOnly)
	add := func(dryRun bool, lines string) Imported {
		t.Helper()
		file := testFile(t, "a.csv", "date,dimension,value,views,visits\n"+lines)
		got, err := ImportFiles(t.Context(), testConfig(t, dir), testSite, []string{file}, dryRun)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	add(false, on+",total,,100,50\n"+old+",total,,100,50\n")
	if err := a.keepHouse(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	pages := on + ",page,/,100,50\n" + on + ",source,seen.example,90,45\n" + on + ",source,rare.example,4,2\n" + old + ",page,/,100,50\n"
	if got := add(true, pages); got.Rows == 0 || len(testAsk(t, a, Question{From: month, To: month.AddDate(0, 1, -1), Lists: []ListQuestion{{Dim: DimPage}}}).Lists[0].Rows) != 0 {
		t.Errorf("a dry run: got %+v", got)
	}
	add(false, pages)
	for _, from := range []time.Time{month, monthOf(now).AddDate(0, -20, 0)} {
		ans := testAsk(t, a, Question{From: from, To: from.AddDate(0, 1, -1), Lists: []ListQuestion{{Dim: DimPage}, {Dim: DimSource}}})
		if got := listText(ans.Lists[0]); got != "page: / 100" {
			t.Errorf("%v: got %q", from, got)
		}
		if ans.Headline.Visitors != unanswered {
			t.Errorf("visitors of imported days: got %+v, want none", ans.Headline.Visitors)
		}
	}
	if err := a.keepHouse(t.Context(), time.Now().AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	rows := testTable(t, a)
	for _, r := range rows {
		if r.Value == "rare.example" {
			t.Errorf("a rare value of a month that is over is kept: %+v", r)
		}
	}
	// By the day and by the month the same.
	sums := map[Grain]int64{}
	for _, r := range rows {
		if r.Dim == DimSource {
			sums[r.Grain] += r.Views
		}
	}
	if sums[Day] != 94 || sums[Month] != 94 {
		t.Errorf("got %v, want 94 both by the day and by the month", sums)
	}
	testClose(t, a)
	if anyFileHolds(t, dir, "rare.example") {
		t.Error("a file holds the rare value")
	}
}

func TestImportRefuses(t *testing.T) {
	for name, file := range map[string]string{
		"nothing":               "",
		"another kind of file":  "a,b,c\n1,2,3\n",
		"a date that is none":   "date,dimension,value,views\n31/05/2024,total,,1\n",
		"a count below zero":    "date,dimension,value,views\n2026-05-31,total,,-1\n",
		"an unknown dimension":  "date,dimension,value,views\n2026-05-31,ip,10.0.0.1,1\n",
		"requests by state":     "date,dimension,value,views\n2026-05-31,state,declined,1\n",
		"an unknown channel":    "date,dimension,value,views\n2026-05-31,channel,carrier pigeon,1\n",
		"a page that is none":   "date,dimension,value,views\n2026-05-31,page,about,1\n",
		"a country's name":      "date,dimension,value,views\n2026-05-31,country,Wales,1\n",
		"a quote that is open":  "date,dimension,value,views\n2026-05-31,total,\",1\n",
		"GoatCounter, no date":  "2Path,Session,FirstVisit,Date\n/,s,true,yesterday\n",
		"Plausible, half a day": "date,visitors,pageviews\n2026-05-31T12:00:00Z,1\n",
	} {
		dir := t.TempDir()
		if got, err := ImportFiles(t.Context(), testConfig(t, dir), testSite, []string{testFile(t, "a.csv", file)}, false); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add("date,dimension,value,views\n2026-05-31,page,/,1\n")
	f.Add("\"date\",\"visitors\",\"pageviews\",\"bounces\",\"visits\",\"visit_duration\"\n\"2023-02-09\",8,30,5,10,900\n")
	f.Add("2Path,Session,FirstVisit,Date,Referrer\n/,s,true,2026-05-31T12:00:00Z,%zz\n")
	empty, err := newHistory(testConfig(f, ""), testSite)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file string) {
		h := *empty
		h.now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		if h.readCSV("file.csv", strings.NewReader(file)) != nil {
			return
		}
		for _, r := range h.rows(h.finished(&Imported{})) {
			if personal(r.Value) || len(r.Value) > 120 || r.Page != "" {
				t.Errorf("got %+v", r)
			}
			for _, m := range r.all() {
				if *m < 0 {
					t.Errorf("got %+v", r)
				}
			}
		}
	})
}
