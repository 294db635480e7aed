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
func (s *site) appendCaptchaNote(dst []byte, h *hearing) []byte {
	if h.captcha == "" {
		return dst
	}
	e := banner.Embed{Lang: h.lang, AcceptLanguage: h.accept, Kind: "captcha", Name: h.captcha}
	dst = append(append(dst, `<script src="`...), s.g.assets.captcha...)
	dst = append(append(dst, `" data-name="`...), html.EscapeString(h.captcha)...)
	dst = append(append(dst, `" data-note="`...), html.EscapeString(string(s.Banner.AppendEmbed(nil, &e)))...)
	return append(dst, `"></script>`...)
}
