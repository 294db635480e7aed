package dashboard

import (
	"net/url"
	"testing"
	"time"
)

func day(s string) time.Time {
	t, err := time.Parse(isoDate, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestPeriods(t *testing.T) {
	tests := []struct {
		name, query, today string
		period             string // from..to
		before             string
		words              string
	}{
		{"nothing said", "", "2026-11-21", "2026-11-01..2026-11-21", "2026-10-01..2026-10-21", "This month so far"},
		{"nonsense", "period=always", "2026-11-21", "2026-11-01..2026-11-21", "2026-10-01..2026-10-21", "This month so far"},
		{"the last day of a month is a whole month", "period=this-month", "2026-11-30", "2026-11-01..2026-11-30", "2026-10-01..2026-10-31", "This month so far"},
		{"31 March has no 31 February", "period=this-month", "2026-03-30", "2026-03-01..2026-03-30", "2026-02-01..2026-02-28", "This month so far"},
		{"last month over a year's end", "period=last-month", "2027-01-05", "2026-12-01..2026-12-31", "2026-11-01..2026-11-30", "Last month"},
		{"last month after a leap day", "period=last-month", "2028-03-01", "2028-02-01..2028-02-29", "2028-01-01..2028-01-31", "Last month"},
		{"thirty days", "period=last-30-days", "2026-11-21", "2026-10-23..2026-11-21", "2026-09-23..2026-10-22", "Last 30 days"},
		{"the financial year begins in April", "period=financial-year", "2026-11-21", "2026-04-01..2026-11-21", "2025-04-01..2025-11-21", "Financial year so far"},
		{"in March it is last year's", "period=financial-year", "2026-03-31", "2025-04-01..2026-03-31", "2024-04-01..2025-03-31", "Financial year so far"},
		{"the one before", "period=last-financial-year", "2026-04-01", "2025-04-01..2026-03-31", "2024-04-01..2025-03-31", "Last financial year"},
		{"quarter", "period=last-quarter", "2026-01-15", "2025-10-01..2025-12-31", "2025-07-01..2025-09-30", "Last quarter"},
		{"dates", "period=custom&from=2026-10-05&to=2026-10-11", "2026-11-21", "2026-10-05..2026-10-11", "2026-09-28..2026-10-04", "5 to 11 October 2026"},
		{"dates the wrong way round", "period=custom&from=2026-10-11&to=2026-10-05", "2026-11-21", "2026-10-05..2026-10-11", "2026-09-28..2026-10-04", "5 to 11 October 2026"},
		{"dates to come", "period=custom&from=2026-11-20&to=2030-01-01", "2026-11-21", "2026-11-20..2026-11-21", "2026-11-18..2026-11-19", "20 to 21 November 2026"},
		{"only dates to come", "period=custom&from=2029-11-20&to=2030-01-01", "2026-11-21", "2026-11-01..2026-11-21", "2026-10-01..2026-10-21", "This month so far"},
		{"a month as dates", "period=custom&from=2026-02-01&to=2026-02-28", "2026-11-21", "2026-02-01..2026-02-28", "2026-01-04..2026-01-31", "February 2026"},
		{"a thousand years", "period=custom&from=1026-02-01&to=2026-02-28", "2026-11-21", "2026-11-01..2026-11-21", "2026-10-01..2026-10-21", "This month so far"},
		{"no dates", "period=custom&from=x&to=y", "2026-11-21", "2026-11-01..2026-11-21", "2026-10-01..2026-10-21", "This month so far"},
	}
	span := func(p Period) string { return p.From.Format(isoDate) + ".." + p.To.Format(isoDate) }
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			p := parsePeriod(q, day(tt.today))
			if got := span(p); got != tt.period {
				t.Errorf("got period %s, want %s", got, tt.period)
			}
			if got := span(p.before()); got != tt.before {
				t.Errorf("got %s before, want %s", got, tt.before)
			}
			if p.Name != tt.words {
				t.Errorf("got name %q, want %q", p.Name, tt.words)
			}
			if again := parsePeriod(p.values(), day(tt.today)); again != p {
				t.Errorf("the address of %v leads to %v", p, again)
			}
			year := p.yearBefore()
			if year.From.Weekday() != p.From.Weekday() || year.Days() != p.Days() {
				t.Errorf("a year before: %s", span(year))
			}
			w := p.wholeMonths(day(tt.today))
			if w.From.Day() != 1 || w.From.After(p.From) || w.To.Before(p.To) || w.To.AddDate(0, 0, 1).Day() != 1 && !w.To.Equal(day(tt.today)) {
				t.Errorf("in whole months: %s", span(w))
			}
		})
	}
}

func TestReportPeriods(t *testing.T) {
	today := day("2026-11-21")
	for _, tt := range []struct{ query, name, before string }{
		{"", "October 2026", "September 2026"},
		{"span=month&of=2026-11", "November 2026, so far", "October 2026"},
		{"span=quarter&of=2026-08", "1 July to 30 September 2026", "1 April to 30 June 2026"},
		{"span=year&of=2026-02", "Financial year 2025/26", "Financial year 2024/25"},
		{"span=year&of=2026-05", "Financial year 2026/27, so far", "Financial year 2025/26"},
		{"span=week&of=1850-01", "October 2026", "September 2026"},
		{"span=month&of=2027-01", "October 2026", "September 2026"},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		_, p, before := reportOf(q, today)
		if got := p.Name; got != tt.name {
			t.Errorf("%q: got %q, want %q", tt.query, got, tt.name)
		}
		if before.Name != tt.before {
			t.Errorf("%q: got %q before, want %q", tt.query, before.Name, tt.before)
		}
	}
	for _, tt := range []struct{ from, to, want string }{
		{"2026-10-03", "2026-10-04", "October 2026"},
		{"2026-04-01", "2026-06-30", "1 April to 30 June 2026"},
		{"2025-04-01", "2026-03-31", "Financial year 2025/26"},
		{"2026-01-15", "2026-02-03", "1 January to 28 February 2026"},
	} {
		if _, p, _ := spanOf(day(tt.from), day(tt.to), today); p.Name != tt.want {
			t.Errorf("%s to %s: got %q, want %q", tt.from, tt.to, p.Name, tt.want)
		}
	}
}
