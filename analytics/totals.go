package analytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Totals are the numbers of everything that was ever counted and not forgotten,
// over all sites.
type Totals struct {
	// Pageviews are the views of DimTotal, Events those of DimEvent.
	Pageviews, Events int64
}

// ReadTotals reads the totals of c, beside a running gateway and without changing
// anything. What waits in the spool is included. Of a ClickHouse server, whose
// tables do not know batches by their numbers, one whose answer is still awaited
// may be counted twice; it is looked for again while that one moves.
func ReadTotals(ctx context.Context, c Config) (t Totals, err error) {
	dir := filepath.Join(c.Dir, spoolFolder)
	// The spool is read first: a batch that reaches the store in between is then
	// seen in both, and its number tells. The other way round it would be in neither.
	waiting, err := readSpool(dir)
	if err != nil {
		return Totals{}, err
	}
	sent := uint64(0)
	if c.ClickHouse == nil {
		t, sent, err = readFile(ctx, c.Dir, waiting.source)
	} else {
		t, waiting, err = readServer(ctx, c, waiting)
	}
	if err != nil {
		return Totals{}, err
	}
	for number, rows := range waiting.segments {
		if number > sent {
			t.add(rows)
		}
	}
	return t, nil
}

// readFile reads the embedded store; one that is not there holds nothing.
func readFile(ctx context.Context, dir, source string) (Totals, uint64, error) {
	_, err := os.Stat(filepath.Join(dir, storeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Totals{}, 0, nil
	}
	if err != nil {
		return Totals{}, 0, err
	}
	return readStored(ctx, dir, source)
}

// readServer reads the server's totals at a time when no batch left the spool.
func readServer(ctx context.Context, c Config, waiting waitingSpool) (t Totals, _ waitingSpool, err error) {
	s, err := openClickHouse(ctx, c.ClickHouse.withDefaults(), nil)
	if err != nil {
		return Totals{}, waiting, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for range 20 {
		if t, err = wholeTotals(ctx, s.Query); err != nil {
			return Totals{}, waiting, fmt.Errorf("read totals: %w", err)
		}
		before := waiting
		if waiting, err = readSpool(filepath.Join(c.Dir, spoolFolder)); err != nil {
			return Totals{}, waiting, err
		}
		if waiting.holds(before) {
			break
		}
	}
	return t, waiting, nil
}

// holds reports whether all that was in an earlier state is still there. The open
// segment grows, and is sealed under its number.
func (w waitingSpool) holds(earlier waitingSpool) bool {
	for number := range earlier.segments {
		if _, ok := w.segments[number]; !ok {
			return false
		}
	}
	return true
}

// add adds rows that no coarser grain repeats: days of the total, and events.
func (t *Totals) add(rows []Row) {
	for _, r := range rows {
		if r.Grain != Day || r.Page != "" {
			continue
		}
		switch r.Dim {
		case DimTotal:
			t.Pageviews += r.Views
		case DimEvent:
			t.Events += r.Views
		}
	}
}

// readStored reads the totals of the file in dir and the number of the last batch
// that it has of source, in one state of the file.
func readStored(ctx context.Context, dir, source string) (t Totals, sent uint64, err error) {
	s, err := openSQLite(ctx, dir, true)
	if err != nil {
		return Totals{}, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.stored(ctx, source)
}

func (s *sqliteStore) stored(ctx context.Context, source string) (t Totals, sent uint64, err error) {
	tx, err := s.db.Read.BeginTx(ctx, nil)
	if err != nil {
		return Totals{}, 0, err
	}
	defer tx.Rollback() //nolint:errcheck // only read
	var number int64
	err = tx.QueryRowContext(ctx, "SELECT coalesce(max(number), 0) FROM batch WHERE source = ?", source).Scan(&number)
	if err != nil {
		return Totals{}, 0, fmt.Errorf("read totals: %w", err)
	}
	run := func(ctx context.Context, q Select) ([]Row, error) { return querySums(ctx, tx.QueryContext, q) }
	if t, err = wholeTotals(ctx, run); err != nil {
		return Totals{}, 0, fmt.Errorf("read totals: %w", err)
	}
	return t, uint64(number), nil
}

// wholeTotals reads the totals of a store by its Query.
func wholeTotals(ctx context.Context, query func(context.Context, Select) ([]Row, error)) (t Totals, err error) {
	if t.Pageviews, err = wholeViews(ctx, query, DimTotal); err == nil {
		t.Events, err = wholeViews(ctx, query, DimEvent)
	}
	return t, err
}

// wholeViews sums the views of a dimension over all time, reading each month of
// each site at one grain: by the month or by the day, whichever knows more. Days
// know more until the month is closed, or when a batch came after that; the month
// does once its days are forgotten.
func wholeViews(ctx context.Context, query func(context.Context, Select) ([]Row, error), d Dim) (int64, error) {
	const forever = 1 << 60
	type month struct {
		site  string
		start int64
	}
	views := map[month]int64{}
	for _, g := range []Grain{Month, Day} {
		rows, err := query(ctx, Select{Grain: g, Dim: d, To: forever, By: BySite | ByStart})
		if err != nil {
			return 0, err
		}
		seen := map[month]int64{}
		for _, r := range rows {
			seen[month{r.Site, monthOf(date(int32(r.Start / secondsPerDay))).Unix()}] += r.Views
		}
		for m, n := range seen {
			views[m] = max(views[m], n)
		}
	}
	var n int64
	for _, v := range views {
		n += v
	}
	return n, nil
}

// A waitingSpool is what lies in a spool at one time.
type waitingSpool struct {
	source   string
	segments map[uint64][]Row
}

// readSpool reads a spool that a running gateway writes to. A folder that is not
// there holds nothing.
func readSpool(dir string) (waitingSpool, error) {
	w := waitingSpool{segments: map[uint64][]Row{}}
	source, err := os.ReadFile(filepath.Join(dir, gatewayFile))
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return w, err
	}
	w.source = trimID(source)
	// A file that goes while the folder is read was sealed, sent or merged: the
	// folder is read again.
	for range 20 {
		if err = w.readOnce(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return w, err
}

func (w *waitingSpool) readOnce(dir string) error {
	clear(w.segments)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var all []segment
	for _, e := range entries {
		if g, ok := parseSegment(e.Name()); ok && (g.suffix == openSuffix || g.suffix == batchSuffix) {
			all = append(all, g)
		}
	}
	for _, g := range all {
		if coveredBy(g, all) {
			continue
		}
		b, err := os.ReadFile((&spool{dir: dir}).path(g))
		if err != nil {
			return err
		}
		w.segments[g.number], _ = readSegment(b) // the open one has no seal yet
	}
	return nil
}
