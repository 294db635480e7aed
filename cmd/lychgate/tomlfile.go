package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A problem is one thing wrong with the configuration: where, which key, what,
// and what to do about it.
type problem struct {
	line int    // 1-based; 0 when no line of the file is to blame
	key  string // "site[1].upstream"
	text string
}

// problems collects everything wrong with one configuration, because a volunteer
// mending one typo per attempt gives up at the third.
type problems struct {
	file  string
	lines map[string]int
	list  []problem
	// unreadable: nothing after a wrong syntax can be trusted, nor missed.
	unreadable bool
}

// add records a problem with the value of key.
func (p *problems) add(key, format string, args ...any) {
	p.list = append(p.list, problem{line: p.lineOf(key), key: key, text: fmt.Sprintf(format, args...)})
}

// lineOf finds the line of key, or of the closest table around it.
func (p *problems) lineOf(key string) int {
	for key != "" {
		if line, ok := p.lines[key]; ok {
			return line
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return 0
		}
		key = key[:i]
	}
	return 0
}

// given reports whether the file has key, with a value that could be read.
func (p *problems) given(key string) bool {
	_, there := p.lines[key]
	return there && !slices.ContainsFunc(p.list, func(q problem) bool { return q.key == key })
}

// err returns all problems as one error, in the order of the file, or nil.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var b strings.Builder
	if n := len(p.list); n == 1 {
		b.WriteString("the configuration has a problem:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d problems:", n)
	}
	for _, q := range p.list {
		b.WriteString("\n  ")
		if p.file != "" && q.line > 0 {
			fmt.Fprintf(&b, "%s:%d: ", p.file, q.line)
		} else if p.file != "" {
			fmt.Fprintf(&b, "%s: ", p.file)
		}
		if q.key != "" {
			fmt.Fprintf(&b, "%s: ", p.nameOf(q.key))
		}
		b.WriteString(q.text)
	}
	return errors.New(b.String())
}

// nameOf is what the reader knows a key by: without a file, the flag that set it.
func (p *problems) nameOf(key string) string {
	flags := map[string]string{"site[0].dir": "-dir", "site[0].upstream": "-upstream", "listen.http": "-listen", "data": "-data"}
	if flag := flags[key]; flag != "" && p.file == "" {
		return flag
	}
	return key
}

// decodeTOML reads data into v, which must be a pointer to a struct. Unknown
// keys and values of the wrong type are collected in p, all of them; the rest of
// the file is read all the same, so that its own problems can be found too.
// A syntax error ends the reading, since nothing after it can be trusted.
func decodeTOML(data []byte, v any, p *problems) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors begin a file so
	spans, err := indexTOML(data, p.lines)
	if err != nil {
		p.syntax(err)
		return
	}
	p.unknownKeys(spans, reflect.TypeOf(v).Elem())

	// The decoder stops at the first value of a wrong type. That expression is
	// blanked out and the decoding begun again, until the rest is right.
	rest := bytes.Clone(data)
	for range spans {
		err := toml.Unmarshal(rest, v)
		var bad *toml.DecodeError
		if !errors.As(err, &bad) {
			if err != nil {
				p.add("", "%v", err)
			}
			return
		}
		row, _ := bad.Position()
		at := slices.IndexFunc(spans, func(s span) bool { return s.firstLine <= row && row <= s.lastLine })
		if at < 0 {
			p.syntax(err)
			return
		}
		s := spans[at]
		p.list = append(p.list, problem{line: row, key: s.key, text: tomlMessage(bad)})
		for i := s.from; i < s.to; i++ {
			if rest[i] != '\n' {
				rest[i] = ' '
			}
		}
	}
}

func (p *problems) syntax(err error) {
	p.unreadable = true
	var bad *toml.DecodeError
	var line int
	text := err.Error()
	if errors.As(err, &bad) {
		line, _ = bad.Position()
		text = tomlMessage(bad)
	}
	p.list = append(p.list, problem{line: line, text: "not valid TOML: " + text})
}

// tomlMessage is the decoder's message without its package prefix and without
// the names of Go types, which mean nothing to a web admin.
func tomlMessage(err *toml.DecodeError) string {
	text := strings.TrimPrefix(err.Error(), "toml: ")
	if what, into, ok := strings.Cut(text, " into "); ok && strings.Contains(what, "cannot decode") {
		kind := "value of another kind"
		switch {
		case strings.Contains(into, "type []"):
			kind = `list, such as ["a", "b"]`
		case strings.Contains(into, "type bool"):
			kind = "true or false"
		case strings.Contains(into, "type int"):
			kind = "whole number"
		case strings.Contains(into, "type string"), strings.Contains(into, "period"):
			kind = "text in quotes"
		case strings.Contains(into, "struct"), strings.Contains(into, "map["):
			kind = "table"
		}
		return "has the wrong type, a " + kind + " is expected"
	}
	return text
}

// A span is one key-value expression of a TOML file.
type span struct {
	key                 string
	table               bool // a [table] or [[table]] header
	from, to            int  // bytes
	firstLine, lastLine int
}

// indexTOML lists the expressions of data and notes the line of every key.
// Elements of arrays of tables are numbered: "site[0].hosts".
func indexTOML(data []byte, lines map[string]int) ([]span, error) {
	var (
		spans   []span
		prefix  string
		counts  = map[string]int{}
		lastKey = map[string]string{} // array table -> its last element
		parser  unstable.Parser
	)
	parser.Reset(data)
	for parser.NextExpression() {
		node := parser.Expression()
		first := -1
		var parts []string
		for it := node.Key(); it.Next(); {
			n := it.Node()
			if first < 0 {
				first = int(n.Raw.Offset)
			}
			parts = append(parts, string(n.Data))
		}
		if first < 0 {
			continue
		}
		line := 1 + bytes.Count(data[:first], []byte("\n"))
		s := span{from: first, firstLine: line, table: true}
		switch node.Kind {
		case unstable.ArrayTable:
			name := resolveTable(parts, lastKey)
			prefix = fmt.Sprintf("%s[%d]", name, counts[name])
			counts[name]++
			lastKey[name] = prefix
			s.key = prefix
		case unstable.Table:
			prefix = resolveTable(parts, lastKey)
			s.key = prefix
		default:
			s.table = false
			s.key = strings.Join(parts, ".")
			if prefix != "" {
				s.key = prefix + "." + s.key
			}
		}
		lines[s.key] = line
		spans = append(spans, s)
	}
	if err := parser.Error(); err != nil {
		// The parser's own error has no position; decoding names it.
		var any map[string]any
		if full := toml.Unmarshal(data, &any); full != nil {
			return nil, full
		}
		return nil, err
	}
	for i := range spans {
		s := &spans[i]
		s.to = len(data)
		if i+1 < len(spans) {
			s.to = spans[i+1].from
			if spans[i+1].table {
				// Leave the brackets of the header that follows.
				s.to = bytes.LastIndexByte(data[:s.to], '\n')
			}
		}
		s.to = max(s.from, s.to)
		s.lastLine = s.firstLine + bytes.Count(bytes.TrimRight(data[s.from:s.to], " \t\r\n"), []byte("\n"))
	}
	return spans, nil
}

// resolveTable writes a header's dotted name with the numbers of the array
// elements it lies in: analytics.clickhouse, site[1].goals.
func resolveTable(parts []string, last map[string]string) string {
	var name string
	for i, part := range parts {
		if name != "" {
			name += "."
		}
		name += part
		if element, ok := last[name]; ok && i < len(parts)-1 {
			name = element
		}
	}
	return name
}

// unknownKeys adds a problem for every key that t has no field for.
func (p *problems) unknownKeys(spans []span, t reflect.Type) {
	seen := map[string]bool{}
	for _, s := range spans {
		known, path, name := fieldsAt(t, s.key)
		if known == nil || seen[path+"."+name] {
			continue
		}
		seen[path+"."+name] = true
		text := "there is no such key"
		if best := closest(name, known); best != "" {
			text += fmt.Sprintf("; did you mean %s?", best)
		} else {
			text += "; known here are " + strings.Join(known, ", ")
		}
		p.list = append(p.list, problem{line: s.firstLine, key: s.key, text: text})
	}
}

// fieldsAt walks key through t and returns the names known at the place where
// the walk first fails, that place and the name that failed; nil when all is known.
func fieldsAt(t reflect.Type, key string) (known []string, path, name string) {
	for part := range strings.SplitSeq(key, ".") {
		part, _, _ = strings.Cut(part, "[")
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map {
			t = t.Elem()
			continue
		}
		if t.Kind() != reflect.Struct {
			return nil, "", "" // a value of the wrong type: the decoder says so
		}
		next := reflect.Type(nil)
		known = known[:0]
		for field := range t.Fields() {
			tag := field.Tag.Get("toml")
			if tag == "" {
				continue
			}
			known = append(known, tag)
			if tag == part {
				next = field.Type
			}
		}
		if next == nil {
			return known, path, part
		}
		t, path = next, path+"."+part
	}
	return nil, "", ""
}

// closest returns the known name that name is most likely a misspelling of, or "".
func closest(name string, known []string) string {
	best, bestAt := "", 1+max(1, len(name)/3)
	for _, k := range known {
		if d := distance(name, k); d < bestAt {
			best, bestAt = k, d
		}
	}
	return best
}

// distance is the number of single-byte edits between a and b (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
