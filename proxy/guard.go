package proxy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/consent"
)

//go:embed guard/guard.js
var guardSource string

// bundled are the kinds of services whose code sites take into their own
// scripts. The cookies of all others are set by scripts that are held anyway.
var bundled = [...]string{"analytics", "tag-manager", "pixel", "recorder"}

// tighten takes out the blanks around signs. No text or pattern in the source
// has one there.
var tighten = strings.NewReplacer(" => ", "=>", " = ", "=", ", ", ",", " || ", "||", " && ", "&&", " ? ", "?", " : ", ":",
	"; ", ";", "{ ", "{", " }", "}", ") {", "){", " === ", "===", " !== ", "!==")

// newGuard makes the guard script: its source without comments and indents,
// called with the names of cookies and storage entries by purpose.
func newGuard(services []*service) ([]byte, error) {
	patterns := map[string][]string{}
	for _, s := range services {
		if !slices.Contains(bundled[:], s.Kind) {
			continue
		}
		for _, c := range slices.Concat(s.Cookies, s.Storage) {
			name, wild := strings.CutSuffix(c.Name, "*")
			p := regexp.QuoteMeta(name)
			if wild {
				p += ".*"
			}
			patterns[s.Purpose] = append(patterns[s.Purpose], p)
		}
	}
	names := map[string]string{}
	for purpose, ps := range patterns {
		slices.Sort(ps)
		names[purpose] = strings.Join(slices.CompactFunc(ps, func(a, b string) bool {
			wild, ok := strings.CutSuffix(a, ".*")
			return a == b || ok && strings.HasPrefix(b, wild)
		}), "|")
	}
	table, err := json.Marshal(names)
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("(")
	for line := range strings.Lines(guardSource) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") {
			if b.WriteString(tighten.Replace(line)); !strings.ContainsAny(line[len(line)-1:], ";{,(") {
				b.WriteByte('\n')
			}
		}
	}
	fmt.Fprintf(&b, ")(%s);\n", table)
	return b.Bytes(), nil
}

// guardAttributes tell the guard about a visitor who may contact hosts.
func guardAttributes(hosts []string, g consent.Grant) string {
	var granted []string
	for _, purpose := range catalogPurposes {
		if g.Allows(purpose) {
			granted = append(granted, purpose)
		}
	}
	return ` data-allow="` + strings.Join(hosts, " ") + `" data-granted="` + strings.Join(granted, " ") + `"`
}
