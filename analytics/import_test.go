package analytics

import (
	"strings"
	"testing"
	"time"
)

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
			for range 2 { // the second time adds nothing
				got, err := Import(t.Context(), c, testSite, strings.NewReader(tt.file))
				if err != nil {
					t.Fatal(err)
				}
				if got.Views != tt.views || got.Rows == 0 || !got.To.Equal(day(yesterday)) {
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
	if _, err := Import(t.Context(), testConfig(t, dir), testSite, strings.NewReader(file)); err != nil {
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

func TestImportRefuses(t *testing.T) {
	for name, file := range map[string]string{
		"nothing":               "",
		"another kind of file":  "a,b,c\n1,2,3\n",
		"a date that is none":   "date,dimension,value,views\n31/05/2024,total,,1\n",
		"a count below zero":    "date,dimension,value,views\n2026-05-31,total,,-1\n",
		"an unknown dimension":  "date,dimension,value,views\n2026-05-31,ip,10.0.0.1,1\n",
		"requests by state":     "date,dimension,value,views\n2026-05-31,state,declined,1\n",
		"a quote that is open":  "date,dimension,value,views\n2026-05-31,total,\",1\n",
		"GoatCounter, no date":  "2Path,Session,FirstVisit,Date\n/,s,true,yesterday\n",
		"Plausible, half a day": "date,visitors\n2026-05-31T12:00:00Z,1\n",
	} {
		dir := t.TempDir()
		if got, err := Import(t.Context(), testConfig(t, dir), testSite, strings.NewReader(file)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add("date,dimension,value,views\n2026-05-31,page,/,1\n")
	f.Add("\"date\",\"visitors\",\"pageviews\",\"bounces\",\"visits\",\"visit_duration\"\n\"2023-02-09\",8,30,5,10,900\n")
	f.Add("2Path,Session,FirstVisit,Date,Referrer\n/,s,true,2026-05-31T12:00:00Z,%zz\n")
	f.Fuzz(func(t *testing.T, file string) {
		h := &history{site: testSite, sources: sourceTable{}}
		if h.read(strings.NewReader(file)) != nil {
			return
		}
		rows, _ := h.rows(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), DefaultRetention)
		for _, r := range rows {
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
