package dashboard

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// An export is what leaves the dashboard as a file: some facts about it and rows
// of one shape. Its numbers come from answers in [analytics.Shared] mode alone.
type export struct {
	Site     string
	From, To time.Time
	Head     []string // names of the columns of Rows, first those of text
	Rows     []exportRow
	// Rounding is the rule of its numbers.
	Rounding string
}

type exportRow struct {
	Texts   []string
	Numbers []analytics.Number
}

// rounding is the rule of every number that leaves the dashboard, for the least
// count that is shown.
func rounding(small int) string {
	return fmt.Sprintf("Counts of 1 to %d are shown as fewer than %d. Every other count is rounded to the nearest 5 on its own, so rows need not add up to totals.", small-1, small)
}

// writeCSV writes e for spreadsheets. The byte order mark makes them read UTF-8.
func (e export) writeCSV(w io.Writer) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true // RFC 4180
	head := append([]string{"site", "from", "to"}, e.Head...)
	if err := c.Write(head); err != nil {
		return err
	}
	for _, row := range e.Rows {
		record := []string{harmless(e.Site), e.From.Format(isoDate), e.To.Format(isoDate)}
		for _, t := range row.Texts {
			record = append(record, harmless(t))
		}
		for _, n := range row.Numbers {
			record = append(record, csvNumber(n))
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// harmless is text that no spreadsheet takes for a formula. Visitors choose
// paths, referrers and search words; a cell that begins like a formula gets an
// apostrophe, which shows that it is text (OWASP, CSV injection).
func harmless(s string) string {
	trimmed := strings.TrimLeftFunc(s, func(r rune) bool { return r <= ' ' || r == '\u00a0' || r == '\ufeff' || r == '"' || r == '\'' })
	if trimmed != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(trimmed)[0]) || strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") || strings.HasPrefix(s, "\n") {
		s = "'" + s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func csvNumber(n analytics.Number) string {
	switch n.Kind {
	case analytics.Unanswered:
		return ""
	case analytics.FewerThan:
		return "fewer than " + strconv.FormatInt(n.N, 10)
	default:
		return strconv.FormatInt(n.N, 10)
	}
}

// A jsonNumber is a count as programs read it: value is null when it is hidden,
// and note says how it was made.
type jsonNumber struct {
	Value *int64 `json:"value"`
	Note  string `json:"note,omitempty"`
}

func newJSONNumber(n analytics.Number) jsonNumber {
	switch n.Kind {
	case analytics.Unanswered:
		return jsonNumber{Note: "not counted"}
	case analytics.FewerThan:
		return jsonNumber{Note: "fewer than " + strconv.FormatInt(n.N, 10)}
	case analytics.About:
		return jsonNumber{&n.N, "estimated"}
	case analytics.Rounded:
		return jsonNumber{&n.N, "rounded"}
	default:
		return jsonNumber{Value: &n.N}
	}
}

// writeJSON writes e for programs: rows as objects with the columns' names.
func (e export) writeJSON(w io.Writer) error {
	rows := make([]map[string]any, 0, len(e.Rows))
	for _, row := range e.Rows {
		m := map[string]any{}
		for i, t := range row.Texts {
			m[e.Head[i]] = t
		}
		for i, n := range row.Numbers {
			m[e.Head[len(row.Texts)+i]] = newJSONNumber(n)
		}
		rows = append(rows, m)
	}
	j := json.NewEncoder(w)
	j.SetIndent("", "  ")
	return j.Encode(map[string]any{
		"site": e.Site, "from": e.From.Format(isoDate), "to": e.To.Format(isoDate), "rounding": e.Rounding, "rows": rows,
	})
}

// send answers with e as a file, called like what it holds.
func (e export) send(w http.ResponseWriter, name, format string) error {
	kind, write := "text/csv; charset=utf-8", e.writeCSV
	if format == "json" {
		kind, write = "application/json", e.writeJSON
	}
	file := fileName(e.Site) + "-" + fileName(name) + "-" + e.From.Format(isoDate) + "." + format
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+file+`"`)
	return write(w)
}

// fileName is s as part of a file's name.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
}

// countHead are the columns of every list that leaves the dashboard.
var countHead = []string{"page_views", "visits", "visitors", "stayed_on", "exits", "goals", "mean_seconds"}

func countCells(c analytics.Counts) []analytics.Number {
	return []analytics.Number{c.Views, c.Visits, c.Visitors, c.Engaged, c.Exits, c.Goals, c.Seconds}
}

// listExport is one list as a file.
func (n names) listExport(a analytics.Answer, t *tab, l analytics.List, rule string) export {
	e := export{Rounding: rule, Site: a.Site, From: a.From, To: a.To, Head: append([]string{"value", "name"}, countHead...)}
	for _, r := range t.withoutSmall(slices.Clone(l.Rows)) {
		e.Rows = append(e.Rows, exportRow{[]string{r.Value, n.of(l.Dim, r.Value)}, countCells(r.Counts)})
	}
	return e
}
