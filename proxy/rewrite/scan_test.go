package rewrite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// testTokens reads input with the scanner's functions as the standard's
// tokenizer would, and returns start tags, end tags, comments, doctypes and CDATA.
func testTokens(input, state, lastTag string) []string {
	src := []byte(input)
	n := len(src)
	var tokens []string
	i := 0
	add := func(format string, args ...any) { tokens = append(tokens, fmt.Sprintf(format, args...)) }
	rest := func(end int) int { // of a comment that the page ends in
		if end < 0 {
			return n
		}
		return end
	}
	switch state {
	case "PLAINTEXT state":
		return nil
	case "RCDATA state", "RAWTEXT state", "Script data state":
		if lastTag == "" {
			return nil
		}
		r := rawText{name: lastTag}
		if i, _ = r.end(src, 0, n); i < 0 {
			return nil
		}
	case "CDATA section state":
		if i = after(src, 0, n, "]]>"); i < 0 {
			return nil
		}
	}
	for i < n {
		k := bytes.IndexByte(src[i:], '<')
		if k < 0 {
			break
		}
		if i += k; i+1 >= n {
			break
		}
		b := src[i:]
		switch c := src[i+1]; {
		case class[c]&letter != 0, c == '/' && i+2 < n && class[src[i+2]]&letter != 0:
			from := i + 1
			if c == '/' {
				from++
			}
			nameEnd := tagName(src, from, n)
			found, end, closed := scanAttrs(nil, src, nameEnd, n, anyAttrs)
			var slow tagState
			if got := slow.end(src, nameEnd, n); got != end {
				add("slow end %d, fast end %d", got, end)
			}
			if end < 0 {
				return tokens
			}
			name := strings.ReplaceAll(lowerASCII(src[from:nameEnd]), "\x00", "\ufffd")
			if c == '/' {
				add("EndTag %s", name)
			} else {
				add("StartTag %s %s %v", name, testAttrs(src, found), closed)
			}
			i = end
		case c == '/' && i+2 < n && src[i+2] == '>':
			i += 3
		case c == '/' && i+2 >= n:
			i = n
		case c == '/':
			end := rest(after(src, i+2, n, ">"))
			add("Comment")
			i = end
		case prefix(b, "<!--") == yes:
			i = rest(commentEnd(src, i+4, n))
			add("Comment")
		case c == '!' && hasPrefixFold(b[2:], "doctype"):
			i = rest(after(src, i+2, n, ">"))
			add("DOCTYPE")
		case c == '!', c == '?':
			i = rest(after(src, i+2, n, ">"))
			add("Comment")
		default:
			i++
		}
	}
	return tokens
}

func lowerASCII(b []byte) string {
	s := []byte{}
	for _, c := range b {
		s = append(s, lower(c))
	}
	return string(s)
}

// testAttrs returns attributes in a form to compare; the first of a name wins.
func testAttrs(src []byte, attrs []attr) string {
	m := map[string]string{}
	for _, a := range attrs {
		name := strings.ReplaceAll(lowerASCII(src[a.name:a.nameEnd]), "\x00", "\ufffd")
		if _, ok := m[name]; !ok {
			v := strings.ReplaceAll(string(decodeRefs(nil, src[a.val:a.valEnd])), "\x00", "\ufffd")
			m[name] = v
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// testdata returns the html5lib tests that golang.org/x/net carries.
func testdata(tb testing.TB) string {
	tb.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/net").Output()
	if err != nil {
		tb.Fatalf("find golang.org/x/net: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "html/testdata/html5lib-tests")
}

func TestHTML5LibTokenizer(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata(t), "tokenizer/*.test"))
	if err != nil || len(files) < 10 {
		t.Fatalf("html5lib tokenizer tests: %d files, %v", len(files), err)
	}
	total := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Tests []struct {
				Description, Input, LastStartTag string
				InitialStates                    []string
				DoubleEscaped                    bool
				Output                           [][]any
			}
		}
		if err := json.Unmarshal(b, &suite); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, tt := range suite.Tests {
			if tt.InitialStates == nil {
				tt.InitialStates = []string{"Data state"}
			}
			if tt.DoubleEscaped {
				tt.Input = testUnescape(tt.Input)
			}
			want, text := testExpected(tt.Output, tt.DoubleEscaped)
			for _, state := range tt.InitialStates {
				total++
				got := testTokens(tt.Input, state, tt.LastStartTag)
				if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
					t.Errorf("%s: %s: %s: %q\ngot  %s\nwant %s", filepath.Base(file), tt.Description, state, tt.Input, g, w)
				}
			}
			if base := filepath.Base(file); base == "namedEntities.test" || base == "numericEntities.test" {
				// At the end of an attribute a reference means what it means in text.
				// The standard library's table lacks &nGt; and &nLt;, which no URL has.
				if r := tt.Input; r != "&nGt;" && r != "&nLt;" && text != "" && (strings.HasSuffix(r, ";") || !strings.ContainsAny(text, "&abcdefghijklmnopqrstuvwxyz")) {
					if got := string(decodeRefs(nil, []byte(r))); got != text {
						t.Errorf("reference %q: got %q, want %q", r, got, text)
					}
				}
			}
		}
	}
	t.Logf("%d tokenizer tests", total)
}

func testExpected(output [][]any, escaped bool) (tokens []string, text string) {
	un := func(v any) string {
		s, _ := v.(string)
		if escaped {
			s = testUnescape(s)
		}
		return s
	}
	for _, o := range output {
		switch o[0] {
		case "StartTag":
			m := map[string]string{}
			for k, v := range o[2].(map[string]any) {
				m[un(k)] = un(v)
			}
			b, _ := json.Marshal(m)
			tokens = append(tokens, fmt.Sprintf("StartTag %s %s %v", un(o[1]), b, len(o) > 3))
		case "EndTag":
			tokens = append(tokens, "EndTag "+un(o[1]))
		case "Character":
			text = un(o[1])
		default:
			tokens = append(tokens, o[0].(string))
		}
	}
	return tokens, text
}

// testUnescape resolves the second layer of \uHHHH.
func testUnescape(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, `\u`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		r, err := strconv.ParseUint(after[:4], 16, 32)
		if err != nil {
			panic(err)
		}
		b.WriteRune(rune(r))
		s = after[4:]
	}
}
