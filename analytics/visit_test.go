package analytics

import (
	"testing"
	"time"
)

// london is where the tests' sites are.
func london(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestStep(t *testing.T) {
	cal := &calendar{loc: london(t)}
	at := func(s string) moment {
		tm, err := time.ParseInLocation("2006-01-02 15:04", s, cal.loc)
		if err != nil {
			t.Fatal(err)
		}
		return cal.at(tm.Unix())
	}
	type seen struct {
		at, page string
		goals    uint16
	}
	for _, tt := range []struct {
		name  string
		start visitor
		seen  []seen
		want  Metrics // summed over the views
		pages uint16
	}{
		{
			name: "one page is a visit that did not engage",
			seen: []seen{{at: "2026-03-01 10:00", page: "/"}},
			want: Metrics{Views: 1, Visits: 1, Visitors: 1}, pages: 1,
		},
		{
			name: "a second page engages, once",
			seen: []seen{{at: "2026-03-01 10:00", page: "/"}, {at: "2026-03-01 10:02", page: "/a"}, {at: "2026-03-01 10:31", page: "/b"}},
			want: Metrics{Views: 3, Visits: 1, Visitors: 1, Engaged: 1, Continues: 2, Seconds: 31 * 60, Timed: 2}, pages: 3,
		},
		{
			name: "30 minutes later it is another visit of the same visitor",
			seen: []seen{{at: "2026-03-01 10:00", page: "/"}, {at: "2026-03-01 10:30", page: "/a"}},
			want: Metrics{Views: 2, Visits: 2, Visitors: 1}, pages: 1,
		},
		{
			name: "a goal engages a visit of one page",
			seen: []seen{{at: "2026-03-01 10:00", page: "/thanks", goals: 1}, {at: "2026-03-01 10:01", page: "/thanks", goals: 1}},
			want: Metrics{Views: 2, Visits: 1, Visitors: 1, Engaged: 1, Continues: 1, Seconds: 60, Timed: 1, Goals: 1}, pages: 2,
		},
		{
			name: "a goal counts again in the next visit",
			seen: []seen{{at: "2026-03-01 10:00", page: "/thanks", goals: 3}, {at: "2026-03-01 12:00", page: "/thanks", goals: 2}},
			want: Metrics{Views: 2, Visits: 2, Visitors: 1, Engaged: 2, Goals: 3}, pages: 1,
		},
		{
			name: "a visit over midnight stays one and its visitor counts on both days",
			seen: []seen{{at: "2026-03-01 23:50", page: "/"}, {at: "2026-03-02 00:05", page: "/a"}},
			want: Metrics{Views: 2, Visits: 1, Visitors: 2, Engaged: 1, Continues: 1, Seconds: 15 * 60, Timed: 1}, pages: 2,
		},
		{
			name: "a clock set back loses no time and adds none",
			seen: []seen{{at: "2026-03-01 11:00", page: "/"}, {at: "2026-03-01 10:00", page: "/a"}},
			want: Metrics{Views: 2, Visits: 1, Visitors: 1, Engaged: 1, Continues: 1, Timed: 1}, pages: 2,
		},
		{
			name: "a state from a later day counts as today's",
			seen: []seen{{at: "2026-03-02 10:00", page: "/"}, {at: "2026-03-01 10:00", page: "/a"}, {at: "2026-03-02 10:00", page: "/a"}},
			want: Metrics{Views: 3, Visits: 2, Visitors: 2, Engaged: 1, Continues: 1, Timed: 1}, pages: 1,
		},
		{
			name:  "the page agreed on begins the visit where the visitor came from",
			start: visitor{Start: at("2026-03-01 10:00").Minute, Last: at("2026-03-01 10:00").Minute, From: attribution{Channel: Search, Source: "google"}},
			seen:  []seen{{at: "2026-03-01 10:01", page: "/"}},
			want:  Metrics{Views: 1, Visits: 1, Visitors: 1}, pages: 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.start
			var got Metrics
			for _, s := range tt.seen {
				var e effects
				v, e = step(v, view{At: at(s.at), Page: s.page, Goals: s.goals})
				parts := (&site{calendar: calendar{loc: cal.loc}}).parts(at(s.at), &v, &e)
				for _, p := range parts.all() {
					got.Add(p.Metrics)
				}
			}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if v.Pages != tt.pages {
				t.Errorf("got %d pages in the last visit, want %d", v.Pages, tt.pages)
			}
			if v.From != tt.start.From {
				t.Errorf("got attribution %+v, want %+v", v.From, tt.start.From)
			}
		})
	}
}

func TestHoursAndDaysOfAZone(t *testing.T) {
	for _, tt := range []struct{ name, zone, at, hour, day string }{
		{"winter", "Europe/London", "2026-01-10T23:59:59Z", "2026-01-10T23:00:00Z", "2026-01-10"},
		{"summer time begins the day an hour early", "Europe/London", "2026-07-10T23:15:00Z", "2026-07-10T23:00:00Z", "2026-07-11"},
		{"the first of the two hours from one to two", "Europe/London", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25"},
		{"the second of them", "Europe/London", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25"},
		{"a zone of half hours", "Asia/Kolkata", "2026-01-10T18:40:00Z", "2026-01-10T18:30:00Z", "2026-01-11"},
		{"a zone of quarter hours", "Asia/Kathmandu", "2026-01-10T18:20:00Z", "2026-01-10T18:15:00Z", "2026-01-11"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loc, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			m := (&calendar{loc: loc}).at(at.Unix())
			if got := time.Unix(m.Hour, 0).UTC().Format(time.RFC3339); got != tt.hour {
				t.Errorf("got hour %s, want %s", got, tt.hour)
			}
			if got := date(m.Day).Format(time.DateOnly); got != tt.day {
				t.Errorf("got day %s, want %s", got, tt.day)
			}
		})
	}
}

func TestADayWithoutMidnight(t *testing.T) {
	for zone, want := range map[string]string{"Atlantic/Azores": "2026-03-29T01:00:00Z", "Asia/Beirut": "2026-03-28T22:00:00Z", "Europe/London": "2026-03-29T00:00:00Z"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		s := &site{calendar: calendar{loc: loc}}
		got := time.Unix(s.midnight(time.Date(2026, time.March, 29, 0, 0, 0, 0, time.UTC)), 0).UTC().Format(time.RFC3339)
		if got != want {
			t.Errorf("%s: the day begins at %s, want %s", zone, got, want)
		}
	}
}
