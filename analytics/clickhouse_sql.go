package analytics

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// A clickhousePart is the part of a statement that reads what selections want of one
// site, page and value. One simple condition finds it, and time is cut wherever a
// selection begins or ends; what belongs to which selection is then seen from the
// answer. Asking the server to tell would make the statement long, and it takes
// longer to understand a long statement than to read the sums.
type clickhousePart struct {
	place  Select         // its Site, Page, AnyPage and Value are those of all
	split  Columns        // what any of the selections is split by
	exact  map[Dim]bool   // the dimensions of which any is split by start
	of     map[Dim][]int  // where the selections of a dimension stand among all
	wanted map[Span][]Dim // what is read of a span
}

// clickhouseParts puts together what one part can read.
func clickhouseParts(selects []Select) (parts []*clickhousePart) {
	known := map[string]*clickhousePart{}
	for i, q := range selects {
		place := Select{Site: q.Site, Page: q.Page, AnyPage: q.AnyPage, Value: q.Value}
		p := known[place.key()]
		if p == nil {
			p = &clickhousePart{place: place, exact: map[Dim]bool{}, of: map[Dim][]int{}, wanted: map[Span][]Dim{}}
			known[place.key()] = p
			parts = append(parts, p)
		}
		p.split |= q.By
		p.exact[q.Dim] = p.exact[q.Dim] || q.By&ByStart != 0
		p.of[q.Dim] = append(p.of[q.Dim], i)
		for _, x := range q.spans() {
			p.wanted[x] = append(p.wanted[x], q.Dim)
		}
	}
	return parts
}

// covers reports whether a row of that grain which counts since then is one of q's;
// it must be of q's part and dimension.
func (q *Select) covers(g Grain, since int64) bool {
	return slices.ContainsFunc(q.spans(), func(x Span) bool { return x.Grain == g && x.From <= since && since < x.To })
}

// spans are those that p reads, in the order of grain and time.
func (p *clickhousePart) spans() []Span {
	return slices.SortedFunc(maps.Keys(p.wanted), func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Grain, b.Grain), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
}

// clickhouseSQL writes parts as one statement. Each row of the answer has the number
// of its part, its grain, its dimension, the time since which it counts (see
// [clickhouseWriter.since]), the site, page and value, each empty where nothing is
// split by it, and the sums.
func clickhouseSQL(parts []*clickhousePart) (string, []any) {
	var w clickhouseWriter
	all := make([]string, len(parts))
	for i, p := range parts {
		out := []string{fmt.Sprintf("toUInt16(%d) AS part", i), "toInt8(grain) AS in_grain", "toString(dim) AS in_dim", w.since(p) + " AS since"}
		for _, c := range splitColumns {
			switch {
			case c.bit == ByStart: // since tells
			case p.split&c.bit == 0:
				out = append(out, "'' AS by_"+c.name)
			default:
				out = append(out, "toString("+c.name+") AS by_"+c.name)
			}
		}
		all[i] = "SELECT " + strings.Join(out, ", ") + ", " + sumsOf("sum_") + " FROM sums WHERE " + w.condition(p) +
			" GROUP BY in_grain, in_dim, since, by_site, by_page, by_value"
	}
	return strings.Join(all, " UNION ALL "), w.args
}

// A clickhouseWriter writes conditions. Texts go apart from the statement, each
// of them once.
type clickhouseWriter struct {
	args  []any
	names map[string]string // of texts
}

func (w *clickhouseWriter) text(s string) string {
	name, ok := w.names[s]
	if !ok {
		if w.names == nil {
			w.names = map[string]string{}
		}
		name = fmt.Sprintf("t%d", len(w.names))
		w.names[s] = name
		w.args = append(w.args, clickhouse.Named(name, s))
	}
	return "{" + name + ":String}"
}

// in is true for the rows of dims, of which some may be there twice.
func (w *clickhouseWriter) in(dims []Dim) string {
	var texts []string
	for _, d := range slices.Compact(slices.Sorted(slices.Values(dims))) {
		texts = append(texts, w.text(string(d)))
	}
	return "dim IN (" + strings.Join(texts, ", ") + ")"
}

// since is the start of a row, or for the dimensions that nothing splits by start
// that of the piece of time in which the row lies: no selection begins or ends
// within one.
func (w *clickhouseWriter) since(p *clickhousePart) string {
	const start = "toUnixTimestamp(start)"
	var exact []Dim
	for d, split := range p.exact {
		if split {
			exact = append(exact, d)
		}
	}
	bounds := map[Grain][]int64{}
	for x := range p.wanted {
		bounds[x.Grain] = append(bounds[x.Grain], clampStart(x.From), clampStart(x.To))
	}
	var cases []string // each a condition and what holds then
	if len(exact) > 0 {
		cases = append(cases, w.in(exact), start)
	}
	for _, g := range slices.Sorted(maps.Keys(bounds)) {
		pieces := slices.Compact(slices.Sorted(slices.Values(bounds[g])))
		cases = append(cases, fmt.Sprintf("grain = '%v'", g), "roundDown("+start+", "+strings.ReplaceAll(fmt.Sprint(pieces), " ", ", ")+")")
	}
	return "toUInt32(multiIf(" + strings.Join(cases, ", ") + ", 0))"
}

// condition is true for the rows that p reads. It begins with the site: a cluster
// looks for it there, to find out which of its shards it need not ask.
func (w *clickhouseWriter) condition(p *clickhousePart) string {
	var parts []string
	equal := func(column, value string) { parts = append(parts, column+" = "+w.text(value)) }
	if p.place.Site != "" {
		equal("site", p.place.Site)
	}
	if p.place.AnyPage {
		parts = append(parts, "page != ''")
	} else {
		equal("page", p.place.Page)
	}
	if p.place.Value != nil {
		equal("value", *p.place.Value)
	}
	var spans []string
	for _, x := range p.spans() {
		span := fmt.Sprintf("grain = '%v' AND %s", x.Grain, w.in(p.wanted[x]))
		if from := clampStart(x.From); from > 0 {
			span += fmt.Sprintf(" AND start >= %d", from)
		}
		if to := clampStart(x.To); to < math.MaxUint32 {
			span += fmt.Sprintf(" AND start < %d", to)
		}
		spans = append(spans, "("+span+")")
	}
	return strings.Join(append(parts, "("+strings.Join(spans, " OR ")+")"), " AND ")
}

// clampStart brings a bound into what the column start can hold.
func clampStart(seconds int64) int64 { return min(max(seconds, 0), math.MaxUint32) }

// sumsOf are the sums of all metrics, each named by its column behind prefix.
func sumsOf(prefix string) string {
	var all []string
	for _, m := range metricColumns {
		all = append(all, "sum("+m+") AS "+prefix+m)
	}
	return strings.Join(all, ", ")
}

// anySum is true when one of them is not zero.
func anySum(prefix string) string {
	var some []string
	for _, m := range metricColumns {
		some = append(some, prefix+m+" != 0")
	}
	return strings.Join(some, " OR ")
}
