package analytics

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// A clickhouseAsk is one or several selections that differ in their dimension
// alone, so that one condition finds the rows of all.
type clickhouseAsk struct {
	Select // Dim is that of the first
	// places are where the selections of each dimension stood among all.
	places map[Dim][]int
}

// clickhouseAsks puts together what can be asked for together.
func clickhouseAsks(selects []Select) (asks []clickhouseAsk) {
	numbers := map[string]int{}
	for i, q := range selects {
		d := q.Dim
		q.Dim = ""
		key := q.key()
		n, known := numbers[key]
		if !known {
			n, numbers[key] = len(asks), len(asks)
			asks = append(asks, clickhouseAsk{selects[i], map[Dim][]int{}})
		}
		asks[n].places[d] = append(asks[n].places[d], i)
	}
	return asks
}

// dims are what is asked for, in the order of their names.
func (a *clickhouseAsk) dims() []Dim { return slices.Sorted(maps.Keys(a.places)) }

// clickhouseSQL writes asks as one statement. Each row of the answer begins with
// the number of the ask that it belongs to; a row of the table that several ask
// for is counted for each. Rows whose sums are all zero may not be merged away
// yet, so they are left out.
func clickhouseSQL(asks []clickhouseAsk) (string, []any) {
	var w clickhouseWriter
	conditions := make([]string, len(asks))
	numbered := make([]string, len(asks))
	for i := range asks {
		conditions[i] = "(" + w.condition(&asks[i]) + ")"
		numbered[i] = fmt.Sprintf("if(%s, %d, 0)", conditions[i], i+1)
	}
	from, number := "sums", "1"
	if len(asks) > 1 {
		from, number = "sums ARRAY JOIN arrayFilter(n -> n != 0, ["+strings.Join(numbered, ", ")+"]) AS ask", "ask"
	}
	out := []string{"toUInt16(" + number + " - 1) AS asked", "toString(dim) AS in_dim"}
	group := []string{"asked", "in_dim"}
	for _, c := range askedColumns(asks) {
		out = append(out, c.clickhouseSQL(asks)+" AS by_"+c.name)
		group = append(group, "by_"+c.name)
	}
	by := strings.Join(group, ", ")
	return "SELECT " + strings.Join(out, ", ") + ", " + sumsOf("sum_") + " FROM " + from +
		" WHERE " + w.sites(asks) + strings.Join(conditions, " OR ") + ")" +
		" GROUP BY " + by + " HAVING " + anySum("sum_") + " ORDER BY " + by, w.args
}

// askedColumns are those that any of asks is split by.
func askedColumns(asks []clickhouseAsk) []column {
	var by Select
	for i := range asks {
		by.By |= asks[i].By
	}
	return by.columns()
}

// clickhouseSQL is the column for those of asks that are split by it, and the
// same for all rows of the others.
func (c column) clickhouseSQL(asks []clickhouseAsk) string {
	as, none := "toString("+c.name+")", "''"
	if !c.text {
		as, none = "toInt64(toUnixTimestamp("+c.name+"))", "toInt64(0)"
	}
	var split []string
	for i := range asks {
		if asks[i].By&c.bit != 0 {
			split = append(split, fmt.Sprint(i+1))
		}
	}
	if len(split) == len(asks) {
		return as
	}
	return "if(ask IN (" + strings.Join(split, ", ") + "), " + as + ", " + none + ")"
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

// condition is true for the rows that a asks for.
func (w *clickhouseWriter) condition(a *clickhouseAsk) string {
	var parts []string
	equal := func(column, value string) { parts = append(parts, column+" = "+w.text(value)) }
	if a.Site != "" {
		equal("site", a.Site)
	}
	var dims []string
	for _, d := range a.dims() {
		dims = append(dims, w.text(string(d)))
	}
	parts = append(parts, "dim IN ("+strings.Join(dims, ", ")+")")
	if a.AnyPage {
		parts = append(parts, "page != ''")
	} else {
		equal("page", a.Page)
	}
	var spans []string
	for _, x := range a.spans() {
		spans = append(spans, fmt.Sprintf("grain = '%v' AND start >= toDateTime(%d, 'UTC') AND start < toDateTime(%d, 'UTC')",
			x.Grain, clampStart(x.From), clampStart(x.To)))
	}
	parts = append(parts, "("+strings.Join(spans, " OR ")+")")
	if a.Value != nil {
		equal("value", *a.Value)
	}
	return strings.Join(parts, " AND ")
}

// sites opens the condition of all asks. A cluster looks for their sites there, to
// find out which of its shards it need not ask.
func (w *clickhouseWriter) sites(asks []clickhouseAsk) string {
	var sites []string
	for i := range asks {
		if asks[i].Site == "" {
			return "("
		}
		if s := w.text(asks[i].Site); !slices.Contains(sites, s) {
			sites = append(sites, s)
		}
	}
	return "site IN (" + strings.Join(sites, ", ") + ") AND ("
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
