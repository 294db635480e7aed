package rewrite

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// cssOracle returns the addresses that the style sheet s loads. It follows CSS
// Syntax 3 section 4.3 token by token, without regard to speed.
func cssOracle(s string) (urls []string) {
	var open []string // functions and brackets
	at := ""          // the at-rule whose prelude begins
	for i := 0; i < len(s); {
		import_ := at == "import" || at == "namespace"
		switch c := s[i]; {
		case strings.HasPrefix(s[i:], "/*"):
			k := strings.Index(s[i+2:], "*/")
			if k < 0 {
				return urls
			}
			i += k + 4
		case isBlank(c):
			i++
		case c == '"' || c == '\'':
			v, end, ok := oracleString(s, i)
			i = end
			in := ""
			if len(open) > 0 {
				in = open[len(open)-1]
			}
			if ok && (in == "url" || in == "src" || in == "image" || in == "image-set" || in == "-webkit-image-set" || at == "import" && len(open) == 0) {
				urls = append(urls, v)
			}
			at = ""
		case c == '(' || c == '[' || c == '{':
			open = append(open, string(c))
			i++
			if c == '{' || c == '(' || at != "namespace" {
				at = ""
			}
		case c == ')':
			i++
			if at != "namespace" {
				at = ""
			}
			for k := len(open) - 1; k >= 0; k-- {
				if o := open[k]; o != "[" && o != "{" {
					open = open[:k]
					break
				}
			}
		case c == ']' || c == '}' || c == ';':
			i++
			if c != ']' || at != "namespace" {
				at = ""
			}
		case c == '@' && startsName(s[i+1:]):
			at, i = oracleName(s, i+1)
		case c == '#' && i+1 < len(s) && (cssName(s[i+1]) || startsEscape(s[i+1:])):
			_, i = oracleName(s, i+1)
			if at != "namespace" {
				at = ""
			}
		case '0' <= c && c <= '9' || c == '.' && i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9':
			for i < len(s) && ('0' <= s[i] && s[i] <= '9' || s[i] == '.' && i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9') {
				i++
			}
			if startsName(s[i:]) {
				_, i = oracleName(s, i)
			}
			if at != "namespace" {
				at = ""
			}
		case startsName(s[i:]):
			name, end := oracleName(s, i)
			i = end
			if i >= len(s) || s[i] != '(' {
				if at != "namespace" { // which may be named first
					at = ""
				}
				continue
			}
			i++
			k := i
			for k < len(s) && isBlank(s[k]) {
				k++
			}
			if name != "url" || k < len(s) && (s[k] == '"' || s[k] == '\'') {
				open = append(open, name)
				if !import_ || name != "url" {
					at = ""
				}
				if at == "namespace" {
					at = ""
					open[len(open)-1] = "namespace"
				}
				continue
			}
			v, end, ok := oracleURL(s, k)
			if i = end; ok && at != "namespace" {
				urls = append(urls, v)
			}
			at = ""
		default:
			i++
			if at != "namespace" { // whose prelude goes on to the semicolon, right or wrong
				at = ""
			}
		}
	}
	return urls
}

func isBlank(c byte) bool { return class[c]&blank != 0 }

func startsEscape(s string) bool {
	return len(s) > 0 && s[0] == '\\' && (len(s) == 1 || !lineEnd(s[1]))
}

// startsName reports whether s begins with a name (4.3.9).
func startsName(s string) bool {
	switch {
	case s == "":
		return false
	case s[0] == '-':
		return len(s) > 1 && (s[1] == '-' || s[1] >= 0x80 || class[s[1]]&letter != 0 || s[1] == '_' || startsEscape(s[1:]))
	case startsEscape(s):
		return true
	}
	return s[0] >= 0x80 || class[s[0]]&letter != 0 || s[0] == '_'
}

func oracleName(s string, i int) (string, int) {
	var b strings.Builder
	for i < len(s) && (cssName(s[i]) || startsEscape(s[i:])) {
		if s[i] != '\\' {
			b.WriteByte(lower(s[i]))
			i++
			continue
		}
		r, n := oracleEscape(s[i:])
		b.WriteString(strings.ToLower(r))
		i += n
	}
	return b.String(), i
}

func oracleEscape(s string) (string, int) {
	if len(s) == 1 {
		return "\ufffd", 1
	}
	n := 1
	r := rune(0)
	for n < len(s) && n < 7 {
		k := strings.IndexByte("0123456789abcdef", lower(s[n]))
		if k < 0 {
			break
		}
		r = r*16 + rune(k)
		n++
	}
	if n == 1 {
		return s[1:2], 2
	}
	if strings.HasPrefix(s[n:], "\r\n") {
		n += 2
	} else if n < len(s) && isBlank(s[n]) {
		n++
	}
	return string(r), n
}

func oracleString(s string, i int) (string, int, bool) {
	var b strings.Builder
	quote := s[i]
	for i++; i < len(s); {
		switch {
		case s[i] == quote:
			return b.String(), i + 1, true
		case lineEnd(s[i]):
			return "", i, false
		case strings.HasPrefix(s[i:], "\\\r\n"):
			i += 3
		case s[i] == '\\' && i+1 == len(s):
			i++
		case s[i] == '\\' && lineEnd(s[i+1]):
			i += 2
		case s[i] == '\\':
			r, n := oracleEscape(s[i:])
			b.WriteString(r)
			i += n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String(), i, true
}

func oracleURL(s string, i int) (string, int, bool) {
	var b strings.Builder
	for i < len(s) {
		switch c := s[i]; {
		case c == ')':
			return b.String(), i + 1, true
		case isBlank(c):
			for i < len(s) && isBlank(s[i]) {
				i++
			}
			if i < len(s) && s[i] != ')' {
				return badURL(s, i)
			}
		case c == '"' || c == '\'' || c == '(' || c < ' ' || c == 0x7f:
			return badURL(s, i)
		case startsEscape(s[i:]):
			r, n := oracleEscape(s[i:])
			b.WriteString(r)
			i += n
		case c == '\\':
			return badURL(s, i)
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), i, true
}

func badURL(s string, i int) (string, int, bool) {
	for i < len(s) && s[i] != ')' {
		if startsEscape(s[i:]) {
			_, n := oracleEscape(s[i:])
			i += n
			continue
		}
		i++
	}
	return "", min(i+1, len(s)), false
}

var cssPieces = []string{
	"url(", "URL( ", ")", "//evil.test/a", "'//evil.test/b'", `"//evil.test/c"`, "@import ", "@im\\port", "@namespace a ", ";", "{", "}", "a:", "b",
	"src(", "image-set(", "-webkit-image-set(", "image(", "type(", "(", "[", "]", "/*", "*/", "/", "'", `"`, "\\", "\n", "\r\n", " ", "u\\72 l(", "\\75rl(",
	"\\2f\\2f evil.test", "@font-face{", "1", "1e3", "#", ".", "-", "--", "\\", "<!--", "-->", "@", "url", "\x00", "é", "\\\n", "\f", ",", "layer(x)", "@media",
}

func checkCSS(t *testing.T, s []byte) {
	t.Helper()
	got := AppendCSS(nil, s, ownOnly{})
	for _, u := range cssOracle(string(got)) {
		if foreign(testClean(u)) {
			t.Fatalf("%q\nbecame %q\nwhich loads %q", s, got, u)
		}
	}
	if again := AppendCSS(nil, got, ownOnly{}); !bytes.Equal(again, got) {
		t.Fatalf("%q\nbecame %q\nand then %q", s, got, again)
	}
	if same := AppendCSS(nil, s, passing{}); !bytes.Equal(same, s) {
		t.Fatalf("with all passing\n%q became\n%q", s, same)
	}
}

func TestCSSPieces(t *testing.T) {
	loading := 0
	rnd := rand.New(rand.NewPCG(5, 6))
	rounds := 50000
	if testing.Short() {
		rounds = 10000
	}
	for range rounds {
		var s []byte
		for range 1 + rnd.IntN(10) {
			s = append(s, cssPieces[rnd.IntN(len(cssPieces))]...)
		}
		for _, u := range cssOracle(string(s)) {
			if foreign(testClean(u)) {
				loading++
				break
			}
		}
		checkCSS(t, s)
	}
	if loading < rounds/200 {
		t.Errorf("only %d of %d sheets would load anything", loading, rounds)
	}
}

func FuzzCSS(f *testing.F) {
	for _, s := range cssPieces {
		f.Add(s + "//evil.test)" + s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkCSS(t, []byte(s)) })
}
