package consent

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/lychgate/lychgate/banner"
)

// showReceipt answers GET /_lychgate/consent/receipt: the visitor's own record
// as a page, or with ?as=json or ?as=text as a download (GDPR Art. 15, 20).
func (g *Gate) showReceipt(w http.ResponseWriter, r *http.Request) {
	own, err := g.ownReceipt(r)
	switch {
	case errors.Is(err, ErrNoRecord):
		p := &banner.ReceiptPage{Visitor: visitor(r)}
		g.html(w, http.StatusNotFound, func(b *bytes.Buffer) error { return g.config.Banner.WriteReceipt(b, p) })
		return
	case err != nil:
		g.config.Log.Error("receipt cannot be read", "site", g.config.Site, "err", err)
		g.fail(w, r, http.StatusServiceUnavailable, pagePath)
		return
	}
	switch r.URL.Query().Get("as") {
	case "json":
		download(w, "consent-receipt.json", "application/json", own.json())
	case "text":
		download(w, "consent-receipt.txt", "text/plain; charset=utf-8", own.text())
	default:
		p := &banner.ReceiptPage{
			Visitor: visitor(r), Facts: own.facts(), Asked: own.Proof.Question, AskedLang: own.Processing.Language,
			Receipt: string(own.json()),
		}
		g.html(w, http.StatusOK, func(b *bytes.Buffer) error { return g.config.Banner.WriteReceipt(b, p) })
	}
}

// ownReceipt is the receipt that r's cookie points to.
func (g *Gate) ownReceipt(r *http.Request) (*receipt, error) {
	id, ok := parseReceiptID(oneCookie(r, receiptCookie(secure(r))))
	if !ok {
		return nil, ErrNoRecord
	}
	return g.receiptOf(r, id)
}

func (g *Gate) receiptOf(r *http.Request, id receiptID) (*receipt, error) {
	if g.config.Ledger == nil {
		return nil, ErrLedger
	}
	own, err := g.config.Ledger.receipt(r.Context(), id)
	if err == nil && own.Parties[0].ID != g.config.Site {
		return nil, ErrNoRecord
	}
	return own, err
}

// download sends a file of the visitor's own.
func download(w http.ResponseWriter, name, kind string, body []byte) {
	ownHeaders(w.Header())
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(body) // a visitor who left needs no answer
}

// showCheckpoint answers GET /_lychgate/consent/checkpoint: the signed head of
// the ledger's tree, for whoever wants to hold it. It tells how many decisions
// there were, and nothing of any of them.
func (g *Gate) showCheckpoint(w http.ResponseWriter, r *http.Request) {
	if g.config.Ledger == nil {
		g.fail(w, r, http.StatusServiceUnavailable, pagePath)
		return
	}
	text, err := g.config.Ledger.Checkpoint(r.Context())
	if err != nil {
		g.config.Log.Error("checkpoint cannot be read", "err", err)
		g.fail(w, r, http.StatusServiceUnavailable, pagePath)
		return
	}
	ownHeaders(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // a visitor who left needs no answer
}

// showVerify answers /_lychgate/consent/verify: paste a receipt and see it proven.
// Nothing is kept of what was pasted.
func (g *Gate) showVerify(w http.ResponseWriter, r *http.Request) {
	p := &banner.VerifyPage{}
	if r.Method == http.MethodPost {
		if !g.sameOrigin(r) {
			g.fail(w, r, http.StatusForbidden, "")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4*maxReceiptBytes) // percent-encoded
		if err := r.ParseForm(); err != nil {
			g.fail(w, r, http.StatusBadRequest, pagePath+"/verify")
			return
		}
		if p.Receipt = r.PostForm.Get("receipt"); g.config.Ledger != nil {
			own, err := g.config.Ledger.prove(r.Context(), p.Receipt)
			switch {
			case err == nil:
				p.Result, p.Facts = banner.Proven, own.facts()
				p.Asked, p.AskedLang = own.Proof.Question, own.Processing.Language
			case errors.Is(err, errUnreadable):
				p.Result = banner.Unreadable
			case errors.Is(err, errNotProven):
				p.Result = banner.NotProven
			default:
				g.config.Log.Error("receipt cannot be checked", "err", err)
				g.fail(w, r, http.StatusServiceUnavailable, pagePath+"/verify")
				return
			}
		}
	}
	p.Visitor = visitor(r)
	g.html(w, http.StatusOK, func(b *bytes.Buffer) error { return g.config.Banner.WriteVerify(b, p) })
}

// showServices answers GET /_lychgate/consent/services.html: the table of third
// parties and cookies as a fragment that the site's own policy page can include.
// It is the same for everybody.
func (g *Gate) showServices(w http.ResponseWriter, r *http.Request) {
	choices := purposeChoices(g.today(), Grant{})
	var b bytes.Buffer
	if err := g.config.Banner.WriteServices(&b, visitor(r), choices, g.always()); err != nil {
		g.config.Log.Error("page could not be written", "site", g.config.Site, "err", err)
		g.fail(w, r, http.StatusServiceUnavailable, pagePath)
		return
	}
	publicHeaders(w.Header(), "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // a visitor who left needs no answer
}

// listedPurpose is one purpose in services.json.
type listedPurpose struct {
	ID       string          `json:"id"`
	Services []listedService `json:"services"`
}

type listedService struct {
	Name    string         `json:"name"`
	Text    string         `json:"text,omitempty"`
	Privacy string         `json:"privacy,omitempty"`
	Hosts   []string       `json:"hosts"`
	Cookies []listedCookie `json:"cookies"`
}

type listedCookie struct {
	Name    string `json:"name"`
	Text    string `json:"text,omitempty"`
	Life    string `json:"life,omitempty"`
	Storage bool   `json:"storage"`
}

// listServices answers GET /_lychgate/consent/services.json: the same as data.
func (g *Gate) listServices(w http.ResponseWriter, r *http.Request) {
	t := g.today()
	out := struct {
		Policy   string          `json:"policy"`
		Purposes []listedPurpose `json:"purposes"`
		Always   []listedService `json:"always"`
	}{Policy: t.policy.version, Purposes: []listedPurpose{}, Always: []listedService{}}
	for _, c := range purposeChoices(t, Grant{}) {
		p := listedPurpose{ID: c.ID, Services: []listedService{}}
		for _, s := range c.Services {
			p.Services = append(p.Services, listed(s))
		}
		out.Purposes = append(out.Purposes, p)
	}
	for _, s := range g.always() {
		out.Always = append(out.Always, listed(s))
	}
	publicHeaders(w.Header(), "application/json")
	_ = json.NewEncoder(w).Encode(out) // a visitor who left needs no answer
}

func listed(s banner.Service) listedService {
	l := listedService{Name: s.Name, Text: s.Text, Privacy: s.Privacy, Hosts: append([]string{}, s.Hosts...), Cookies: []listedCookie{}}
	for _, k := range s.Cookies {
		l.Cookies = append(l.Cookies, listedCookie(k))
	}
	return l
}

// publicHeaders are those of what is the same for everybody and holds nothing
// of anybody.
func publicHeaders(h http.Header, kind string) {
	ownHeaders(h)
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Vary", "Accept-Language")
	h.Set("X-Frame-Options", "SAMEORIGIN")
}
