package analytics

import (
	_ "embed"
	"net/http"
	"strings"
)

//go:generate go run gen_bots.go gen_npm.go

// botsText has a line for each word that gives a program away, besides botWords.
//
//go:embed bots.txt
var botsText string

// botWords are in the names of most programs. Nearly all that do not hold one
// are in botsText.
var botWords = [...]string{
	"bot", "crawl", "spider", "slurp", "http:", "https:", "www.", "headless", "fetch", "scan", "monitor", "preview", "archive",
	"python", "curl", "wget", "java/", "ruby", "perl", "okhttp", "go-http", "httpclient", "libwww", "lighthouse", "validat", "feed",
	"check", "phantom",
}

// A wordTable finds words in a text in one pass: the words by their first three
// letters, which few places in a text have.
type wordTable map[[3]byte][]string

// readBots returns all words, lower case.
func readBots(text string) wordTable {
	t := wordTable{}
	for _, w := range botWords {
		t.add(w)
	}
	for line := range strings.Lines(text) {
		if w := strings.TrimSuffix(line, "\n"); len(w) >= 3 && w[0] != '#' {
			t.add(w)
		}
	}
	return t
}

func (t wordTable) add(word string) {
	k := [3]byte([]byte(word))
	t[k] = append(t[k], word)
}

// in returns the first word that is in a lower-case text after from, and where.
func (t wordTable) in(lower string, from int) (word string, at int) {
	for i := from; i+3 <= len(lower); i++ {
		for _, w := range t[[3]byte{lower[i], lower[i+1], lower[i+2]}] {
			if strings.HasPrefix(lower[i:], w) {
				return w, i
			}
		}
	}
	return "", -1
}

// IsBot reports whether r looks like a program's rather than a person's, by the
// name it gives itself and by headers that browsers always or never send. It is
// used for the number of requests by state only.
func (a *Analytics) IsBot(r *http.Request) bool {
	h := r.Header
	if h.Get("Accept-Language") == "" || h.Get("Accept-Encoding") == "" {
		return true
	}
	// A browser that came from nowhere names no referrer.
	if h.Get("Sec-Fetch-Site") == "none" && h.Get("Referer") != "" {
		return true
	}
	return namesBot(h.Get("User-Agent"), a.bots)
}

// namesBot reports whether a User-Agent header names a program.
func namesBot(ua string, words wordTable) bool {
	// Every browser in use calls itself Mozilla first, or is an old Opera.
	if len(ua) > 1024 || !strings.HasPrefix(ua, "Mozilla/") && !strings.HasPrefix(ua, "Opera/") {
		return true
	}
	lower := strings.ToLower(ua)
	word, at := words.in(lower, 0)
	for word == "bot" && strings.HasSuffix(lower[:at], "cu") { // a phone called Cubot
		word, at = words.in(lower, at+1)
	}
	return word != ""
}
