package consent

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the cookies, without the prefix that https adds.
const (
	cookieName  = "lychgate"
	receiptName = "lychgate-receipt"
)

// secure reports whether the visitor came by https. Only then are the prefixed
// names read and written; a plain name over https could have been planted by
// anybody on the way (RFC 6265bis section 4.1.3).
func secure(r *http.Request) bool { return r.URL.Scheme == "https" }

// consentCookie is the name of the cookie that holds the answer.
func consentCookie(secure bool) string {
	if secure {
		return "__Host-" + cookieName
	}
	return cookieName
}

// receiptCookie is the name of the cookie that holds the visitor's receipt.
func receiptCookie(secure bool) string {
	if secure {
		return "__Secure-" + receiptName
	}
	return receiptName
}

// oneCookie returns the value of the only cookie with this name. Two of them
// mean that somebody else put one there, and neither is believed.
func oneCookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

const dateForm = time.DateOnly

// parseDay is the first moment of a date in zone.
func parseDay(date string, zone *time.Location) (time.Time, error) {
	day, err := time.Parse(dateForm, date)
	if err != nil {
		return time.Time{}, err
	}
	return FirstMoment(day.Year(), day.Month(), day.Day(), zone), nil
}

// declinedPrefix begins the constant text of a declined cookie. It holds a
// point, which no signed value does.
const declinedPrefix = "declined."

// declinedText is the value that everybody gets who declines on that day. It is
// not signed: saying no needs no proof.
func declinedText(version, date string) string { return declinedPrefix + version + "." + date }

// An answered is what a cookie says, before it is held against the list in force.
type answered struct {
	accepted bool
	version  string
	purposes Purposes // bits of that version's list
	day      time.Time
}

// acceptedText is what is signed for everybody who accepts these purposes on
// that day.
func acceptedText(site, version string, set Purposes, date string) []byte {
	return fmt.Appendf(nil, "%s|%s|%02x|%s", site, version, uint8(set), date)
}

// parseAccepted reads a text that was signed.
func parseAccepted(text []byte, site string, zone *time.Location) (a answered, ok bool) {
	f := strings.Split(string(text), "|")
	if len(f) != 4 || f[0] != site {
		return a, false
	}
	set, err := strconv.ParseUint(f[2], 16, 8)
	if err != nil {
		return a, false
	}
	day, err := parseDay(f[3], zone)
	if err != nil {
		return a, false
	}
	return answered{true, f[1], Purposes(set), day}, true
}

// parseDeclined reads the text of a declined cookie, which anybody may write.
func parseDeclined(value string, zone *time.Location) (a answered, ok bool) {
	rest, ok := strings.CutPrefix(value, declinedPrefix)
	if !ok {
		return a, false
	}
	version, date, _ := strings.Cut(rest, ".")
	day, err := parseDay(date, zone)
	if err != nil || !isVersion(version) {
		return a, false
	}
	return answered{version: version, day: day}, true
}

// setCookie is a cookie of ours with the attributes that all of them share.
func setCookie(secure bool, name, value, path string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: int(life / time.Second),
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// expireCookie takes a cookie of ours away.
func expireCookie(secure bool, name, path string) *http.Cookie {
	c := setCookie(secure, name, "", path, 0)
	c.MaxAge = -1
	return c
}
