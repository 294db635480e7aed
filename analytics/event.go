package analytics

import (
	"bytes"
	_ "embed"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// EventPath is where the optional script sends what a request cannot tell.
const EventPath = consent.Prefix + "event"

//go:embed beacon.js
var beaconScript []byte

// Beacon is the optional script, without its comments. It belongs only on pages of
// visitors whose Grant allows statistics.
func Beacon() []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(beaconScript) {
		if !bytes.HasPrefix(line, []byte("//")) {
			b.Write(line)
		}
	}
	return b.Bytes()
}

const (
	maxEventBytes = 2048
	// maxEventsPerSecond bounds what all browsers together may send to a site.
	maxEventsPerSecond = 500
	// maxEventSeconds bounds the time that one event may add to a page.
	maxEventSeconds = visitWindow * 60
)

// An Event is one request of the optional script.
type Event struct {
	Site    string
	Network netip.Addr
	Time    time.Time
}

// ServeEvent counts what the optional script of a page sends: views that needed
// no request, links out, declared events, time on the last page, the width
// class, missing files. As with Record, without a Grant for statistics nothing is
// counted. The answer is always 204, but for what is no request of the script's.
func (a *Analytics) ServeEvent(w http.ResponseWriter, r *http.Request, g consent.Grant, e Event) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if http.NewCrossOriginProtection().Check(r) != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxEventBytes)
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if a != nil && g.Allows(consent.Statistics) && g.Site() == e.Site {
		a.recordEvent(w.Header(), r, e, g.Until())
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *Analytics) recordEvent(h http.Header, r *http.Request, e Event, until time.Time) {
	s := a.site(e.Site)
	if s == nil || s.jar.Load() == nil || !s.events.take(e.Time.Unix()) {
		return
	}
	at := s.calendar.at(e.Time.Unix())
	page := r.PostForm.Get("page")
	value := r.PostForm.Get("value")
	one := Metrics{Views: 1}
	switch r.PostForm.Get("kind") {
	case "view":
		a.recordScriptView(h, r, s, e, page, value, until)
	case "load":
		if v, _, known := s.jar.Load().read(r); known {
			a.recordWidth(r, s, at, &v)
		}
	case "time":
		a.recordTime(h, r, s, e, page, value, until)
	case "event":
		if slices.Contains(s.declared, value) {
			a.counter.add(s.add(nil, Day, DimEvent, "", at, value, one))
		}
	case "outbound":
		if host := bareHost(value); isHostName(host) {
			name := s.guards[DimOutbound].name(at.Day, cutText(cleanText(host), maxPageBytes))
			a.counter.add(s.add(nil, Day, DimOutbound, "", at, name, one))
		}
	case "missing":
		path, _, _ := strings.Cut(value, "?")
		if strings.HasPrefix(path, "/") && strings.HasPrefix(page, "/") {
			a.countNotFound(s, at, path, pageName(page))
		}
	}
}

// recordScriptView counts a page that was shown without a request: one that a
// script moved to, or that was prerendered and is shown now.
func (a *Analytics) recordScriptView(h http.Header, r *http.Request, s *site, e Event, page, search string, until time.Time) {
	if !strings.HasPrefix(page, "/") || strings.HasPrefix(page, consent.Prefix) {
		return
	}
	query, err := url.ParseQuery(strings.TrimPrefix(search, "?"))
	if err != nil {
		query = nil
	}
	// The request's own referrer is the page itself.
	r.Header.Set("Referer", r.PostForm.Get("from"))
	v := a.recordPage(h, r, s, PageView{
		Site: e.Site, Path: page, Query: query, Status: http.StatusOK, Network: e.Network, Time: e.Time,
	}, until)
	a.recordWidth(r, s, s.calendar.at(e.Time.Unix()), &v)
}

// recordWidth counts how wide the window is, in four classes, as style sheets know
// them: once for each page that is loaded, and for the visit on its first.
func (a *Analytics) recordWidth(r *http.Request, s *site, at moment, v *visitor) {
	class := r.PostForm.Get("width")
	if !slices.Contains(widthClasses[:], class) {
		return
	}
	m := Metrics{Views: 1}
	if v.Pages == 1 {
		m.Visits = 1
	}
	a.counter.add(s.add(nil, Day, DimWidth, "", at, class, m))
}

var widthClasses = [...]string{"narrow", "medium", "wide", "very wide"}

// recordTime adds the seconds that the visit's last page was looked at, which
// without a next page nobody would know. A page that is left for another tells
// its time when the other has been counted, and its time with it: it is not the
// last any more.
func (a *Analytics) recordTime(h http.Header, r *http.Request, s *site, e Event, page, value string, until time.Time) {
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds <= 0 {
		return
	}
	old, _, known := s.jar.Load().read(r)
	if !known || pageName(page) != old.Page {
		return
	}
	at := s.calendar.at(e.Time.Unix())
	next, effect, ok := look(old, at, min(seconds, maxEventSeconds))
	if !ok {
		return
	}
	a.setState(h, r, s, &next, until.Sub(e.Time))
	view := PageView{Network: e.Network}
	a.count(s, at, &next, &effect, a.traitsOf(r, view))
}

// A limiter lets so many events through in each second.
type limiter struct {
	mu     sync.Mutex
	second int64
	taken  int
}

func (l *limiter) take(second int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.second != second {
		l.second, l.taken = second, 0
	}
	l.taken++
	return l.taken <= maxEventsPerSecond
}
