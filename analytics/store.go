package analytics

import (
	"context"
	"errors"
	"time"
)

// A Batch is what is added to a store at once. A batch that was handed out never
// changes: its source and number name its content for ever.
type Batch struct {
	// Source is the spool that the batch comes from, or "fold/<site>/<month>".
	Source string
	// Number rises within a source.
	Number uint64
	// Rows are in the order of their keys, one for each.
	Rows []Row
	// First says that no store was ever given this batch before. When it is not
	// known, a store looks whether a repetition is complete.
	First bool
}

// A Store keeps sums. Two engines exist: SQLite, embedded, and ClickHouse. Both
// pass the same tests. A Store is safe for concurrent use.
type Store interface {
	// Add adds b's rows to the sums exactly once, however often it is called
	// with that batch: all of them or, with an error, none or all. After a nil
	// error the rows survive any crash. Batches of one source must come in the
	// order of their numbers; one that is not greater than an earlier one is
	// taken for a repetition, and nothing is added.
	Add(ctx context.Context, b Batch) error

	// Query returns the sums that s selects, ordered by s.By's columns (Site, Start,
	// Page, Value). Sums that are all zero are left out.
	Query(ctx context.Context, s Select) ([]Row, error)

	// QueryEach is Query for several selections, in their order, and quicker than
	// one after the other.
	QueryEach(ctx context.Context, all []Select) ([][]Row, error)

	// Forget deletes all rows that the expiries name, so that neither the file
	// nor its free pages hold them any more. It returns how many it found, also
	// when it may not delete them.
	Forget(ctx context.Context, expired []Expiry) (found int64, err error)

	// Close waits for what runs and closes the store.
	Close() error
}

// errNotSent says that a batch has surely not been added.
var errNotSent = errors.New("not sent")

// A Select says which rows are summed over and how finely.
type Select struct {
	Site  string // empty: all sites
	Grain Grain
	Dim   Dim
	// From and To bound Start: From <= Start < To, in seconds since 1970.
	From, To int64
	// Page keeps the rows of one page; empty keeps those of the whole site.
	// With AnyPage the rows of every page are kept, and not those of the site.
	Page    string
	AnyPage bool
	// Value keeps the rows of one value. Nil keeps all.
	Value *string
	// By are the columns that the answer is split by; over the others it sums.
	By Columns
	// Also are further spans of time whose rows are summed along. Not with AnyPage.
	Also []Span
}

// A Span is a stretch of time and the grain that it is read at: From <= Start < To,
// in seconds since 1970.
type Span struct {
	Grain    Grain
	From, To int64
}

// spans are all that q reads, in its own order.
func (q *Select) spans() []Span {
	return append([]Span{{q.Grain, q.From, q.To}}, q.Also...)
}

// Columns is a set of columns of a Key.
type Columns uint8

// The columns that sums can be split by.
const (
	BySite Columns = 1 << iota
	ByStart
	ByPage
	ByValue
)

// An Expiry names the rows of one grain, and if Dim is not empty of one
// dimension, that begin before Before (seconds since 1970).
type Expiry struct {
	Grain  Grain
	Dim    Dim
	Before int64
}

// Storage limits that both engines keep to.
const (
	// storeTimeout bounds every call of a store on the way of counting.
	storeTimeout = 30 * time.Second
)
