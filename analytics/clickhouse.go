package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const (
	// openTimeout bounds the look at the tables, which a start waits for.
	openTimeout = 5 * time.Second
	// queryTimeout bounds one question of the dashboard.
	queryTimeout = 10 * time.Second
	// forgetTimeout bounds the deletion of one grain's expired rows, for which
	// the server rewrites whole parts.
	forgetTimeout = 10 * time.Minute
)

// A clickhouseStore keeps the sums in a ClickHouse server, or in a cluster of
// them. What the server is asked for is bounded in time, and nothing is asked for
// before it is needed, except the version of its tables.
//
// A batch is one insert, and its source and number are the token by which the
// server knows it again. An insert that spans years makes one part for each, and
// on a cluster one for each shard: if a server dies between them the rest comes
// with the repetition, and what the server then only believes to have is found out
// by its mark.
type clickhouseStore struct {
	// house is nil where another gateway keeps house.
	write, read, house driver.Conn
	tables             tables
	windows            []window // nil: the table's TTL is not lychgate's
	breaker            *breaker

	mu    sync.Mutex
	added map[string]uint64 // the last number of each source that is known to be added
}

// openClickHouse opens the store that c names. It fails when the tables are
// not there, or are not those of this version.
func openClickHouse(ctx context.Context, c *ClickHouseConfig, windows []window) (_ *clickhouseStore, err error) {
	s := &clickhouseStore{
		tables: c.tables(), windows: windows, breaker: &breaker{now: time.Now}, added: map[string]uint64{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.write, err = c.connect(c.Writer, c.Database, storeTimeout); err != nil {
		return nil, err
	}
	if s.read, err = c.connect(c.reader(), c.Database, cmp.Or(c.patience, queryTimeout)); err != nil {
		return nil, err
	}
	if c.Housekeeping {
		if s.house, err = c.connect(c.housekeeper(), c.Database, forgetTimeout); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	return s, checkTables(ctx, s.read, s.tables)
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

// Add adds b in one insert under its token. It fails with errNotSent when the
// server surely has nothing of b.
func (s *clickhouseStore) Add(ctx context.Context, b Batch) (err error) {
	if !s.fresh(b) {
		return nil
	}
	sent := false
	defer func() {
		if err != nil && !sent {
			err = errors.Join(errNotSent, err)
		}
		if err != nil {
			err = fmt.Errorf("add batch %s %d: %w", b.Source, b.Number, err)
		}
	}()
	if err := s.breaker.allow(); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	sent, err = s.addParts(bounded, b)
	s.breaker.note(ctx, err)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added[b.Source] = b.Number
	return nil
}

// addParts inserts b, and makes sure that it is there if it may not have been the
// first time.
func (s *clickhouseStore) addParts(ctx context.Context, b Batch) (sent bool, err error) {
	if s.tables.Cluster != "" {
		return s.insert(ctx, b.Source, b.token(), b.Rows)
	}
	sent, err = s.insert(ctx, b.Source, b.token(), slices.Concat(b.Rows, marks(b.token(), b.Rows, time.Now())))
	if err == nil && !b.First {
		err = s.resend(ctx, b)
	}
	return sent, err
}

// token is the name by which a server knows b again.
func (b *Batch) token() string { return fmt.Sprintf("%s/%d", b.Source, b.Number) }

// fresh reports whether b is not known to be added and holds anything.
func (s *clickhouseStore) fresh(b Batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return b.Number > s.added[b.Source] && len(b.Rows) > 0
}

// insertSums names the columns, so that the table may have more than a gateway
// of an older version knows.
const insertSums = "INSERT INTO sums (site, grain, dim, page, start, value, " +
	"views, visits, visitors, engaged, continues, seconds, timed, goals)"

// insert sends rows of a source under a token. Unless sent, the server has surely
// not added them.
func (s *clickhouseStore) insert(ctx context.Context, source, token string, rows []Row) (sent bool, err error) {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":         1,
		"insert_deduplication_token": token,
		"async_insert":               0,
		// On a cluster the answer comes when the shards have it.
		"distributed_foreground_insert": 1,
		// A batch of a whole history may reach over many years.
		"max_partitions_per_insert_block": 0,
	}))
	conn := s.write
	if strings.HasPrefix(source, foldSource) && s.house != nil {
		conn = s.house
	}
	into, err := conn.PrepareBatch(ctx, insertSums)
	if err != nil {
		return false, err
	}
	defer into.Close() //nolint:errcheck // no-op after Send
	for i := range rows {
		if err := into.Append(rowColumns(&rows[i])...); err != nil {
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
func (s *clickhouseStore) Forget(ctx context.Context, expired []Expiry) (found int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	errs := []error{s.keepTTL(ctx)}
	for _, e := range expired {
		n, err := s.forget(ctx, e)
		found += n
		if err != nil {
			errs = append(errs, fmt.Errorf("forget %v rows: %w", e.Grain, err))
		}
	}
	return found, errors.Join(errs...)
}

// forget counts as the reader, so that what may not be deleted is at least told.
func (s *clickhouseStore) forget(ctx context.Context, e Expiry) (found int64, err error) {
	where := e.clickhouseSQL()
	var left uint64
	if err := s.read.QueryRow(ctx, "SELECT count() FROM sums WHERE "+where).Scan(&left); err != nil || left == 0 {
		return 0, err
	}
	if s.house == nil {
		return int64(left), errNoHousekeeper
	}
	return int64(left), s.house.Exec(ctx, "ALTER TABLE "+s.tables.Local()+s.tables.OnCluster()+" DELETE WHERE "+where+" SETTINGS mutations_sync = 2")
}

// errNoHousekeeper says that a store was opened without the housekeeper's login.
var errNoHousekeeper = errors.New("no housekeeper's login")

// clickhouseSQL selects the rows that e names.
func (e Expiry) clickhouseSQL() string {
	where := fmt.Sprintf("grain = '%v' AND start < toDateTime(%d, 'UTC')", e.Grain, clampStart(e.Before))
	if e.Dim != "" { // one of the program's own words
		where += " AND dim = '" + string(e.Dim) + "'"
	}
	return where
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
	if s.house == nil {
		return errNoHousekeeper
	}
	_, name, _ := strings.Cut(s.tables.Local(), ".")
	var table string
	err := s.house.QueryRow(ctx, "SELECT create_table_query FROM system.tables WHERE database = ? AND name = ?", s.tables.Database, name).Scan(&table)
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
	if err := s.house.Exec(ctx, "ALTER TABLE "+s.tables.Local()+s.tables.OnCluster()+" MODIFY "+wanted+" SETTINGS mutations_sync = 2"); err != nil {
		return fmt.Errorf("set the retention of sums: %w", err)
	}
	return nil
}
