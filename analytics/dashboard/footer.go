package dashboard

import (
	"fmt"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A footer says what is kept, for how long, and whether counting is well.
type footer struct {
	Window, Hours, Days string
	Oldest, OldestHour  string
	Next                string
	Zone                string
	Places              analytics.PlaceSource
	Health              []healthLine
}

type healthLine struct {
	Text string
	Bad  bool
}

func newFooter(a analytics.Answer, site Site) footer {
	f := footer{
		Window: window(a.Retention.Window), Hours: window(a.Retention.Hours), Days: window(a.Retention.Days),
		Zone: site.Location.String(), Places: a.Health.Places,
	}
	if !a.Retention.OldestDay.IsZero() {
		f.Oldest = a.Retention.OldestDay.Format("2 January 2006")
	}
	if !a.Retention.OldestHour.IsZero() {
		f.OldestHour = a.Retention.OldestHour.In(site.Location).Format("2 January 2006, 15:04")
	}
	if !a.Retention.NextDeletion.IsZero() {
		f.Next = a.Retention.NextDeletion.In(site.Location).Format("2 January 2006")
	}
	f.Health = append(health(a.Health), housekeeping(a.Retention)...)
	return f
}

// housekeeping says what became of the rows whose time was over.
func housekeeping(r analytics.Retention) (lines []healthLine) {
	if len(r.Others) > 0 {
		lines = append(lines, healthLine{"Another gateway closes months and deletes old numbers, too. Set “housekeeping = true” on exactly one.", true})
	}
	switch {
	case r.Err != "" && r.Late > 0:
		lines = append(lines, healthLine{fmt.Sprintf("%s past their time could not be deleted: %s", countOf(r.Late, "row"), r.Err), true})
	case r.Err != "":
		lines = append(lines, healthLine{"The daily clearing-up failed: " + r.Err, true})
	}
	if !r.LastPass.IsZero() {
		lines = append(lines, healthLine{fmt.Sprintf("Old numbers were cleared away %s: %s.", ago(r.LastPass, time.Now()), cleared(r.Late)), false})
	}
	return lines
}

// cleared says how many rows were past their time.
func cleared(rows int64) string {
	if rows == 0 {
		return "nothing was past its time"
	}
	return countOf(rows, "row") + " past their time"
}

func health(h analytics.Health) (lines []healthLine) {
	say := func(bad bool, format string, args ...any) {
		lines = append(lines, healthLine{fmt.Sprintf(format, args...), bad})
	}
	if !h.StoreOpen {
		say(true, "The store of numbers cannot be reached; counting goes on and is added later. %s", h.Err)
	} else if h.LastWrite.IsZero() {
		say(false, "All is well. Nothing new has been written since lychgate started.")
	} else {
		say(false, "All is well. Last write: %s.", ago(h.LastWrite, time.Now()))
	}
	if h.SpoolErr != "" {
		say(true, "Nothing can be written to the data folder; counting goes on in memory, and a crash would lose it. %s", h.SpoolErr)
	}
	if h.Backlog > 0 {
		say(h.Backlog > 100, "Waiting to be written: %s (%s).", countOf(int64(h.Backlog), "entry"), countOf(h.BacklogBytes, "byte"))
	}
	if h.SetAside > 0 {
		say(true, "%s set aside: nobody can tell whether they were written.", countOf(int64(h.SetAside), "entry"))
	}
	if h.PlaceErr != "" {
		say(true, "Countries are not counted: %s", h.PlaceErr)
	}
	return lines
}
