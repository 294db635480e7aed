package analytics

import "strings"

// namesBot reports whether a User-Agent names a program.
func namesBot(ua string) bool {
	lower := strings.ToLower(ua)
	for _, word := range botWords {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

var botWords = [...]string{
	"bot", "crawl", "spider", "slurp", "curl/", "wget", "python", "go-http-client", "java/", "okhttp", "headless",
	"http://", "https://", "monitor", "preview", "scan", "fetch", "facebookexternalhit", "lighthouse", "phantom",
}
