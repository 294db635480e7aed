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

// ReadTotals reads the totals in the data folder dir, beside a running gateway
// and without changing anything. What waits in the spool is included.
func ReadTotals(ctx context.Context, dir string) (Totals, error) {
	// The spool is read first: a batch that reaches the store in between is then
	// seen in both, and its number tells. The other way round it would be in neither.
	waiting, err := readSpool(filepath.Join(dir, spoolFolder))
	if err != nil {
		return Totals{}, err
	}
	var t Totals
	sent := uint64(0)
	_, err = os.Stat(filepath.Join(dir, storeFile))
	if err == nil {
		t, sent, err = readStored(ctx, dir, waiting.source)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Totals{}, err
	}
	for number, rows := range waiting.segments {
		if number > sent {
			t.add(rows)
		}
	}
	return t, nil
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

// readStored reads the totals of the store and the number of the last batch that
// it has of source, in one state of the file.
func readStored(ctx context.Context, dir, source string) (t Totals, sent uint64, err error) {
	s, err := openSQLite(ctx, dir, true)
	if err != nil {
		return Totals{}, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
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
	for dim, n := range map[Dim]*int64{DimTotal: &t.Pageviews, DimEvent: &t.Events} {
		if *n, err = wholeViews(ctx, tx.QueryContext, dim); err != nil {
			return Totals{}, 0, fmt.Errorf("read totals: %w", err)
		}
	}
	return t, uint64(number), nil
}

// wholeViews sums the views of a dimension over all time, reading each month of
// each site at one grain: by the month or by the day, whichever knows more. Days
// know more until the month is closed, or when a batch came after that; the month
// does once its days are forgotten.
func wholeViews(ctx context.Context, run query, d Dim) (int64, error) {
	const forever = 1 << 60
	type month struct {
		site  string
		start int64
	}
	views := map[month]int64{}
	for _, g := range []Grain{Month, Day} {
		rows, err := querySums(ctx, run, Select{Grain: g, Dim: d, To: forever, By: BySite | ByStart})
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
		w.segments[g.number], _ = readSegment(b)
	}
	return nil
}
