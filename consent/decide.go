package consent

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// recordTimeout is how long a visitor waits for the ledger.
const recordTimeout = 10 * time.Second

// anchor is the id of the section that confirms a choice.
const anchor = "#lychgate"

// decide answers the form of the banner or of the consent page. The order is the
// promise: the ledger first, the cookie second. On an error there is no yes, but
// always the no.
func (g *Gate) decide(w http.ResponseWriter, r *http.Request) {
	if !g.sameOrigin(r) {
		g.fail(w, r, http.StatusForbidden, "")
		return
	}
	t := g.today()
	c, err := g.readForm(w, r, t)
	switch {
	case errors.Is(err, errTooLarge):
		g.fail(w, r, http.StatusRequestEntityTooLarge, "")
		return
	case err != nil:
		g.fail(w, r, http.StatusBadRequest, c.returnTo)
		return
	}
	var cookie string
	if c.decision == Accept {
		if cookie = t.accepted[cookieKey{secure(r), c.policy.version, c.purposes}]; cookie == "" {
			g.cannotAccept(w, r, c)
			return
		}
	} else {
		cookie = declinedText(c.policy.version, t.date)
	}
	receipt, err := g.record(r, c)
	if err != nil && c.decision == Accept { // the ledger's log says why
		g.unsaved(w, r, http.StatusServiceUnavailable, banner.Accepted, c.returnTo)
		return
	}
	g.settle(w, r, t, c, cookie, receipt)
	if err != nil {
		g.unsaved(w, r, http.StatusOK, banner.Declined, c.returnTo)
		return
	}
	ownHeaders(w.Header())
	w.Header().Set("Location", g.location(r, c))
	w.WriteHeader(http.StatusSeeOther)
}

// cannotAccept answers an accept that no cookie can be made for: without keys,
// or of a list so old that it must be asked anew.
func (g *Gate) cannotAccept(w http.ResponseWriter, r *http.Request, c choice) {
	if g.codec.Load() == nil {
		g.unsaved(w, r, http.StatusServiceUnavailable, banner.Accepted, c.returnTo)
		return
	}
	ownHeaders(w.Header())
	w.Header().Set("Location", c.returnTo)
	w.WriteHeader(http.StatusSeeOther)
}

// unsaved tells a visitor that an answer could not be recorded, and what holds.
func (g *Gate) unsaved(w http.ResponseWriter, r *http.Request, status int, answer banner.Choice, back string) {
	p := &banner.ErrorPage{Visitor: visitor(r), Status: http.StatusServiceUnavailable, Unsaved: answer, ReturnTo: back}
	g.html(w, status, func(b *bytes.Buffer) error { return g.config.Banner.WriteError(b, p) })
}

// record puts the decision into the ledger and returns the receipt of an accept.
func (g *Gate) record(r *http.Request, c choice) (receipt string, err error) {
	if g.config.Ledger == nil {
		return "", ErrLedger
	}
	if !g.flood.admits(r) {
		if n := g.flood.refused.Add(1); n%1000 == 1 {
			g.config.Log.Warn("one network sends more decisions than people make: they are not written down, a no counts all the same",
				"site", g.config.Site, "since the start", n)
		}
		return "", ErrLedger
	}
	v := visitor(r)
	words := []byte(g.config.Banner.Wording(v, c.policy.names(c.policy.asked)))
	rec := Record{
		Site: g.config.Site, Hour: time.Now().UTC().Truncate(time.Hour), Decision: c.decision,
		Purposes: c.policy.names(c.purposes), Policy: documentHash(c.policy.body), Words: documentHash(words),
		Language: g.config.Banner.Language(v), Way: g.way(r, c), Salt: newSalt(),
	}
	// The visitor's patience is no reason to leave a decision half recorded.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), recordTimeout)
	defer cancel()
	origin, seq, err := g.config.Ledger.Append(ctx, rec, Document{kindPolicy, c.policy.body}, Document{kindWords, words})
	if err != nil || c.decision != Accept {
		return "", err
	}
	return receiptID{origin, seq, rec.Salt}.String(), nil
}

// way is where the visitor answered. Our own pages send a Referer to ourselves.
func (g *Gate) way(r *http.Request, c choice) string {
	if c.decision == Accept && r.Header.Get("Sec-GPC") == "1" {
		return WayGPC
	}
	from, err := url.Parse(r.Referer())
	switch {
	case err == nil && from.Path == pagePath:
		return WayPage
	case err == nil && strings.HasPrefix(from.Path, Prefix+"embed/"):
		return WayEmbed
	case r.PostForm.Get("decision") == "choose", ownPage(c.returnTo):
		return WayPage
	default:
		return WayBanner
	}
}

// settle puts the answer on the visitor's device: the cookie, the receipt, and
// away with what the answer no longer allows.
func (g *Gate) settle(w http.ResponseWriter, r *http.Request, t *today, c choice, cookie, receipt string) {
	h, https := w.Header(), secure(r)
	had := g.had(r, t)
	d, grant, _ := g.judge(t, answered{c.decision == Accept, c.policy.version, c.purposes, t.from})
	http.SetCookie(w, setCookie(https, consentCookie(https), cookie, "/", g.config.AskAgain))
	switch {
	case receipt != "":
		http.SetCookie(w, setCookie(https, receiptCookie(https), receipt, Prefix, g.config.AskAgain))
	case oneCookie(r, receiptCookie(https)) != "":
		http.SetCookie(w, expireCookie(https, receiptCookie(https), Prefix))
	}
	narrowed := had&^d.Purposes != 0
	if (c.decision != Accept || narrowed) && g.config.Expire != nil {
		for _, gone := range g.config.Expire(r) {
			http.SetCookie(w, gone)
		}
	}
	if c.decision == Withdraw || narrowed {
		// Never "cookies": that would take the one just set as well.
		h.Set("Clear-Site-Data", `"cache", "storage"`)
	}
	if g.config.Decided != nil {
		g.config.Decided(w, r, d, grant)
	}
}

// had is what of the list in force the visitor's cookie may have allowed until
// now, whether it still counts or not. One that we cannot read may have allowed
// all of it.
func (g *Gate) had(r *http.Request, t *today) Purposes {
	value := oneCookie(r, consentCookie(secure(r)))
	if value == "" || strings.HasPrefix(value, declinedPrefix) {
		return 0
	}
	if a, ok := g.read(r, t); ok {
		if older := g.history.find(a.version); older != nil {
			return t.policy.translate(older, a.purposes)
		}
	}
	return t.policy.asked
}

// location is where the visitor goes on. The consent page is told that a choice
// was just made, to say so in its title, and keeps the way back.
func (g *Gate) location(r *http.Request, c choice) string {
	if !ownPage(c.returnTo) {
		return c.returnTo + anchor
	}
	q := url.Values{"saved": {"1"}}
	_, carried, _ := strings.Cut(c.returnTo, "?")
	if own, err := url.ParseQuery(carried); err == nil {
		if to, ok := returnTo(own.Get("return_to")); ok {
			q.Set("return_to", to)
		}
	}
	if lang := r.PostForm.Get("lang"); lang != "" {
		q.Set("lang", g.config.Banner.Language(visitor(r)))
	}
	if c.decision == Withdraw {
		q.Set("saved", Withdraw)
		if _, ok := parseReceiptID(oneCookie(r, receiptCookie(secure(r)))); ok {
			q.Set("last", oneCookie(r, receiptCookie(secure(r))))
		}
	}
	return pagePath + "?" + q.Encode() + anchor
}

// A receiptID is what the receipt cookie holds: where the visitor's own record
// is, and the salt that proves it to be theirs.
type receiptID struct {
	origin string
	seq    int64
	salt   []byte
}

func (id receiptID) String() string {
	tree, _ := strings.CutPrefix(id.origin, originPrefix)
	return fmt.Sprintf("%s.%d.%s", tree, id.seq, base64.RawURLEncoding.EncodeToString(id.salt))
}

// parseReceiptID reads the value of a receipt cookie.
func parseReceiptID(s string) (id receiptID, ok bool) {
	f := strings.Split(s, ".")
	if len(s) > 200 || len(f) != 3 || !isVersion(f[0]) {
		return id, false
	}
	seq, err := parseSize(f[1])
	if err != nil {
		return id, false
	}
	salt, err := base64.RawURLEncoding.DecodeString(f[2])
	if err != nil || len(salt) != saltBytes {
		return id, false
	}
	return receiptID{originPrefix + f[0], seq, salt}, true
}
