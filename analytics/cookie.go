package analytics

import (
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lychgate/lychgate/consent"
)

// The counting cookie. Its value is sealed: the network between cannot read the
// pages in it, and its owner cannot make up states.
const (
	cookieName       = "lychgate-count"
	secureCookieName = "__Host-" + cookieName
	cookieLabel      = "analytics/count"
	// cookieMaxAge bounds how old a state is believed: the longest consent.
	cookieMaxAge = 400 * 24 * time.Hour
)

// The limits of the texts in a state, in bytes. Together they keep the cookie,
// name included, under 600 bytes, since sealing makes 16/9 of what it is given.
const (
	maxPageBytes     = 90
	maxSourceBytes   = 40
	maxCampaignBytes = 40
	maxOriginBytes   = 68 // source and campaign together
	maxOnceBytes     = 28 // medium, term, content, each; only before the first view
)

const stateVersion = 1

// samePage stands in place of a page's length when it is the entry page.
const samePage = 255

// appendState writes v in its compact form.
func appendState(b []byte, v *visitor) []byte {
	b = append(b, stateVersion)
	b = binary.AppendUvarint(b, uint64(v.LastDay))
	b = binary.AppendUvarint(b, uint64(v.Start))
	b = binary.AppendUvarint(b, uint64(v.Last-v.Start))
	b = binary.AppendUvarint(b, uint64(v.Pages))
	b = binary.AppendUvarint(b, uint64(v.Goals))
	b = binary.AppendUvarint(b, uint64(v.Funnels))
	b = binary.AppendUvarint(b, uint64(v.Spent))
	b = append(b, byte(v.From.Channel))
	b = appendText(b, v.From.Source)
	b = appendText(b, v.From.Campaign)
	b = appendText(b, v.Entry)
	if v.Page == v.Entry {
		b = append(b, samePage)
	} else {
		b = appendText(b, v.Page)
	}
	if v.Pages == 0 {
		b = appendText(b, v.From.Medium)
		b = appendText(b, v.From.Term)
		b = appendText(b, v.From.Content)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(append(b, byte(len(s))), s...)
}

var errState = errors.New("not a counting state")

// parseState reads what appendState wrote.
func parseState(b []byte) (visitor, error) {
	r := newStateReader(b)
	if r.byte() != stateVersion {
		return visitor{}, errState
	}
	var v visitor
	v.LastDay = int32(r.number(1 << 30))
	v.Start = uint32(r.number(1 << 31))
	v.Last = v.Start + uint32(r.number(1<<31-1))
	v.Pages = uint16(r.number(1<<16 - 1))
	v.Goals = uint16(r.number(1<<16 - 1))
	v.Funnels = uint16(r.number(1<<16 - 1))
	v.Spent = uint16(r.number(maxEventSeconds))
	v.From.Channel = Channel(r.byte())
	v.From.Source = r.text(maxSourceBytes)
	v.From.Campaign = r.text(maxCampaignBytes)
	v.Entry = r.text(maxPageBytes)
	if len(r.rest) > 0 && r.rest[0] == samePage {
		r.byte()
		v.Page = v.Entry
	} else {
		v.Page = r.text(maxPageBytes)
	}
	if v.Pages == 0 {
		v.From.Medium = r.text(maxOnceBytes)
		v.From.Term = r.text(maxOnceBytes)
		v.From.Content = r.text(maxOnceBytes)
	}
	if r.bad || len(r.rest) != 0 || v.From.Channel >= channels {
		return visitor{}, errState
	}
	return v, nil
}

// A stateReader takes fields off the front of a state. After the first field
// that does not fit it is bad and yields zeros.
type stateReader struct {
	rest []byte
	all  string // the whole state, which its texts are parts of
	bad  bool
}

func newStateReader(b []byte) stateReader { return stateReader{rest: b, all: string(b)} }

func (r *stateReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *stateReader) number(most uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > most {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *stateReader) text(most int) string {
	n := int(r.byte())
	if r.bad || n > most || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return ""
	}
	s := r.all[len(r.all)-len(r.rest):][:n]
	r.rest = r.rest[n:]
	if !utf8.ValidString(s) {
		r.bad = true
		return ""
	}
	return s
}

// A cookieJar writes and reads one site's counting cookies.
type cookieJar struct {
	codec *consent.Codec
	// The name that is signed along holds the site, so that a state counts
	// nowhere else.
	signed [2]string
}

func newCookieJar(keys *consent.Keys, site string) *cookieJar {
	return &cookieJar{
		codec:  keys.Sealed(cookieLabel, cookieMaxAge),
		signed: [2]string{cookieName + " " + site, secureCookieName + " " + site},
	}
}

// read returns the state that r carries, and the cookie's value. A cookie that
// cannot be verified is as if absent.
func (j *cookieJar) read(r *http.Request) (v visitor, value string, ok bool) {
	if j == nil {
		return visitor{}, "", false
	}
	name, signed := cookieName, j.signed[0]
	if isSecure(r) {
		name, signed = secureCookieName, j.signed[1]
	}
	value = cookieValue(r, name)
	if value == "" {
		return visitor{}, "", false
	}
	b, err := j.codec.Decode(signed, value)
	if err != nil {
		return visitor{}, "", false
	}
	v, err = parseState(b)
	return v, value, err == nil
}

// stateBuffers hold a state on its way into a cookie, which encrypts it in place.
var stateBuffers = sync.Pool{New: func() any { return new([]byte) }}

// write puts v into h for r's browser, to be kept for maxAge.
func (j *cookieJar) write(h http.Header, r *http.Request, v *visitor, maxAge time.Duration) error {
	signed := j.signed[0]
	if isSecure(r) {
		signed = j.signed[1]
	}
	state := stateBuffers.Get().(*[]byte)
	*state = appendState((*state)[:0], v)
	value, err := j.codec.Encode(signed, *state)
	stateBuffers.Put(state)
	if err != nil {
		return err
	}
	setCookie(h, r, value, int(maxAge/time.Second))
	return nil
}

// expireCookie takes the counting cookie back, if r has one.
func expireCookie(h http.Header, r *http.Request) {
	if cookieValue(r, cookieName) != "" || cookieValue(r, secureCookieName) != "" {
		setCookie(h, r, "", -1)
	}
}

// setCookie writes the header line itself: the value needs no quoting, and a
// line is written for every page.
func setCookie(h http.Header, r *http.Request, value string, maxAge int) {
	name, end := cookieName, "; HttpOnly; SameSite=Lax"
	if isSecure(r) {
		name, end = secureCookieName, "; HttpOnly; Secure; SameSite=Lax"
	}
	h.Add("Set-Cookie", name+"="+value+"; Path=/; Max-Age="+strconv.Itoa(max(maxAge, 0))+end)
}

func isSecure(r *http.Request) bool { return r.URL.Scheme == "https" }
