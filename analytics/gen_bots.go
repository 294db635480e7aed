//go:build ignore

// Command gen_bots writes bots.txt: the words by which programs give themselves
// away in the kept list crawler-user-agents (MIT), as far as the general rules of
// bots.go do not know them already. It fetches the npm package with npm.
//
//	go generate ./analytics
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "bots")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder, version, err := fetch("crawler-user-agents", dir)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(folder, "crawler-user-agents.json"))
	if err != nil {
		return err
	}
	var list []struct {
		Pattern   string
		Instances []string
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	var words []string
	for _, e := range list {
		word := literal(e.Pattern)
		known := word != "" && general(word)
		for _, i := range e.Instances {
			known = general(i) && (i == e.Instances[0] || known)
		}
		if known || len(word) < 4 || phoneBuild.MatchString(word) {
			continue
		}
		words = append(words, word)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	text := "# Words of programs, from " + version + " (MIT), see gen_bots.go.\n" + strings.Join(words, "\n") + "\n"
	return os.WriteFile("bots.txt", []byte(text), 0o644)
}

// general reports whether bots.go knows a user agent without the list.
func general(ua string) bool {
	lower := strings.ToLower(ua)
	for _, w := range generalWords {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return false
}

// The words of botWords in bots.go.
var generalWords = strings.Fields(`bot crawl spider slurp http: https: www. headless fetch scan monitor preview archive
	python curl wget java/ ruby perl okhttp go-http httpclient libwww lighthouse validat feed check phantom`)

// phoneBuild is the name of a system that people's phones have, too.
var phoneBuild = regexp.MustCompile(`^[a-z0-9]{4}\.[0-9]{6}`)

// eitherCase is "[pP]" in a pattern.
var eitherCase = regexp.MustCompile(`\[([a-z])[A-Z]\]`)

var escapes = regexp.MustCompile(`\\([/.\-() ])`)

// literal is a pattern as a lower-case word, if it is one.
func literal(pattern string) string {
	s := eitherCase.ReplaceAllString(strings.TrimPrefix(pattern, "^"), "$1")
	s = escapes.ReplaceAllString(s, "$1")
	if strings.ContainsAny(s, `\[](){}|*+?^$`) {
		return ""
	}
	return strings.ToLower(s)
}
