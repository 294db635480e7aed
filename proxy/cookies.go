package proxy

import (
	"net/http"
	"strings"
)

// usualCookies are the names under which common site software keeps sessions,
// logins, baskets and CSRF tokens: what a site needs to do what its visitor
// asked for, and nothing else.
var usualCookies = [...]string{
	"PHPSESSID", "JSESSIONID", "ASP.NET_SessionId", "ASPSESSIONID*", ".ASPXAUTH", ".AspNetCore.*", "ASPXFORMSAUTH",
	"__RequestVerificationToken*", "sessionid", "session", "session_id", "sid", "connect.sid", "_session_id", "*_session",
	"laravel_session", "ci_session", "rack.session", "symfony", "CAKEPHP", "CRAFT_CSRF_TOKEN", "CraftSessionId",
	"csrftoken", "csrf_token", "csrf", "_csrf*", "XSRF-TOKEN", "CSRF-TOKEN", "authenticity_token", "fe_typo_user", "be_typo_user",
	"SESS*", "SSESS*", "wordpress_logged_in_*", "wordpress_sec_*", "wordpress_test_cookie", "wp-settings-*", "wp-postpass_*",
	"comment_author_*", "woocommerce_cart_hash", "woocommerce_items_in_cart", "wp_woocommerce_session_*", "edd_*",
	"PrestaShop-*", "cart", "cart_sig", "cart_ts", "secure_customer_sig", "localization", "frontend", "frontend_cid", "form_key",
	"mage-cache-*", "crumb", "ARRAffinity*", "AWSALB*", "GCLB", "SERVERID", "civicrm*", "CIVISO*", "grav-site-*", "exp_*",
	"__stripe_mid", "__stripe_sid", "lang", "locale", "language", "pll_language", "NEXT_LOCALE", "django_language",
}

// cookieNames is a set of cookie names; an entry may start or end with * as wildcard.
type cookieNames struct {
	exact            map[string]bool
	prefix, suffixes []string
}

// newCookieNames is the set of the usual names and those of the owner.
func newCookieNames(owner []string) cookieNames {
	n := cookieNames{exact: map[string]bool{}}
	for _, list := range [...][]string{usualCookies[:], owner} {
		for _, name := range list {
			switch {
			case strings.HasSuffix(name, "*"):
				n.prefix = append(n.prefix, strings.TrimSuffix(name, "*"))
			case strings.HasPrefix(name, "*"):
				n.suffixes = append(n.suffixes, strings.TrimPrefix(name, "*"))
			default:
				n.exact[name] = true
			}
		}
	}
	return n
}

// contain looks name up with and without the prefixes of RFC 6265bis.
func (n *cookieNames) contain(name string) bool {
	bare := bareCookie(name)
	if n.exact[name] || n.exact[bare] {
		return true
	}
	for _, p := range n.prefix {
		if strings.HasPrefix(name, p) || strings.HasPrefix(bare, p) {
			return true
		}
	}
	for _, s := range n.suffixes {
		if strings.HasSuffix(bare, s) {
			return true
		}
	}
	return false
}

// bareCookie is a cookie's name without "__Host-" or "__Secure-", which
// browsers compare without regard to case.
func bareCookie(name string) string {
	for _, p := range [...]string{"__Host-Http-", "__Host-", "__Secure-", "__Http-"} {
		if len(name) > len(p) && strings.EqualFold(name[:len(p)], p) {
			return name[len(p):]
		}
	}
	return name
}

// ownCookie reports whether a cookie belongs to lychgate itself. They pass
// neither to the site nor from it.
func ownCookie(name string) bool {
	bare := bareCookie(name)
	const own = "lychgate"
	return len(bare) >= len(own) && strings.EqualFold(bare[:len(own)], own) &&
		(len(bare) == len(own) || bare[len(own)] == '-')
}

// cookieName is the name in a Set-Cookie line or in one pair of a Cookie
// header. A pair without "=" is a value without a name, as browsers read it.
func cookieName(pair string) string {
	name, _, ok := strings.Cut(pair, "=")
	if !ok {
		return ""
	}
	return strings.TrimSpace(name)
}

// sendsCookie reports whether the site may be told a cookie of the visitor's:
// not our own, and not a tracker's before its purpose is granted.
func (v *visit) sendsCookie(name string) bool {
	return !ownCookie(name) && v.grants(v.site.trackerCookie(name))
}

// setsCookie reports whether the site may set a cookie: what it needs always,
// a tracker's after its purpose is granted, any other after "other" is.
func (v *visit) setsCookie(name string) bool {
	switch {
	case ownCookie(name), v.prefetch:
		return false
	case v.site.essential.contain(name):
		return true
	}
	j := v.site.thirdParties
	known := j.cookies.of(name)
	j.inventory.cookie(name, known)
	return j.observe || v.grants(purposeOf(known))
}

// grants reports whether the visitor agreed to a purpose; no purpose needs none.
func (v *visit) grants(purpose string) bool {
	return purpose == "" || v.grant.Allows(purpose)
}

// cookiesUp is the Cookie header as the site may see it. The usual header,
// in which nothing is to be hidden, is returned as it is.
func (v *visit) cookiesUp(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	clean := true
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if !v.sendsCookie(cookieName(pair)) {
				clean = false
			}
		}
	}
	if clean {
		return lines
	}
	var kept []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" && v.sendsCookie(cookieName(pair)) {
				kept = append(kept, pair)
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return []string{strings.Join(kept, "; ")}
}

// filterSetCookie takes out of an answer what may not be set now.
func (v *visit) filterSetCookie(h http.Header) {
	lines := h["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	kept := lines[:0]
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		if v.setsCookie(cookieName(pair)) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
		return
	}
	h["Set-Cookie"] = kept
}
