package analytics

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// A reading is what is read of a store for several questions together, with few
// requests: each costs a server more than what it reads.
//
// The questions are put again and again. At first nothing is known, and the reading
// notes what they would know; then all of that is read at once. It is over when
// they ask for nothing new, which is mostly so at the second time.
type reading struct {
	store Store
	known map[string][]Row // by the selections' keys
	noted []Select
	keys  map[string]bool // of noted
}

func newReading(store Store) *reading {
	return &reading{store: store, known: map[string][]Row{}, keys: map[string]bool{}}
}

// rows are those that sel selects, as far as they are known. Callers may change
// what they get.
func (r *reading) rows(sel Select) []Row {
	key := sel.key()
	rows, ok := r.known[key]
	if !ok && !r.keys[key] {
		r.noted, r.keys[key] = append(r.noted, sel), true
	}
	return slices.Clone(rows)
}

// knows reports whether what sel selects was read.
func (r *reading) knows(sel Select) bool {
	_, ok := r.known[sel.key()]
	return ok
}

// read reads what was noted and reports whether there was any.
func (r *reading) read(ctx context.Context) (more bool, err error) {
	if len(r.noted) == 0 {
		return false, nil
	}
	all, err := r.store.QueryEach(ctx, r.noted)
	if err != nil {
		return false, err
	}
	for i := range r.noted {
		r.known[r.noted[i].key()] = all[i]
	}
	r.noted = nil
	clear(r.keys)
	return true, nil
}

// key is the same for the same selections only.
func (q *Select) key() string {
	var b strings.Builder
	number := func(n int64) {
		b.WriteString(strconv.FormatInt(n, 36))
		b.WriteByte(' ')
	}
	text := func(s string) {
		number(int64(len(s)))
		b.WriteString(s)
	}
	text(q.Site)
	text(string(q.Dim))
	text(q.Page)
	number(int64(q.By))
	switch {
	case q.AnyPage && q.Value == nil:
		number(0)
	case q.AnyPage:
		number(1)
	case q.Value == nil:
		number(2)
	default:
		number(3)
	}
	if q.Value != nil {
		text(*q.Value)
	}
	for _, s := range q.spans() {
		number(int64(s.Grain))
		number(s.From)
		number(s.To)
	}
	return b.String()
}
