package dashboard

import (
	"cmp"
	"context"
	"slices"

	"github.com/lychgate/lychgate/analytics"
)

// What everybody may see is published by the month, and each month once: the
// numbers of a longer time are the sums of those already published for its
// months. Were the longer one counted and rounded on its own, the two could be
// subtracted: months of 12 and 17 that are shown as 10 and 15, beside their
// quarter of 33 shown as 35, would tell that the third month, "fewer than 5", had
// exactly 4. So lists count a row only in the months in which it is shown.
//
// Visitors are the exception: they do not add up, and so cannot be subtracted.

// An asker answers questions: [analytics.Analytics.QueryEach], or from what was
// asked lately.
type asker func(context.Context, []analytics.Question) ([]analytics.Answer, error)

// askEverybody answers questions for everybody's eyes, all of them together. Their
// periods must be of whole months ([Period.wholeMonths]) and they have no filter.
func askEverybody(ctx context.Context, ask asker, questions ...analytics.Question) ([]analytics.Answer, error) {
	var asked []analytics.Question
	ends := make([]int, len(questions))
	for i, q := range questions {
		asked = append(asked, publishedParts(q)...)
		ends[i] = len(asked)
	}
	parts, err := ask(ctx, asked)
	if err != nil {
		return nil, err
	}
	answers, start := make([]analytics.Answer, len(questions)), 0
	for i, q := range questions {
		answers[i] = fromParts(q, parts[start:ends[i]])
		start = ends[i]
	}
	return answers, nil
}

// publishedParts are the questions from whose answers that to q is made: a single
// month, or a longer time without its lists and then each of its months.
func publishedParts(q analytics.Question) []analytics.Question {
	q.Mode, q.Filter, q.Page = analytics.Shared, nil, ""
	if monthOf(q.From).Equal(monthOf(q.To)) {
		return []analytics.Question{q}
	}
	whole := q
	whole.Lists = nil
	return append([]analytics.Question{whole}, monthByMonth(q)...)
}

// fromParts makes the answer to q.
func fromParts(q analytics.Question, parts []analytics.Answer) analytics.Answer {
	whole := parts[0]
	if len(parts) == 1 {
		return whole
	}
	sum := newMonthSum(q.Lists)
	for _, month := range parts[1:] {
		sum.add(month)
	}
	sum.fill(&whole)
	return whole
}

// monthByMonth asks for each month of q.
func monthByMonth(q analytics.Question) (months []analytics.Question) {
	last := q.To
	q.Series, q.Lists = analytics.SeriesNone, slices.Clone(q.Lists)
	for i := range q.Lists {
		q.Lists[i].Limit = maxRows // they are cut after they are summed
	}
	for ; !q.From.After(last); q.From = q.To.AddDate(0, 0, 1) {
		q.To = monthOf(q.From).AddDate(0, 1, -1)
		if q.To.After(last) {
			q.To = last
		}
		months = append(months, q)
	}
	return months
}

// A monthSum adds up answers about single months.
type monthSum struct {
	asked    []analytics.ListQuestion
	headline *analytics.Counts
	rows     []map[string]*analytics.Counts // by list and value
	refused  []analytics.Refusal
}

func newMonthSum(asked []analytics.ListQuestion) *monthSum {
	s := &monthSum{asked: asked, refused: make([]analytics.Refusal, len(asked))}
	for range asked {
		s.rows = append(s.rows, map[string]*analytics.Counts{})
	}
	return s
}

func (s *monthSum) add(month analytics.Answer) {
	if s.headline == nil {
		s.headline = &analytics.Counts{}
	}
	// A hidden month stands for 2, the middle of what it may be.
	addCounts(s.headline, month.Headline, 2)
	for i, l := range month.Lists {
		s.refused[i] = cmp.Or(s.refused[i], l.Refused)
		for _, r := range l.Rows {
			c := s.rows[i][r.Value]
			if c == nil {
				c = &analytics.Counts{}
				s.rows[i][r.Value] = c
			}
			addCounts(c, r.Counts, 0)
		}
	}
}

// fill puts the sums in the place of what was counted on its own.
func (s *monthSum) fill(a *analytics.Answer) {
	if s.headline != nil {
		s.headline.Visitors, s.headline.Seconds = a.Headline.Visitors, a.Headline.Seconds
		a.Headline = *s.headline
	}
	a.Lists = nil
	for i, q := range s.asked {
		l := analytics.List{Dim: q.Dim, Refused: s.refused[i]}
		if l.Refused == "" {
			for value, c := range s.rows[i] {
				l.Rows = append(l.Rows, analytics.ListRow{Value: value, Counts: *c})
			}
		}
		slices.SortFunc(l.Rows, func(x, y analytics.ListRow) int {
			return cmp.Or(cmp.Compare(y.Views.N, x.Views.N), cmp.Compare(y.Visits.N, x.Visits.N),
				cmp.Compare(y.Goals.N, x.Goals.N), cmp.Compare(x.Value, y.Value))
		})
		limit := cmp.Or(q.Limit, 10)
		l.More = max(0, len(l.Rows)-limit)
		l.Rows = l.Rows[:min(len(l.Rows), limit)]
		a.Lists = append(a.Lists, l)
	}
}

// addCounts adds b to sum. A hidden count adds hidden.
func addCounts(sum *analytics.Counts, b analytics.Counts, hidden int64) {
	addNumber(&sum.Views, b.Views, hidden)
	addNumber(&sum.Visits, b.Visits, hidden)
	addNumber(&sum.Engaged, b.Engaged, hidden)
	addNumber(&sum.Exits, b.Exits, hidden)
	addNumber(&sum.Goals, b.Goals, hidden)
	sum.Visitors, sum.Seconds = analytics.Number{Kind: analytics.Unanswered}, analytics.Number{Kind: analytics.Unanswered}
}

func addNumber(sum *analytics.Number, n analytics.Number, hidden int64) {
	switch {
	case sum.Kind == analytics.Unanswered || n.Kind == analytics.Unanswered:
		*sum = analytics.Number{Kind: analytics.Unanswered}
	case n.Kind == analytics.FewerThan && hidden == 0:
		sum.Kind = max(sum.Kind, analytics.Rounded)
	case n.Kind == analytics.FewerThan:
		sum.N, sum.Kind = sum.N+hidden, analytics.About
	default:
		sum.N, sum.Kind = sum.N+n.N, max(sum.Kind, n.Kind)
	}
}
