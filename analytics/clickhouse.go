package analytics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	// openTimeout bounds the look at the tables, which a start waits for.
	openTimeout = 5 * time.Second
	// forgetTimeout bounds the deletion of one grain's expired rows, for which
	// the server rewrites whole parts.
	forgetTimeout = 10 * time.Minute
	// fateKnownFor is how long after a lost acknowledgement a batch may be sent
	// again. The server remembers the last 100,000 inserts; half of them take
	// longer than this even with fifteen gateways that send twice a minute.
	fateKnownFor = 24 * time.Hour
)

// A clickhouseStore keeps the sums in a ClickHouse server. What the server is
// asked for is bounded in time, and nothing is asked for before it is needed,
// except the version of its tables.
//
// A batch is one insert, and its source and number are the token by which the
// server knows it again. An insert that spans months makes one part for each: if
// the server dies between them the rest comes with the repetition.
type clickhouseStore struct {
	write, read, house driver.Conn
	windows            []window // nil: the table's TTL is not lychgate's
	now                func() time.Time

	mu     sync.Mutex
	added  map[string]uint64 // the last number of each source that is known to be added
	unsure map[string]unsure // by source, what was sent without an answer
}

// unsure is a batch that the server may or may not have added.
type unsure struct {
	number uint64
	since  time.Time
}

// openClickHouse opens the store that c names. It fails when the tables are
// not there, or are not those of this version.
func openClickHouse(ctx context.Context, c *ClickHouseConfig, windows []window) (_ *clickhouseStore, err error) {
	s := &clickhouseStore{windows: windows, now: time.Now, added: map[string]uint64{}, unsure: map[string]unsure{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, l := range []struct {
		login Login
		conn  *driver.Conn
	}{{c.Writer, &s.write}, {c.reader(), &s.read}, {c.housekeeper(), &s.house}} {
		if *l.conn, err = c.connect(l.login, c.Database); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return s, checkTables(ctx, s.read)
}

// Close closes the connections.
func (s *clickhouseStore) Close() error {
	var errs []error
	for _, c := range []driver.Conn{s.write, s.read, s.house} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Add adds b in one insert under its token.
func (s *clickhouseStore) Add(ctx context.Context, b Batch) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("add batch %s %d: %w", b.Source, b.Number, err)
		}
	}()
	fresh, err := s.claim(b)
	if err != nil || !fresh {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	sent, err := s.insert(ctx, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.added[b.Source] = b.Number
		delete(s.unsure, b.Source)
	case sent && s.unsure[b.Source].number != b.Number:
		s.unsure[b.Source] = unsure{b.Number, s.now()}
	}
	return err
}

// claim reports whether b must still be added. It fails with ErrUnknownFate when
// b was sent so long ago that the server may have forgotten its token.
func (s *clickhouseStore) claim(b Batch) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.unsure[b.Source]; ok && u.number == b.Number && s.now().Sub(u.since) > fateKnownFor {
		delete(s.unsure, b.Source)
		return false, ErrUnknownFate
	}
	return b.Number > s.added[b.Source] && len(b.Rows) > 0, nil
}

// insertSums names the columns, so that the table may have more than a gateway
// of an older version knows.
const insertSums = "INSERT INTO sums (site, grain, dim, page, start, value, " +
	"views, visits, visitors, engaged, continues, seconds, timed, goals)"

// insert sends b. Unless sent, the server has surely not added it.
func (s *clickhouseStore) insert(ctx context.Context, b Batch) (sent bool, err error) {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":         1,
		"insert_deduplication_token": fmt.Sprintf("%s/%d", b.Source, b.Number),
		"async_insert":               0,
		// A batch that waited long may reach over many months.
		"max_partitions_per_insert_block": 0,
	}))
	into, err := s.write.PrepareBatch(ctx, insertSums)
	if err != nil {
		return false, err
	}
	defer into.Close() //nolint:errcheck // no-op after Send
	for i := range b.Rows {
		if err := into.Append(rowColumns(&b.Rows[i])...); err != nil {
			return false, err
		}
	}
	return true, into.Send()
}

func rowColumns(r *Row) []any {
	columns := []any{r.Site, r.Grain.String(), string(r.Dim), r.Page, time.Unix(r.Start, 0).UTC(), r.Value}
	for _, m := range r.all() {
		columns = append(columns, *m)
	}
	return columns
}

// Forget deletes what the server's TTL has left. It also brings the TTL up to
// date. The server takes the old parts off its disk a minute later.
func (s *clickhouseStore) Forget(ctx context.Context, expired []Expiry) error {
	if err := s.keepTTL(ctx); err != nil {
		return err
	}
	for _, e := range expired {
		if err := s.forget(ctx, e); err != nil {
			return fmt.Errorf("forget %v rows: %w", e.Grain, err)
		}
	}
	return nil
}

func (s *clickhouseStore) forget(ctx context.Context, e Expiry) error {
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	where := fmt.Sprintf("grain = '%v' AND start < toDateTime(%d, 'UTC')", e.Grain, clampStart(e.Before))
	var args []any
	if e.Dim != "" {
		where, args = where+" AND dim = ?", []any{string(e.Dim)}
	}
	var left uint64
	if err := s.house.QueryRow(ctx, "SELECT count() FROM sums WHERE "+where, args...).Scan(&left); err != nil {
		return err
	}
	if left == 0 {
		return nil
	}
	return s.house.Exec(ctx, "ALTER TABLE sums DELETE WHERE "+where+" SETTINGS mutations_sync = 2", args...)
}

// A window is how long rows of one kind are kept.
type window struct {
	where string // SQL
	days  int64
}

// windows are those of rows that are kept for retention at most. They match
// [Analytics.expired], rounded up to days.
func windows(retention time.Duration) []window {
	days := func(keep time.Duration) int64 {
		const day = 24 * time.Hour
		return int64((min(keep, retention) + day - 1) / day)
	}
	return []window{
		{"grain = 'hour'", days(keepHours)},
		{"(grain = 'day') AND (dim = '" + string(DimGap) + "')", days(keepGaps)},
		{"grain = 'day'", days(keepDays)},
		{"grain = 'month'", days(retention)},
	}
}

// keepTTL makes the table's TTL say what the windows say, if it does not. The
// server then deletes by itself, also while no gateway runs.
func (s *clickhouseStore) keepTTL(ctx context.Context) error {
	if s.windows == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	var table string
	err := s.house.QueryRow(ctx, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'sums'").Scan(&table)
	if err != nil {
		return fmt.Errorf("read the retention of sums: %w", err)
	}
	var rules []string
	for _, w := range s.windows {
		rules = append(rules, fmt.Sprintf("start + toIntervalDay(%d) WHERE %s", w.days, w.where))
	}
	wanted := "TTL " + strings.Join(rules, ", ")
	if strings.Contains(table, wanted+" ") {
		return nil
	}
	if err := s.house.Exec(ctx, "ALTER TABLE sums MODIFY "+wanted+" SETTINGS mutations_sync = 2"); err != nil {
		return fmt.Errorf("set the retention of sums: %w", err)
	}
	return nil
}
