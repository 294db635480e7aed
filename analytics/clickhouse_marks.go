package analytics

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Marks. A server notes the token of a part before the part is in its place. One
// that is killed in between takes the repetition for one that it has, and answers
// that all is well: the part is lost. (Replicas do both in one step in Keeper.) So
// every part brings a mark, a row that names its batch; and when a batch had to be
// sent again and the server is content, the parts whose marks are not there are
// sent once more under a name of their own.
const (
	dimMark Dim = "batch"
	// markSite is no site: the marks of all stand apart from what is counted.
	markSite = "(batches)"
	// maxResent bounds how often in a row a part is sent once more. One that is
	// gone each time is past its time.
	maxResent = 5
)

// markGrain is the shortest-lived one that surely outlasts every repetition of
// the batch that the mark stands for.
func markGrain(start int64, now time.Time) Grain {
	switch age := now.Sub(time.Unix(start, 0)); {
	case age < keepHours-2*fateKnownFor:
		return Hour
	case age < keepDays-2*fateKnownFor:
		return Day
	}
	return Month
}

// marks are one for each month of rows, so that every part that the server makes of
// them has one, be the table by the year or by the month. The months are in their order.
func marks(name string, rows []Row, now time.Time) (all []Row) {
	latest := map[int64]int64{}
	for i := range rows {
		month := markedMonth(&rows[i])
		latest[month] = max(latest[month], rows[i].Start)
	}
	for _, start := range latest {
		all = append(all, Row{Key{markSite, markGrain(start, now), dimMark, "", start, name}, Metrics{Views: 1}})
	}
	slices.SortFunc(all, func(a, b Row) int { return compareKeys(a.Key, b.Key) })
	return all
}

// markedMonth is the month of a row, which the server never parts.
func markedMonth(r *Row) int64 { return monthOf(time.Unix(r.Start, 0).UTC()).Unix() }

// resend sends those parts of b once more that the server says it has and has not.
func (s *clickhouseStore) resend(ctx context.Context, b Batch) error {
	name := b.token()
	for try := range maxResent {
		lost, err := s.lost(ctx, name, b.Rows)
		if err != nil || len(lost) == 0 {
			return err
		}
		if _, err := s.insert(ctx, b.Source, fmt.Sprintf("%s/again/%d", name, try), append(lost, marks(name, lost, time.Now())...)); err != nil {
			return err
		}
	}
	return nil
}

// lost are the rows of the parts whose marks are not there.
func (s *clickhouseStore) lost(ctx context.Context, name string, rows []Row) (lost []Row, err error) {
	first, last := rows[0].Start, rows[0].Start
	for i := range rows {
		first, last = min(first, rows[i].Start), max(last, rows[i].Start)
	}
	found, err := s.query(ctx, []Select{{
		Site: markSite, Dim: dimMark, Value: &name, By: ByStart,
		Grain: Hour, From: first, To: last + 1, Also: []Span{{Day, first, last + 1}, {Month, first, last + 1}},
	}})
	if err != nil {
		return nil, err
	}
	there := map[int64]bool{}
	for i := range found[0] {
		there[markedMonth(&found[0][i])] = true
	}
	for i := range rows {
		if !there[markedMonth(&rows[i])] {
			lost = append(lost, rows[i])
		}
	}
	return lost, nil
}
