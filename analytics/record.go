package analytics

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// rowBuffers hold the rows of one view while they are made.
var rowBuffers = sync.Pool{New: func() any {
	rows := make([]Row, 0, 64)
	return &rows
}}

// Record counts v and puts the new counting cookie into h, the header of the
// response about to be sent for r. Without a grant for statistics it does nothing.
func (a *Analytics) Record(h http.Header, r *http.Request, g consent.Grant, v PageView) {
	if a == nil || !g.Allows(consent.Statistics) || g.Site() != v.Site || !IsPageRequest(r) || IsPrefetch(r) {
		return
	}
	a.record(h, r, v, g.Until())
}

// record is Record for a visitor who has agreed until that time.
func (a *Analytics) record(h http.Header, r *http.Request, v PageView, until time.Time) {
	s := a.site(v.Site)
	if s == nil || s.jar.Load() == nil {
		return
	}
	switch {
	case v.Status == http.StatusNotFound:
		a.recordNotFound(r, s, v)
	case v.Status != http.StatusOK && v.Status != http.StatusNotModified:
	case IsDownload(v.Path):
		a.recordFile(h, r, s, v, until)
	default:
		a.recordPage(h, r, s, v, until)
	}
}

// recordPage counts a page that was seen and returns the state that this led to.
func (a *Analytics) recordPage(h http.Header, r *http.Request, s *site, v PageView, until time.Time) visitor {
	at := s.calendar.at(v.Time.Unix())
	old, cookie, _ := s.jar.Load().read(r)
	next, e := a.recent.advance(cookie, old, v.Time.Unix(), view{
		At:    at,
		Page:  s.guards[DimPage].name(at.Day, pageName(v.Path)),
		Goals: s.goalsOf(v.Path),
		Steps: s.stepsOf(v.Path),
		From:  s.guarded(at.Day, a.sources.attributionOf(r, v.Query)),
	})
	a.count(s, at, &next, &e, a.traitsOf(r, v))
	if len(v.Query) != 0 {
		a.recordSearch(s, at, v.Query)
	}
	s.live.add(at.Minute)
	a.setState(h, r, s, &next, until.Sub(v.Time))
	return next
}

func (a *Analytics) traitsOf(r *http.Request, v PageView) traits {
	return traits{a.places.of(v.Network), agentOf(r.Header.Get("User-Agent"))}
}

// setState gives the browser its new state, for as long as the consent lasts.
func (a *Analytics) setState(h http.Header, r *http.Request, s *site, v *visitor, left time.Duration) {
	if left <= 0 {
		return
	}
	if err := s.jar.Load().write(h, r, v, left); err != nil {
		a.log.Error("write counting cookie", "err", err)
	}
}

// recordFile counts a file that was fetched. It is no page view, but it may be a
// goal of the visit.
func (a *Analytics) recordFile(h http.Header, r *http.Request, s *site, v PageView, until time.Time) {
	at := s.calendar.at(v.Time.Unix())
	name := s.guards[DimDownload].name(at.Day, pageName(v.Path))
	rows := s.add(nil, Day, DimDownload, "", at, name, Metrics{Views: 1})
	if goals := s.goalsOf(v.Path); goals != 0 {
		rows = a.reach(rows, h, r, s, v, goals, until)
	}
	a.counter.add(rows)
}

// reach appends what goals add that were reached without a view.
func (a *Analytics) reach(rows []Row, h http.Header, r *http.Request, s *site, v PageView, goals uint16, until time.Time) []Row {
	at := s.calendar.at(v.Time.Unix())
	old, _, _ := s.jar.Load().read(r)
	next, e, visiting := reachGoals(old, at, goals)
	if !visiting {
		return s.goalRows(rows, at, goals)
	}
	if e.Goals == 0 {
		return rows
	}
	a.setState(h, r, s, &next, until.Sub(v.Time))
	return s.rows(rows, at, &next, &e, a.traitsOf(r, v))
}

// recordSearch counts what was searched for on the site, if it says where it
// keeps that.
func (a *Analytics) recordSearch(s *site, at moment, q url.Values) {
	for _, param := range s.search {
		words := cutText(strings.ToLower(cleanText(q.Get(param))), maxSearchBytes)
		if words == "" {
			continue
		}
		name := s.guards[DimSearch].name(at.Day, words)
		a.counter.add(s.add(nil, Day, DimSearch, "", at, name, Metrics{Views: 1}))
	}
}

// maxSearchBytes bounds the words of one search that are kept.
const maxSearchBytes = 60

// guarded limits the texts that a request brings along.
func (s *site) guarded(day int32, from attribution) attribution {
	from.Source = s.guards[DimSource].name(day, from.Source)
	from.Campaign = s.guards[DimCampaign].name(day, from.Campaign)
	return from
}

// count adds up what a view changed.
func (a *Analytics) count(s *site, at moment, v *visitor, e *effects, t traits) {
	buffer := rowBuffers.Get().(*[]Row)
	rows := s.rows((*buffer)[:0], at, v, e, t)
	a.counter.add(rows)
	clear(rows)
	*buffer = rows
	rowBuffers.Put(buffer)
}

// recordNotFound counts an address that led nowhere, and the page whose link it
// was. It is no page view and changes nothing of the visit.
func (a *Analytics) recordNotFound(r *http.Request, s *site, v PageView) {
	a.countNotFound(s, s.calendar.at(v.Time.Unix()), v.Path, referringPage(r))
}

// countNotFound counts that something was missing, and where it is linked.
func (a *Analytics) countNotFound(s *site, at moment, path, from string) {
	path = s.guards[DimNotFound].name(at.Day, pageName(path))
	one := Metrics{Views: 1}
	rows := s.add(nil, Day, DimNotFound, "", at, path, one)
	if from != "" && path != other {
		rows = s.add(rows, Day, DimNotFound, path, at, s.guards[DimNotFound].name(at.Day, from), one)
	}
	a.counter.add(rows)
}

// referringPage is where a broken link stands: a page of this site, or the host
// of another.
func referringPage(r *http.Request) string {
	if host := externalReferrer(r); host != "" {
		return cutText(cleanText(host), maxPageBytes)
	}
	_, rest, ok := strings.Cut(r.Header.Get("Referer"), "://")
	if !ok || len(rest) > 2048 {
		return ""
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "/"
	}
	path, _, _ := strings.Cut(rest[i:], "?")
	path, _, _ = strings.Cut(path, "#")
	return pageName(path)
}

// CountState adds one to the hour's total of a state. It takes no request, so
// that nothing of a visitor can come along.
func (a *Analytics) CountState(site string, s State, arrival bool) {
	if a == nil || s >= states || a.config.CountStates != nil && !*a.config.CountStates {
		return
	}
	at := a.site(site)
	if at == nil {
		return
	}
	m := Metrics{Views: 1}
	if arrival {
		m.Visits = 1
	}
	row := [1]Row{{Key{site, Hour, DimState, "", at.calendar.at(a.now().Unix()).Hour, s.String()}, m}}
	a.counter.add(row[:])
}

// SourceField is the signed hidden field by which an arrival's landing page and
// source survive the accept; empty when r is no arrival.
func (a *Analytics) SourceField(r *http.Request, site string) string {
	if a == nil || a.site(site) == nil || a.fields.Load() == nil || !IsPageRequest(r) || !IsArrival(r) {
		return ""
	}
	q := r.URL.Query()
	from := a.sources.attributionOf(r, q)
	if from == (attribution{}) {
		return ""
	}
	day := a.site(site).calendar.at(a.now().Unix()).Day
	return a.fields.Load().sign(site, day, from, pageName(r.URL.Path))
}

// Decided sets or expires the counting cookie after a decision; it is the
// consent.Config.Decided of a site. r.PostForm may hold "source".
func (a *Analytics) Decided(w http.ResponseWriter, r *http.Request, d consent.Decision, g consent.Grant) {
	if a == nil {
		return
	}
	s := a.site(g.Site())
	if s == nil || s.jar.Load() == nil || !g.Allows(consent.Statistics) {
		expireCookie(w.Header(), r)
		return
	}
	now := a.now()
	v, _, known := s.jar.Load().read(r)
	if !known {
		at := s.calendar.at(now.Unix())
		v = visitor{Start: at.Minute, Last: at.Minute}
		if from, ok := a.fields.Load().verify(g.Site(), at.Day, r.PostForm.Get("source")); ok {
			v.From = s.guarded(at.Day, from)
		}
	}
	a.setState(w.Header(), r, s, &v, g.Until().Sub(now))
}

// Counting is the visitor's counting cookie in plain words.
func (a *Analytics) Counting(r *http.Request) []banner.Fact {
	if a == nil {
		return nil
	}
	for _, s := range *a.sites.Load() {
		if v, _, ok := s.jar.Load().read(r); ok {
			return s.facts(&v)
		}
	}
	return nil
}
