package proxy

import (
	"net/http"
	"strings"
)

// advertising is the catalogue's purpose of ads and of the click identifiers
// that join a visitor to one.
const advertising = "advertising"

// clickIDs are the query parameters in which ad networks and mail senders pass
// on who clicked. They name a person or a click, unlike utm_*, which names a campaign.
var clickIDs = map[string]bool{
	"gclid": true, "gclsrc": true, "dclid": true, "gbraid": true, "wbraid": true, "gad_source": true, "gad_campaignid": true,
	"srsltid": true, "_ga": true, "_gl": true, "fbclid": true, "fb_action_ids": true, "msclkid": true, "yclid": true, "ysclid": true,
	"ttclid": true, "twclid": true, "li_fat_id": true, "igshid": true, "igsh": true, "epik": true, "rdt_cid": true, "scclid": true,
	"sccid": true, "irclickid": true, "cjevent": true, "mc_eid": true, "_hsenc": true, "_hsmi": true, "__hstc": true, "__hssc": true,
	"__hsfp": true, "hsctatracking": true, "mkt_tok": true, "vero_id": true, "vero_conv": true, "oly_anon_id": true, "oly_enc_id": true,
	"_openstat": true, "wickedid": true, "s_cid": true, "dm_i": true, "ml_subscriber": true, "ml_subscriber_hash": true, "rb_clickid": true,
	"ss_email_id": true, "bsft_clkid": true, "bsft_eid": true, "bsft_uid": true, "_branch_match_id": true, "_kx": true, "ef_id": true,
	"obclid": true, "tblci": true, "qclid": true,
}

// query is r's query as the site may see it.
func (v *visit) query(r *http.Request) string {
	if r.URL.RawQuery == "" || v.grant.Allows(advertising) {
		return r.URL.RawQuery
	}
	return withoutParams(r.URL.RawQuery, func(name string) bool { return clickIDs[strings.ToLower(name)] })
}

// referrer is the page a request comes from, as the site may see it: it is
// often one of the site's own, with the query the visitor came with.
func (v *visit) referrer(from string) string {
	page, query, ok := strings.Cut(from, "?")
	if !ok || v.grant.Allows(advertising) {
		return from
	}
	query = withoutParams(query, func(name string) bool { return clickIDs[strings.ToLower(name)] })
	if query == "" {
		return page
	}
	return page + "?" + query
}

// returnTo is the page a visitor comes back to after deciding: path and query
// without click identifiers and campaign marks, which would count twice.
func returnTo(r *http.Request) string {
	path := r.URL.EscapedPath()
	q := withoutParams(r.URL.RawQuery, func(name string) bool {
		name = strings.ToLower(name)
		return clickIDs[name] || strings.HasPrefix(name, "utm_")
	})
	if q == "" {
		return path
	}
	return path + "?" + q
}

// withoutParams takes parameters out of a query and leaves the rest byte for
// byte, since a site may have signed it.
func withoutParams(query string, out func(name string) bool) string {
	found := false
	for p := range strings.SplitSeq(query, "&") {
		found = found || out(paramName(p))
	}
	if !found {
		return query
	}
	var kept []string
	for p := range strings.SplitSeq(query, "&") {
		if !out(paramName(p)) {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "&")
}

func paramName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name
}
