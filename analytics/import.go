package analytics

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// An Imported says what was added to the sums, or would be.
type Imported struct {
	// Files are those that were read.
	Files []ImportedFile
	// Dims are the dimensions found, in the order of their names.
	Dims []ImportedDim
	// TooOld and Unfinished are the numbers of days that were left out because
	// they are older than sums are kept, or not over yet.
	TooOld, Unfinished int
	// Rows is the number of rows of sums.
	Rows int
}

// An ImportedFile is one file of history.
type ImportedFile struct {
	Name  string
	Lines int
}

// An ImportedDim is what the files hold of one dimension.
type ImportedDim struct {
	Dim Dim
	// Days and Values were added, From and To are the first and the last of the
	// days; Views and Visits are what they add up to.
	Days, Values  int
	From, To      time.Time
	Views, Visits int64
	// Known is the number of days left out because the sums hold them already.
	Known int
}

// ImportFiles adds the history of a site, which another program counted, to the
// sums, beside a running gateway or without one: all of the files or, with an
// error, which names the file and the line, nothing. With dryRun it only says what
// it would add. Which files can be read [history.read] says.
//
// A day of a dimension that holds numbers already, counted here or imported before,
// is left as it is: so a file may be imported twice, and a longer one after a
// shorter. Days that are not over, or older than sums are kept, are left out.
//
// Of months that are over rare values are folded into "(other)", as they are when
// a month of this gateway's own is closed; those older than days are kept are
// added by the month. Unique visitors cannot be added up over days: they are kept
// for single days, and no number is shown for longer periods that hold imported
// days.
func ImportFiles(ctx context.Context, c Config, site string, paths []string, dryRun bool) (Imported, error) {
	h, err := newHistory(c, site)
	if err != nil {
		return Imported{}, err
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return Imported{}, err
		}
		err = h.read(filepath.Base(path), f)
		if err := errors.Join(err, f.Close()); err != nil {
			return Imported{}, err
		}
	}
	return h.importInto(ctx, dryRun)
}

// importInto adds what was read to the store, or with dryRun says what it would.
func (h *history) importInto(ctx context.Context, dryRun bool) (_ Imported, err error) {
	out := Imported{Files: h.files}
	days := h.finished(&out)
	if len(days) == 0 {
		return out, nil
	}
	known := knownDays{h, map[knownDay]bool{}}
	if dryRun && !h.config.hasStore() {
		out.Rows = len(h.rows(known.without(days, &out)))
		return out, nil
	}
	store, err := h.config.openStore(ctx, dryRun)
	if err != nil {
		return out, fmt.Errorf("import: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	err = known.find(ctx, store, days)
	if err != nil {
		return out, fmt.Errorf("import: %w", err)
	}
	rows := h.rows(known.without(days, &out))
	out.Rows = len(rows)
	if dryRun || len(rows) == 0 {
		return out, nil
	}
	return out, store.Add(ctx, Batch{Source: "import/" + h.site + "/" + digest(rows), Number: 1, Rows: rows})
}

// hasStore reports whether there is a store that could be read.
func (c *Config) hasStore() bool {
	_, err := os.Stat(filepath.Join(c.Dir, storeFile))
	return err == nil || c.ClickHouse != nil
}

// digest names a batch by what is in it.
func digest(rows []Row) string {
	sum := sha256.Sum256(appendRecord(nil, rows))
	return fmt.Sprintf("%x", sum[:8])
}

// finished returns the days that may be added, one row for each key.
func (h *history) finished(out *Imported) []Row {
	oldest := h.now.Add(-h.config.Retention).Unix()
	today := int64(dayOf(h.now.In(h.location))) * secondsPerDay
	old, unfinished := map[int64]bool{}, map[int64]bool{}
	var kept []Row
	for _, r := range sumRows(h.days) {
		// Exits come from a file of their own, and may be more than views.
		r.Continues = min(max(r.Continues, 0), r.Views)
		switch {
		case r.Start < oldest:
			old[r.Start] = true
		case r.Start >= today:
			unfinished[r.Start] = true
		case r.Dim == DimPage && r.Views == 0:
			// Only entries and exits were given, and the page may come another time.
		case !r.Zero():
			kept = append(kept, r)
		}
	}
	out.TooOld, out.Unfinished = len(old), len(unfinished)
	return kept
}

// A knownDay is a day, or by the month a month, of a dimension.
type knownDay struct {
	dim   Dim
	start int64
}

// knownDays are those of which the sums hold something.
type knownDays struct {
	h     *history
	found map[knownDay]bool
}

// find asks the store what it holds of days.
func (k knownDays) find(ctx context.Context, store Store, days []Row) error {
	from, to := days[0].Start, days[0].Start
	dims := map[Dim]bool{}
	for i := range days {
		dims[days[i].Dim] = true
		from, to = min(from, days[i].Start), max(to, days[i].Start+1)
	}
	for d := range dims {
		sel := Select{Site: k.h.site, Grain: Day, Dim: d, From: from, To: to, By: ByStart}
		sel.Also = []Span{{Month, monthOf(time.Unix(from, 0).UTC()).Unix(), min(to, k.h.wholeMonths())}}
		rows, err := store.Query(ctx, sel)
		if err != nil {
			return err
		}
		for _, r := range rows {
			k.found[knownDay{d, r.Start}] = true
		}
	}
	return nil
}

// wholeMonths is when the first month begins that is kept by the day: what is
// older is added by the month.
func (h *history) wholeMonths() int64 {
	return monthOf(h.now.Add(-min(keepDays, h.config.Retention)).UTC()).AddDate(0, 1, 0).Unix()
}

// holds reports whether the sums hold something of a row's day and dimension.
func (k knownDays) holds(r *Row) bool {
	d := knownDay{r.Dim, r.Start}
	if r.Dim == DimGap || r.Dim == DimNewIn { // which go with the site's total
		d.dim = DimTotal
	}
	if r.Start < k.h.wholeMonths() {
		d.start = monthOf(time.Unix(r.Start, 0).UTC()).Unix()
	}
	return k.found[d]
}

// without returns the rows of days that are not known, and counts both.
func (k knownDays) without(days []Row, out *Imported) []Row {
	type tally struct {
		ImportedDim
		days, known map[int64]bool
		values      map[string]bool
	}
	tallies := map[Dim]*tally{}
	var kept []Row
	for i := range days {
		r := &days[i]
		t := tallies[r.Dim]
		if t == nil {
			t = &tally{days: map[int64]bool{}, known: map[int64]bool{}, values: map[string]bool{}}
			t.Dim = r.Dim
			tallies[r.Dim] = t
		}
		if k.holds(r) {
			t.known[r.Start] = true
			continue
		}
		kept = append(kept, *r)
		t.days[r.Start], t.values[r.Value] = true, true
		t.Views, t.Visits = t.Views+r.Views, t.Visits+r.Visits
		start := time.Unix(r.Start, 0).UTC()
		if t.From.IsZero() || start.Before(t.From) {
			t.From = start
		}
		if start.After(t.To) {
			t.To = start
		}
	}
	for _, t := range tallies {
		if t.Dim != DimGap && t.Dim != DimNewIn {
			t.Days, t.Values, t.Known = len(t.days), len(t.values), len(t.known)
			out.Dims = append(out.Dims, t.ImportedDim)
		}
	}
	slices.SortFunc(out.Dims, func(a, b ImportedDim) int { return cmp.Compare(a.Dim, b.Dim) })
	return kept
}

// rows brings days into the grains in which they are kept.
func (h *history) rows(days []Row) []Row {
	type part struct {
		dim   Dim
		month int64
	}
	parts := map[part][]Row{}
	for _, r := range days {
		p := part{r.Dim, monthOf(time.Unix(r.Start, 0).UTC()).Unix()}
		parts[p] = append(parts[p], r)
	}
	var all []Row
	for p, rows := range parts {
		month := time.Unix(p.month, 0).UTC()
		over := monthAfter(month).Add(lateness).Before(h.now)
		if over && folds(p.dim) {
			rows = append(rows, fold(rows, int64(h.config.SmallNumber))...)
		}
		for _, r := range rows {
			if p.month >= h.wholeMonths() {
				all = append(all, r)
			}
			// A month that is over has its month rows, or gets them with these: they
			// are what it is known to be closed by.
			if r.Grain, r.Start = Month, p.month; over && r.Dim != DimGap {
				all = append(all, r)
			}
		}
	}
	return dropZero(sumRows(all))
}
