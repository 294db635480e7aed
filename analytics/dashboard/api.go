package dashboard

import (
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// The statistics API hands out what the files hold, to programs: whole months,
// no filter, protected numbers. It takes tokens alone, never the session cookie,
// so a website in the same browser can do nothing with it.

const apiPrefix = consent.Prefix + "api/"

// openapi.json describes the API (OpenAPI 3.1).
//
//go:embed openapi.json
var openapi []byte

func (d *Dashboard) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(openapi) //nolint:errcheck // the caller has gone: nobody to tell
}

// apiRoutes is every address of the API that openapi.json describes.
func (d *Dashboard) apiRoutes() map[string]func(*call, Period) (export, error) {
	return map[string]func(*call, Period) (export, error){
		apiPrefix + "v1/sites/{site}/summary":      d.apiSummary,
		apiPrefix + "v1/sites/{site}/series":       d.apiSeries,
		apiPrefix + "v1/sites/{site}/lists/{list}": d.apiList,
	}
}

// apiProblem is a refusal as programs read it (RFC 9457).
func apiProblem(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"status": status, "title": title}) //nolint:errcheck // the caller has gone
}

// onToken makes a handler of a part of the API for holders of a token.
func (d *Dashboard) onToken(answer func(*call, Period) (export, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := d.open(r.Context())
		if err != nil {
			d.apiFail(w, err)
			return
		}
		c := &call{w: w, r: r, accounts: a}
		if err := d.tokenSite(c); err != nil {
			d.apiFail(w, err)
			return
		}
		p, ok := apiPeriod(r, dayOf(time.Now(), c.site.Location))
		if !ok {
			apiProblem(w, http.StatusBadRequest, "period: want a name like last-month, or from and to as months like 2026-04")
			return
		}
		e, err := answer(c, p)
		if err == nil {
			err = e.write(w, r)
		}
		if err != nil {
			d.apiFail(w, err)
		}
	}
}

// tokenSite sets the site that the request's token opens, if it is the one asked
// for.
func (d *Dashboard) tokenSite(c *call) error {
	secret, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return errNoKey
	}
	k, err := c.accounts.keyOf(c.ctx(), tokenKey, secret)
	if errors.Is(err, errNoKey) {
		if wait := d.throttle.try(networkKey(c.r.RemoteAddr)); wait > 0 {
			return tooManyTries(wait)
		}
	}
	if err != nil {
		return err
	}
	site, known := d.site(k.Site)
	if !known || c.r.PathValue("site") != site.ID {
		return errNotFound
	}
	c.site = site
	return nil
}

func (d *Dashboard) apiFail(w http.ResponseWriter, err error) {
	var tries tooManyTries
	switch {
	case errors.Is(err, errNoKey):
		w.Header().Set("WWW-Authenticate", `Bearer realm="lychgate"`)
		apiProblem(w, http.StatusUnauthorized, "a valid token is needed: Authorization: Bearer ...")
	case errors.Is(err, errNotFound):
		apiProblem(w, http.StatusNotFound, "there is nothing here for this token")
	case errors.As(err, &tries):
		apiProblem(w, http.StatusTooManyRequests, "too many wrong tokens")
	default:
		d.c.Log.Error("dashboard: answer the API", "err", err)
		apiProblem(w, http.StatusServiceUnavailable, "cannot answer just now")
	}
}

// apiPeriod reads the period of a request to the API: a preset by its name, or
// from and to as months.
func apiPeriod(r *http.Request, today time.Time) (Period, bool) {
	q := r.URL.Query()
	if !q.Has("from") && !q.Has("to") {
		p := parsePeriod(q, today)
		return p.wholeMonths(today), p.Key == q.Get("period") || !q.Has("period")
	}
	from, err := time.Parse(isoMonth, q.Get("from"))
	to, err2 := time.Parse(isoMonth, q.Get("to"))
	if err != nil || err2 != nil {
		return Period{}, false
	}
	p, ok := customPeriod(from.Format(isoDate), to.Format(isoDate), today)
	return p.wholeMonths(today), ok
}

// ask asks for protected numbers of c's site.
func (d *Dashboard) ask(c *call, p Period, q analytics.Question) (analytics.Answer, error) {
	q.Site, q.From, q.To = c.site.ID, p.From, p.To
	answers, err := askEverybody(c.ctx(), d.answers.each, q)
	if err != nil {
		return analytics.Answer{}, err
	}
	return answers[0], nil
}

func (d *Dashboard) apiSummary(c *call, p Period) (export, error) {
	a, err := d.ask(c, p, analytics.Question{})
	if err != nil {
		return export{}, err
	}
	return export{
		Rounding: d.rounding(), Site: c.site.ID, From: p.From, To: p.To, Head: append([]string{"name"}, countHead...),
		Rows: []exportRow{{[]string{"total"}, countCells(a.Headline)}},
	}, nil
}

func (d *Dashboard) apiSeries(c *call, p Period) (export, error) {
	step := analytics.SeriesMonth
	if c.r.URL.Query().Get("step") == "day" {
		step = analytics.SeriesDay
	}
	a, err := d.ask(c, p, analytics.Question{Series: step})
	if err != nil {
		return export{}, err
	}
	e := export{Rounding: d.rounding(), Site: c.site.ID, From: p.From, To: p.To, Head: append([]string{"start"}, countHead...)}
	for _, x := range a.Series {
		e.Rows = append(e.Rows, exportRow{[]string{x.Start.Format(isoDate)}, countCells(x.Counts)})
	}
	return e, nil
}

func (d *Dashboard) apiList(c *call, p Period) (export, error) {
	_, t, ok := tabByName(c.r.PathValue("list"))
	if !ok {
		return export{}, errNotFound
	}
	a, err := d.ask(c, p, analytics.Question{Lists: []analytics.ListQuestion{t.question(maxRows)}})
	if err != nil {
		return export{}, err
	}
	l := analytics.List{Dim: t.Dim}
	if len(a.Lists) == 1 && a.Lists[0].Refused == "" {
		l = a.Lists[0]
	}
	return d.names.listExport(a, t, l, d.rounding()), nil
}

// write answers with e in the format that the request asks for.
func (e export) write(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("format") == "csv" {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		return e.writeCSV(w)
	}
	w.Header().Set("Content-Type", "application/json")
	return e.writeJSON(w)
}
