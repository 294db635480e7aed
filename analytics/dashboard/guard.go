package dashboard

import (
	"net/http"
	"strings"
)

// policy is the Content-Security-Policy of every page here: one style sheet of
// our own, forms to ourselves, and nothing else at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm bounds the body of a POST.
const maxForm = 64 << 10

// ServeHTTP answers everything under /_lychgate/admin/, /_lychgate/shared/ and
// /_lychgate/api/. r.URL must be absolute and r.RemoteAddr hold the visitor's
// truncated network.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	// "no-referrer" would make browsers send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "interest-cohort=(), browsing-topics=()")
	h.Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, assetURL) {
		d.assets.serveHTTP(w, r)
		return
	}
	z := d.packers.compress(w, r)
	defer z.Close() //nolint:errcheck // the visitor has gone: nobody to tell
	if strings.HasPrefix(r.URL.Path, apiPrefix) {
		d.handler.ServeHTTP(z, r)
		return
	}
	if !navigates(r) || d.csrf.Check(r) != nil {
		d.fail(z, http.StatusForbidden, "Please open this page by itself",
			"The dashboard answers only to people who open it, not to other pages or programs.")
		return
	}
	r.Body = http.MaxBytesReader(z, r.Body, maxForm)
	d.handler.ServeHTTP(z, r)
}

// navigates reports whether r is a person opening a page. The site in front of
// which we stand shares our origin: its scripts must neither read the dashboard
// nor press its buttons. Browsers without Sec-Fetch headers are let through.
func navigates(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// localPath returns next if it is the path of a page of the dashboard, with its
// query, and otherwise the dashboard's start. It is where somebody is sent after
// signing in, so it must not lead anywhere else.
func localPath(next string) string {
	if !strings.HasPrefix(next, adminURL) || strings.ContainsAny(next, "\\\r\n\t") || strings.Contains(next, "//") || strings.Contains(next, "..") {
		return adminURL
	}
	for _, r := range next {
		if r < ' ' || r > '~' {
			return adminURL
		}
	}
	return next
}
