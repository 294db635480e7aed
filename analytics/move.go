package analytics

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/internal/durable"
)

// # Moving the sums from one engine to the other
//
// Nobody may add to the sums while they are copied, and the site must not wait:
// so the move leaves a note in the data folder (moveFile), and a gateway that sees
// it keeps its counts in the spool. What is copied goes in pieces, in the order of
// months and keys, each as a batch whose source is the move and whose number is
// its place: a move that was interrupted starts again and repeats at most the
// piece whose answer it did not hear, which the target knows by its number. In
// the end all totals of both are compared. The note stays until a gateway starts
// with the new engine, which then takes what waits in the spool.

// moveFile notes a move, in the data folder.
const moveFile = "move.json"

// expiresSoon is what is not compared: a server may delete it meanwhile.
const expiresSoon = 48 * time.Hour

// pieceRows is how many rows are copied at once.
const pieceRows = 20_000

// A moveNote is what moveFile holds.
type moveNote struct {
	ID string
	// To is the engine that the sums go to; Database is the server's.
	To, Database string
	// Began fixes which rows are too old to be copied.
	Began time.Time
	// Acknowledged is the number of pieces that are there, as of At.
	Acknowledged uint64
	At           time.Time
	// Before are the target's totals before the first piece.
	Before []total
	Done   bool
}

// A total is the sum of all rows of one site, grain and dimension, with or
// without a page.
type total struct {
	Site  string
	Grain Grain
	Dim   Dim
	Paged bool
	Metrics
}

// name says which rows t sums.
func (t total) name() total { return total{Site: t.Site, Grain: t.Grain, Dim: t.Dim, Paged: t.Paged} }

// fields are where the columns of a total go.
func (t *total) fields() []any {
	into := []any{&t.Site, &t.Grain, &t.Dim, &t.Paged}
	for _, m := range t.all() {
		into = append(into, m)
	}
	return into
}

// Moved says what came of a move.
type Moved struct {
	// Rows were copied, in this run or an earlier one.
	Rows int64
	// Totals is how many totals were compared, Views the page views among them.
	Totals int
	Views  int64
}

// A movable is an engine whose sums can be copied.
type movable interface {
	Store
	// export calls each for every row that begins in [from, to) and that no expiry
	// names, in the order of their keys.
	export(ctx context.Context, from, to int64, expired []Expiry, each func(Row) error) error
	// totals sums up all that no expiry names, in the order of their names.
	totals(ctx context.Context, expired []Expiry) ([]total, error)
	// days is when the first and the last day row of each site begins.
	days(ctx context.Context) (map[string]Span, error)
	// span is when the first row begins and the last.
	span(ctx context.Context) (Span, error)
}

// errMoved and errMoving tell a gateway why it may not add.
var (
	errMoved  = errors.New("the sums were moved away")
	errMoving = errors.New("the sums are being moved; counts wait in the spool")
)

// moving fails while sums are being moved, or were moved to another engine than
// this gateway's. A move to its own engine is over when it starts.
func (a *Analytics) moving() error { return checkMoving(a.config.Dir, a.config.engine()) }

func checkMoving(dir, engine string) error {
	n, err := readMoveNote(dir)
	switch {
	case err != nil || n == nil:
		return err
	case !n.Done:
		return fmt.Errorf("%w: %s", errMoving, "if lychgate move was interrupted, run it again")
	case n.To != engine:
		return fmt.Errorf(`%w: set store = %q and start lychgate again; counts wait in the spool`, errMoved, n.To)
	}
	return os.Remove(filepath.Join(dir, moveFile))
}

// readMoveNote reads the note in dir, nil if there is none.
func readMoveNote(dir string) (*moveNote, error) {
	b, err := os.ReadFile(filepath.Join(dir, moveFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := new(moveNote)
	if err := json.Unmarshal(b, n); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", moveFile, err)
	}
	return n, nil
}

func (n *moveNote) write(dir string) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(dir, moveFile), b)
}

// Move copies all sums of c from the data folder to c.ClickHouse (to is
// "clickhouse") or back ("sqlite"), exactly once, and compares all totals in the
// end. It may be interrupted at any moment and run again, and runs beside a
// gateway, whose counts meanwhile wait in its spool.
func Move(ctx context.Context, c Config, to string) (_ Moved, err error) {
	if c.ClickHouse == nil {
		return Moved{}, errors.New("there is no ClickHouse server to move from or to")
	}
	m := &move{dir: c.Dir, retention: cmp.Or(c.Retention, DefaultRetention), pieceRows: cmp.Or(c.pieceRows, pieceRows), now: time.Now}
	if _, err := os.Stat(filepath.Join(c.Dir, storeFile)); to == engineClickHouse && err != nil {
		return Moved{}, fmt.Errorf("there are no sums to move: %w", err)
	}
	server := c.ClickHouse.withDefaults()
	server.patience = forgetTimeout
	far, err := openClickHouse(ctx, server, nil)
	if err != nil {
		return Moved{}, err
	}
	defer func() { err = errors.Join(err, far.Close()) }()
	file, err := openSQLite(ctx, c.Dir, false)
	if err != nil {
		return Moved{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	far.breaker = nil // nobody else waits
	switch to {
	case engineClickHouse:
		m.from, m.to = file, far
	case engineSQLite:
		m.from, m.to = far, file
	default:
		return Moved{}, fmt.Errorf("cannot move to %q: sqlite or clickhouse", to)
	}
	if m.note, err = readMoveNote(c.Dir); err != nil {
		return Moved{}, err
	}
	if m.note == nil {
		m.note = &moveNote{ID: "move-" + strings.ToLower(rand.Text()[:12]), To: to, Database: server.Database, Began: m.now().UTC().Truncate(time.Second)}
	} else if m.note.To != to || m.note.Database != server.Database {
		return Moved{}, fmt.Errorf("a move to %s (database %s) is not finished: run that again first", m.note.To, m.note.Database)
	}
	if m.note.Done {
		return Moved{}, fmt.Errorf(`the sums were moved to %s already: set store = %q and start lychgate again`, to, to)
	}
	return m.run(ctx, file)
}

// A move is one on its way.
type move struct {
	dir       string
	from, to  movable
	note      *moveNote
	retention time.Duration
	pieceRows int
	now       func() time.Time
}

func (m *move) run(ctx context.Context, file *sqliteStore) (out Moved, err error) {
	if m.note.At.IsZero() {
		err = m.begin(ctx, file)
	} else if m.note.To == engineClickHouse && m.now().Sub(m.note.At) > fateKnownFor {
		err = fmt.Errorf("this move was interrupted more than %v ago, and the server may not know any more which pieces it has: "+
			"empty its tables, delete %s, and begin anew", fateKnownFor, filepath.Join(m.dir, moveFile))
	}
	if err != nil {
		return Moved{}, err
	}
	rows, err := m.copy(ctx)
	if err != nil {
		return Moved{}, err
	}
	if out, err = m.compare(ctx); err != nil {
		return Moved{}, err
	}
	out.Rows = rows
	// A file that was moved says so, so that it never is again, also from a copy.
	if m.note.To == engineClickHouse {
		if err := file.Add(ctx, Batch{Source: movedSource, Number: uint64(m.now().Unix())}); err != nil {
			return Moved{}, err
		}
	}
	m.note.Done = true
	return out, m.note.write(m.dir)
}

// movedSource is the source of the batch that marks a file that was moved.
const movedSource = "moved"

// begin stops the gateway from adding, and refuses what would count anything
// twice.
func (m *move) begin(ctx context.Context, file *sqliteStore) error {
	if err := m.note.write(m.dir); err != nil {
		return err
	}
	err := m.settle(ctx, file)
	if err == nil {
		err = m.refuse(ctx, file)
	}
	if err == nil {
		m.note.Before, err = m.to.totals(ctx, m.expired(expiresSoon))
	}
	if err != nil {
		return errors.Join(err, os.Remove(filepath.Join(m.dir, moveFile)))
	}
	m.note.At = m.now().UTC()
	return m.note.write(m.dir)
}

// settle makes sure that no gateway of this data folder is adding right now.
func (m *move) settle(ctx context.Context, file *sqliteStore) error {
	if err := file.barrier(ctx); err != nil {
		return err
	}
	dir := filepath.Join(m.dir, spoolFolder)
	n, err := readSending(dir)
	if err != nil || n.Number == 0 {
		return err
	}
	_, err = os.Stat((&spool{dir: dir}).path(segment{from: n.Number, number: n.Number, suffix: batchSuffix}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && m.now().Sub(n.Since) < 2*storeTimeout {
		err = fmt.Errorf("batch %d is on its way to the server: run this again in a minute", n.Number)
	}
	return err // after that its fate is not known, and the gateway sets it aside
}

// refuse fails when sums might be counted twice.
func (m *move) refuse(ctx context.Context, file *sqliteStore) error {
	path := filepath.Join(m.dir, storeFile)
	theirs, err := m.to.days(ctx)
	if err != nil {
		return err
	}
	if m.note.To == engineSQLite {
		if len(theirs) > 0 {
			return fmt.Errorf("%s holds sums already, which might be counted twice: move it away first", path)
		}
		return nil
	}
	_, at, err := file.stored(ctx, movedSource)
	if err != nil {
		return err
	}
	if at != 0 {
		return fmt.Errorf("%s was moved on %s already", path, time.Unix(int64(at), 0).UTC().Format("2 January 2006"))
	}
	mine, err := m.from.days(ctx)
	if err != nil {
		return err
	}
	for site, s := range mine {
		// Later days are those of a gateway that was switched over before the move.
		if t, ok := theirs[site]; ok && t.From < s.To {
			return fmt.Errorf("the server holds sums of %s from %s on, which might be counted twice: take another database",
				site, time.Unix(t.From, 0).UTC().Format("2 January 2006"))
		}
	}
	return nil
}

// expired is what is too old to be copied.
func (m *move) expired(later time.Duration) []Expiry {
	a := Analytics{config: Config{Retention: m.retention}}
	return a.expired(m.note.Began.Add(later))
}

// copy copies all pieces that are not there yet.
func (m *move) copy(ctx context.Context) (rows int64, err error) {
	span, err := m.from.span(ctx)
	if err != nil {
		return 0, err
	}
	var piece []Row
	number := uint64(0)
	send := func() error {
		if number++; number <= m.note.Acknowledged || len(piece) == 0 {
			piece = piece[:0]
			return nil
		}
		if err := m.to.Add(ctx, Batch{Source: m.note.ID, Number: number, Rows: piece}); err != nil {
			return err
		}
		piece = piece[:0]
		m.note.Acknowledged, m.note.At = number, m.now().UTC()
		return m.note.write(m.dir)
	}
	for month := monthOf(time.Unix(span.From, 0).UTC()); month.Unix() < span.To; month = monthAfter(month) {
		err := m.from.export(ctx, month.Unix(), monthAfter(month).Unix(), m.expired(0), func(r Row) error {
			rows++
			if piece = append(piece, r); len(piece) < m.pieceRows {
				return nil
			}
			return send()
		})
		if err == nil {
			err = send()
		}
		if err != nil {
			return rows, fmt.Errorf("copy %s: %w", month.Format("2006-01"), err)
		}
	}
	return rows, nil
}

// compare compares all totals: the target must have what it had before and what
// the source has.
func (m *move) compare(ctx context.Context) (Moved, error) {
	soon := m.expired(expiresSoon)
	want := map[total]Metrics{}
	source, err := m.from.totals(ctx, soon)
	if err != nil {
		return Moved{}, err
	}
	for _, t := range slices.Concat(source, m.note.Before) {
		sum := want[t.name()]
		sum.Add(t.Metrics)
		want[t.name()] = sum
	}
	target, err := m.to.totals(ctx, soon)
	if err != nil {
		return Moved{}, err
	}
	var out Moved
	got := map[total]Metrics{}
	for _, t := range target {
		got[t.name()] = t.Metrics
		if t.Grain == Day && t.Dim == DimTotal {
			out.Views += t.Views
		}
	}
	if maps.Equal(got, want) {
		out.Totals = len(got)
		return out, nil
	}
	for name := range want {
		if got[name] != want[name] {
			return out, fmt.Errorf("the totals differ: %s by the %v of %s: the source has %+v, the target %+v; "+
				"does another gateway still add? Stop it and begin anew with an empty target", name.Dim, name.Grain, name.Site, want[name], got[name])
		}
	}
	return out, errors.New("the target has totals that the source lacks: does another gateway still add?")
}
