package proxy

import (
	_ "embed"
	"html"

	"github.com/lychgate/lychgate/banner"
)

//go:embed guard/captcha.js
var captchaSource string

// appendCaptchaNote appends the script that writes, where a held check would
// stand, that it is needed to send the form. Such a check is a script with an
// empty element for its place, so there is no frame to put the words into.
func (s *site) appendCaptchaNote(dst []byte, h *hearing, pass scriptPass) []byte {
	if h.captcha == "" {
		return dst
	}
	e := banner.Embed{Lang: h.lang, AcceptLanguage: h.accept, Kind: "captcha", Name: h.captcha}
	return pass.element(dst, &s.g.assets, s.g.assets.captcha, ` data-name="`+html.EscapeString(h.captcha)+
		`" data-note="`+html.EscapeString(string(s.Banner.AppendEmbed(nil, &e)))+`"`)
}
