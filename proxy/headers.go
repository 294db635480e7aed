package proxy

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// siteHeaders are what a site that says nothing about it may want said of its
// answers. None of them holds back anything a site of the usual kind does.
var siteHeaders = map[string]string{
	// A file is what it says it is.
	"X-Content-Type-Options": "nosniff",
	// Other sites learn where a visitor comes from, not what was read there.
	"Referrer-Policy": "strict-origin-when-cross-origin",
	// Frames of others do not get at the device.
	"Permissions-Policy": "camera=(self), microphone=(self), geolocation=(self), payment=(self), usb=(), browsing-topics=()",
}

// protect adds to an answer of the site what it leaves open.
func (s *site) protect(h http.Header) {
	if !s.SecurityHeaders {
		return
	}
	for name, value := range siteHeaders {
		if h[name] == nil {
			h[name] = []string{value}
		}
	}
	// Other sites must not show it inside their own pages, where a visitor could
	// be made to press what is not seen.
	if h["X-Frame-Options"] == nil && !namesFrameAncestors(h) {
		h["X-Frame-Options"] = []string{"SAMEORIGIN"}
	}
}

func namesFrameAncestors(h http.Header) bool {
	for _, line := range h["Content-Security-Policy"] {
		if strings.Contains(strings.ToLower(line), "frame-ancestors") {
			return true
		}
	}
	return false
}

// overTLS sets what is said of an encrypted door itself on every answer that
// came through it. A browser heeds it only where the certificate is in order
// (RFC 6797 section 8.1), and the site's own word goes first.
func overTLS(next http.Handler, hsts time.Duration, altSvc []string) http.Handler {
	var strict []string
	if hsts > 0 {
		strict = []string{"max-age=" + strconv.FormatInt(int64(hsts/time.Second), 10)}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if strict != nil && !peerTrusted(r.Context()) {
			h[hstsHeader] = strict
		}
		if altSvc != nil && r.ProtoMajor < 3 {
			h["Alt-Svc"] = altSvc
		}
		next.ServeHTTP(w, r)
	})
}

const hstsHeader = "Strict-Transport-Security"
