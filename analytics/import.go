package analytics

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Imported says what came of a file of history.
type Imported struct {
	// Lines were read; of these TooOld are older than the retention and left out.
	Lines, TooOld int
	// Rows were added to the sums, From and To are their first and last day.
	Rows     int
	From, To time.Time
	// Views is what they added to the site's total.
	Views int64
}

// Import adds the history of a site, which another program counted, from a CSV
// file, beside a running gateway or without one. The file's header says which
// kind it is:
//
//	date,dimension,value,views,visits,visitors,engaged,seconds,goals
//	    lychgate's own: a date as 2024-05-31, a dimension's name (total, page,
//	    source, country, ...) and its value, and any of the counts
//	date,...
//	    one of the files of Plausible's export, imported_*.csv
//	2Path,Title,Event,...
//	    GoatCounter's export
//
// Importing the same file again adds nothing. Months that are over and older
// than days are kept are added by the month. Unique visitors cannot be added up
// over days: they are kept for single days, and no number is shown for longer
// periods that hold imported days.
func Import(ctx context.Context, c Config, site string, file io.Reader) (_ Imported, err error) {
	a, err := prepare(c, nil)
	if err != nil {
		return Imported{}, err
	}
	if a.sites[site] == nil {
		return Imported{}, fmt.Errorf("no site %q", site)
	}
	h := &history{site: site, sources: a.sources}
	sum := sha256.New()
	if err := h.read(io.TeeReader(file, sum)); err != nil {
		return Imported{}, fmt.Errorf("import: %w", err)
	}
	rows, imported := h.rows(a.now(), a.config.Retention)
	store, err := c.openStore(ctx, false)
	if err != nil {
		return Imported{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return imported, store.Add(ctx, Batch{Source: fmt.Sprintf("import/%s/%x", site, sum.Sum(nil)[:8]), Number: 1, Rows: rows})
}

// importedVisitors is the value of DimGap and DimNewIn under which visitors of
// imported days stand: how often they came before is not known.
const importedVisitors = "imported"

// A history is a file being read.
type history struct {
	site    string
	sources sourceTable
	days    []Row
	lines   int
	sumAt   int // the length of days at which they are summed
}

// A lineReader turns one line of a file into rows by calling add.
type lineReader func(h *history, field func(name string) string) error

func (h *history) read(r io.Reader) error {
	lines := csv.NewReader(bufio.NewReader(r))
	lines.FieldsPerRecord, lines.ReuseRecord = -1, true
	first, err := lines.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	columns := map[string]int{}
	for i, name := range first {
		// GoatCounter puts a version before its first name.
		name = strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(name), "\ufeff"), "0123456789")
		columns[strings.ToLower(name)] = i
	}
	read := readerOf(columns)
	if read == nil {
		return fmt.Errorf("header %q is of no known kind of file", strings.Join(first, ","))
	}
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		h.lines++
		field := func(name string) string {
			if i, ok := columns[name]; ok && i < len(record) {
				return record[i]
			}
			return ""
		}
		if err := read(h, field); err != nil {
			return fmt.Errorf("line %d: %w", h.lines+1, err)
		}
	}
}

// readerOf tells the kind of file by its columns.
func readerOf(columns map[string]int) lineReader {
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := columns[n]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("date", "dimension", "value"):
		return readOwnLine
	case has("path", "session", "firstvisit", "date"):
		return newGoatCounter().readLine
	case has("date", "visitors"):
		return readPlausibleLine
	}
	return nil
}

// readOwnLine reads a line of lychgate's own kind of file.
func readOwnLine(h *history, field func(string) string) error {
	day, err := parseDay(field("date"))
	if err != nil {
		return err
	}
	d := Dim(field("dimension"))
	if !slices.Contains(monthDims[:], d) || d == DimNewIn || d == DimState {
		return fmt.Errorf("dimension %q cannot be imported", d)
	}
	var m Metrics
	for name, n := range map[string]*int64{
		"views": &m.Views, "visits": &m.Visits, "visitors": &m.Visitors, "engaged": &m.Engaged,
		"continues": &m.Continues, "seconds": &m.Seconds, "timed": &m.Timed, "goals": &m.Goals,
	} {
		if *n, err = parseCount(field(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	h.add(day, d, field("value"), m)
	return nil
}

// add adds one sum of a day. Its text is cleaned as every text is.
func (h *history) add(day int32, d Dim, value string, m Metrics) {
	switch d {
	case DimTotal:
		value = ""
	case DimPage, DimEntry, DimNotFound, DimDownload:
		value = pageName(value)
	case DimCountry:
		value = countryCode(value)
	default:
		value = cutText(cleanText(value), maxPageBytes)
	}
	key := Key{Site: h.site, Grain: Day, Dim: d, Start: int64(day) * secondsPerDay, Value: value}
	if len(h.days) >= max(h.sumAt, 1<<16) {
		h.days = sumRows(h.days)
		h.sumAt = 2 * len(h.days)
	}
	h.days = append(h.days, Row{key, m})
	if d == DimTotal && m.Visitors > 0 {
		key.Value = importedVisitors
		for _, key.Dim = range []Dim{DimGap, DimNewIn} {
			h.days = append(h.days, Row{key, Metrics{Visitors: m.Visitors}})
		}
	}
}

// rows returns what to add, by the day as far back as days are kept and by the
// month before that.
func (h *history) rows(now time.Time, retention time.Duration) ([]Row, Imported) {
	out := Imported{Lines: h.lines}
	oldest := now.Add(-retention).Unix()
	wholeMonths := monthOf(now.Add(-min(keepDays, retention)).UTC()).AddDate(0, 1, 0).Unix()
	kept := h.days[:0]
	for _, r := range h.days {
		if r.Start < oldest {
			out.TooOld++
			continue
		}
		start := date(int32(r.Start / secondsPerDay))
		if out.From.IsZero() || start.Before(out.From) {
			out.From = start
		}
		if start.After(out.To) {
			out.To = start
		}
		if r.Start < wholeMonths && r.Dim != DimGap {
			r.Grain, r.Start = Month, monthOf(start).Unix()
		}
		if r.Dim == DimTotal {
			out.Views += r.Views
		}
		kept = append(kept, r)
	}
	rows := dropZero(sumRows(kept))
	out.Rows = len(rows)
	return rows, out
}

func parseDay(s string) (int32, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1990 || t.Year() > 2200 {
		return 0, fmt.Errorf("date %q is not like 2024-05-31", s)
	}
	return dayOf(t), nil
}

// parseCount reads a count; an empty one is 0.
func parseCount(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0, fmt.Errorf("%q is no count", s)
	}
	return n, nil
}
