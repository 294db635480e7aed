package proxy

import (
	"net/http"
	"path"
	"strings"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// A visit is what the gateway knows of one request for a thing of the site
// before anything is fetched: who asks, for what, and what they agreed to.
type visit struct {
	site     *site
	decision consent.Decision
	grant    consent.Grant
	https    bool
	// released: everything the site asks about third parties was agreed to, so
	// that nothing stands between them and the visitor any more.
	released bool
	// document: what comes back is shown as a page of its own, so it may carry
	// the banner. Framed pages and fetched fragments are not.
	document bool
	// mayBePage: the answer may be HTML, so that validators and ranges of the
	// unrewritten bytes must not reach the site.
	mayBePage bool
	// sideFile: the answer may be a style sheet, an SVG image or a worker's script,
	// which are judged too; the same goes for them. worker: it is a script's.
	sideFile, worker bool
	// asksPage: the request is for a page and counts as one if one comes back.
	asksPage bool
	// prefetch: a browser asked ahead of the person; nothing is set or recorded.
	prefetch bool
	// report is where a crawl of ours wants to know what was judged.
	report *ScanPage
	coding coding // what the answer may be compressed with
}

// decide reads everything of r that bears on the answer.
func (s *site) decide(r *http.Request) visit {
	d, grant := s.Gate.Of(r)
	v := visit{
		site:     s,
		decision: d,
		grant:    grant,
		https:    r.URL.Scheme == "https",
		coding:   pageCoding(r.Header["Accept-Encoding"]),
	}
	v.released = s.released(d, grant)
	f := fetchOf(r.Header)
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	v.prefetch = analytics.IsPrefetch(r)
	v.document = f.document
	v.mayBePage = read && f.mayBePage && !namesFile(r.URL.Path, downloads) &&
		(f.told || acceptsHTML(r.Header) || !namesFile(r.URL.Path, parts))
	v.sideFile = read && isSideFile(r)
	v.worker = strings.HasSuffix(get(r.Header, "Sec-Fetch-Dest"), "worker")
	v.asksPage = r.Method == http.MethodGet && f.document && r.Header["Range"] == nil
	return v
}

// state is the visitor's column in the hour's totals.
func (v *visit) state(bot bool) analytics.State {
	switch {
	case v.prefetch:
		return analytics.StatePrefetch
	case bot:
		return analytics.StateBot
	case v.decision.Answer == consent.Accepted:
		return analytics.StateAccepted
	case v.decision.Answer == consent.Declined:
		return analytics.StateDeclined
	}
	return analytics.StateUndecided
}

// A fetch is what the request headers tell of a browser's reason to ask.
type fetch struct {
	document, mayBePage bool
	told                bool // the headers were there
}

// assetDests are the destinations whose answers a browser never shows as a page
// (Fetch standard, section 2.2.5). A frame's, an embed's or an unnamed one may be HTML.
var assetDests = map[string]bool{
	"audio": true, "audioworklet": true, "font": true, "image": true, "json": true, "manifest": true,
	"paintworklet": true, "script": true, "serviceworker": true, "sharedworker": true,
	"style": true, "track": true, "video": true, "worker": true, "text": true,
}

// downloads are the endings of files that are no pages, so that a broken
// download can go on where it stopped.
var downloads = map[string]bool{
	".pdf": true, ".zip": true, ".gz": true, ".tgz": true, ".bz2": true, ".xz": true, ".7z": true, ".rar": true, ".iso": true, ".dmg": true,
	".exe": true, ".msi": true, ".apk": true, ".deb": true, ".rpm": true, ".epub": true, ".docx": true, ".xlsx": true, ".pptx": true,
	".odt": true, ".ods": true, ".csv": true, ".mp3": true, ".m4a": true, ".ogg": true, ".wav": true, ".flac": true, ".mp4": true,
	".m4v": true, ".webm": true, ".mov": true, ".png": true, ".jpg": true, ".jpeg": true, ".gif": true, ".webp": true, ".avif": true,
	".woff": true, ".woff2": true, ".ttf": true, ".ico": true,
}

// parts are the endings of what pages are made of. Where a browser does not
// tell what it asks for, they are no pages unless it would take one.
var parts = map[string]bool{
	".css": true, ".js": true, ".mjs": true, ".json": true, ".svg": true, ".webmanifest": true, ".wasm": true, ".map": true,
	".vtt": true, ".bmp": true, ".otf": true, ".eot": true,
}

// namesFile reports whether a path ends in one of endings.
func namesFile(p string, endings map[string]bool) bool {
	ext := path.Ext(p)
	return len(ext) > 1 && len(ext) < 16 && endings[strings.ToLower(ext)]
}

// fetchOf reads the Fetch metadata headers. Browsers send them over https and to
// local hosts only; without them Accept decides.
func fetchOf(h http.Header) fetch {
	var f fetch
	mode, dest := get(h, "Sec-Fetch-Mode"), get(h, "Sec-Fetch-Dest")
	f.told = mode != "" || dest != ""
	if !f.told {
		f.document = acceptsHTML(h)
	} else {
		// A service worker answers a navigation with a fetch whose dest is empty.
		f.document = mode == "navigate" && (dest == "document" || dest == "empty")
	}
	f.mayBePage = !assetDests[dest]
	return f
}

// get is h.Get without canonicalizing a name that is canonical already.
func get(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func acceptsHTML(h http.Header) bool {
	for _, v := range h["Accept"] {
		if strings.Contains(v, "text/html") || strings.Contains(v, "application/xhtml+xml") {
			return true
		}
	}
	return false
}
