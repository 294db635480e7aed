package rewrite

import (
	"bytes"
	"encoding/json"
)

// jsonText asks about the addresses in an import map or in speculation rules.
// One that is held becomes an empty data: URL.
func (p *page) jsonText(x *text) {
	d := Script
	if p.script == scriptSpeculation {
		d = Hint
	}
	p.ref.Attr = nil
	for i := x.at; i < x.end; i++ {
		k := bytes.IndexByte(p.src[i:x.end], '"')
		if k < 0 {
			return
		}
		i += k
		end := jsonString(p.src, i+1, x.end)
		if end < 0 {
			return
		}
		p.url = jsonUnquote(p.url[:0], p.src[i+1:end])
		next := skipBlanks(p.src[:x.end], end+1)
		key := next < x.end && p.src[next] == ':'
		if !key && (isAddress(p.url) || d == Hint && bytes.IndexByte(p.url, '.') >= 0) {
			switch v := p.ask(d, cleanURL(p.url)); v.Action {
			case Hold:
				p.cut(i+1, end)
				p.out = append(p.out, emptyURL...)
			case Replace:
				p.cut(i+1, end)
				p.out = appendJSON(p.out, v.URL)
			}
		}
		i = end
	}
}

// jsonString returns the index of the quote that ends the string at i, or -1.
func jsonString(s []byte, i, n int) int {
	for ; i < n; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// jsonUnquote appends the string s without its escapes.
func jsonUnquote(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'u':
			r := rune(0)
			for k := 1; k <= 4 && i+1 < len(s); k++ {
				d, ok := hexDigit(s[i+1])
				if !ok {
					break
				}
				r, i = r<<4|d, i+1
			}
			dst = append(dst, string(r)...)
		case 't', 'n', 'r', 'b', 'f':
			dst = append(dst, ' ')
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}

// appendJSON appends s as it may stand in a JSON string in a script.
func appendJSON(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			dst = append(dst, `\u00`...)
			c1, c2 := hex[c>>4], hex[c&15]
			dst = append(dst, c1, c2)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// staysHere reports whether speculation rules that choose among the page's links
// choose only such as pass. Rules that do not say where links must lead may
// lead anywhere, and are held as a whole.
func (p *page) staysHere(s []byte) bool {
	if !bytes.Contains(s, []byte("where")) && !bytes.Contains(s, []byte("document")) && !bytes.Contains(s, []byte(`\u`)) {
		return true
	}
	var rules map[string]any
	if err := json.Unmarshal(s, &rules); err != nil {
		return false
	}
	p.ref.Attr = nil
	for _, list := range rules {
		list, _ := list.([]any)
		for _, rule := range list {
			rule, ok := rule.(map[string]any)
			if !ok {
				return false
			}
			where, found := rule["where"]
			if (found || rule["source"] == "document") && !p.limits(where) {
				return false
			}
		}
	}
	return true
}

// limits reports whether a condition on links is true only of addresses that pass.
func (p *page) limits(where any) bool {
	w, _ := where.(map[string]any)
	switch {
	case w["and"] != nil:
		all, _ := w["and"].([]any)
		for _, c := range all {
			if p.limits(c) {
				return true
			}
		}
	case w["or"] != nil:
		some, _ := w["or"].([]any)
		for _, c := range some {
			if !p.limits(c) {
				return false
			}
		}
		return len(some) > 0
	case w["href_matches"] != nil:
		patterns, ok := w["href_matches"].([]any)
		if !ok {
			patterns = []any{w["href_matches"]}
		}
		for _, pattern := range patterns {
			s, ok := pattern.(string)
			if !ok || p.ask(Hint, cleanURL([]byte(s))).Action != Pass {
				return false
			}
		}
		return len(patterns) > 0
	}
	return false
}
