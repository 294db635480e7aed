package banner

import "strings"

// The style of the pieces has to hold against every style sheet of the site and
// must not reach out of the piece. In HTML it stands in the piece's own shadow
// root, where only the host can be reached from outside, and there an important
// rule of the shadow root beats an important rule of the page (CSS Cascade 4
// section 6.1). XML has no declarative shadow roots (HTML section 13.2.6.4.4 is
// the HTML parser's), so there the same rules are written with three ids and
// !important.
//
// The host resets everything first. Sizes are in em of the visitor's own text
// size, since rem belongs to the site.

// A rule is one CSS rule. A selector that begins with & is the host.
type rule struct{ media, selector, declarations string }

// The places of the banner.
const (
	placeTop    = "top"
	placeBottom = "bottom"
)

// hostAt are the host's declarations in one place. The order and grid lines
// keep it above a flex column or grid; the negative margin leaves a flex row its
// width; column-span keeps columns. Its margins are ruled by the direction of the
// body, which "all" does not reset, so it takes that, and a body that centres its
// children does not move it.
var hostAt = map[string]string{
	placeTop: "position:relative;width:100%;margin-inline-end:-100%;flex:none;place-self:start;direction:inherit;order:-9999;" +
		"grid-column:1/-1;column-span:all",
	placeBottom: "position:fixed;inset:auto 0 0;max-height:40vh;overflow:auto",
}

// endHost are those of the line at the end: last in a flex column or grid, and
// in reach even where the site fixes one box to the whole window. In a flex row
// it has no width, and its content reaches back over the row's end.
const endHost = "all:initial;display:flex;justify-content:flex-end;align-items:flex-end;clear:both;position:relative;z-index:2147483647;" +
	"flex:0 0 0;min-width:0;order:9999;grid-column:1/-1;column-span:all"

// A sheet is the one style of all pieces that go into a page together, written
// for HTML and for XML.
type sheet struct{ shadow, light inlineStyle }

// An inlineStyle is the text of a style element and its CSP source expression.
type inlineStyle struct{ text, hash string }

// makeSheet writes rules down.
func makeSheet(rs []rule) sheet {
	return sheet{shadow: hashed(shadowStyle(rs)), light: hashed(lightStyle(rs))}
}

func hashed(text string) inlineStyle { return inlineStyle{text: text, hash: cspHash(text)} }

// askRules are those of the question, the same for both buttons.
func askRules(place string, light, dark Theme) []rule {
	rs := append(boxRules(place, light),
		rule{"", ".b", "flex:1 1 22em;display:grid;grid-auto-rows:1fr;grid-template-columns:repeat(auto-fit,minmax(min(100%,8.3em),1fr));gap:.5em"},
		rule{"", "h2", "margin:0;font-size:1.15em"},
		rule{"", "button", "font:inherit;font-weight:600;line-height:1.25;min-height:44px;padding:.3em;border:2px solid transparent;border-radius:.3em;cursor:pointer"},
		narrowBox,
		rule{narrow, "h2,.t p", "display:inline"},
		rule{narrow, "h2", "font-size:1em;margin-inline-end:.3em"},
		rule{narrow, "button", "line-height:1.2;padding:.1em .2em"},
	)
	if place == placeBottom { // the words scroll, the answers stay
		rs = append(rs, rule{"", ".b", "position:sticky;bottom:0;background:inherit"})
	}
	return inColours(rs, light, dark, func(media string, t Theme) []rule {
		return []rule{{media, "button", "background:" + t.Button + ";color:" + t.ButtonText}}
	})
}

// savedRules are those of the confirmation and of the line at the end.
func savedRules(place string, light, dark Theme) []rule {
	rs := append(boxRules(place, light),
		narrowBox,
		rule{"", "&[tabindex]:not(:target)", "display:none"},
		rule{"", "&[role]", endHost},
		rule{"", ".e", "flex:1 0 max-content;padding:.2em;border:0;justify-content:center"},
	)
	return inColours(rs, light, dark, func(string, Theme) []rule { return nil })
}

// narrow are the smallest screens, and phones held across. There the heading runs
// into the words, so that three tenths of a phone's screen hold the whole question
// in every language and the site is to be seen under it.
const narrow = "(max-width:400px),(max-height:420px)"

// narrowBox is .w on those; it stands after the rules that it changes.
var narrowBox = rule{narrow, ".w", "font-size:.88em;line-height:1.3;padding:.4em .7em;gap:.4em"}

// boxRules are those of every piece.
func boxRules(place string, t Theme) []rule {
	return []rule{
		{"", "&", "all:initial;display:block;z-index:2147483647;" + hostAt[place]},
		{"", ".w", "display:flex;flex-wrap:wrap;gap:.5em 2em;align-items:center;padding:.6em max(.75em,50% - 36em);border:1px solid #8888;overflow-wrap:anywhere;" +
			"line-height:1.35;font-family:" + t.Font},
		{"", ".t", "flex:1 1 24em;min-width:0"},
		{"", "p", "margin:0"},
		{"", "a", "padding:.8em 0"},
	}
}

// inColours adds the colours of both looks, and nothing on paper.
func inColours(rs []rule, light, dark Theme, more func(media string, t Theme) []rule) []rule {
	paint := func(media string, t Theme) {
		rs = append(rs,
			rule{media, ".w", "background:" + t.Background + ";color:" + t.Text},
			rule{media, "a", "color:" + t.Link},
			rule{media, ":focus-visible", "outline:3px solid " + t.Text + ";outline-offset:2px"})
		rs = append(rs, more(media, t)...)
	}
	paint("", light)
	if light != dark {
		paint("(prefers-color-scheme:dark)", dark)
	}
	return append(rs, rule{"print", "&", "display:none"})
}

// shadowStyle writes rules for a shadow root.
func shadowStyle(rs []rule) string {
	return write(rs, func(selector, declarations string) string {
		suffix, host := strings.CutPrefix(selector, "&")
		switch {
		case !host:
			return selector + "{" + declarations + "}"
		case suffix == "":
			return ":host{" + important(declarations) + "}"
		default:
			return ":host(" + suffix + "){" + important(declarations) + "}"
		}
	})
}

// lightStyle writes rules for a piece among the page's own elements.
func lightStyle(rs []rule) string {
	const id = "#lychgate#lychgate#lychgate"
	reset := id + " *{all:revert!important}" + id + " *::before," + id + " *::after{content:none!important}"
	return reset + write(rs, func(selector, declarations string) string {
		if suffix, host := strings.CutPrefix(selector, "&"); host {
			return id + suffix + "{" + important(declarations) + "}"
		}
		return id + " " + strings.ReplaceAll(selector, ",", ","+id+" ") + "{" + important(declarations) + "}"
	})
}

// write joins rules, those of one medium together.
func write(rs []rule, one func(selector, declarations string) string) string {
	var b strings.Builder
	media := ""
	for _, r := range rs {
		if r.media != media {
			if media != "" {
				b.WriteByte('}')
			}
			if r.media != "" {
				b.WriteString("@media " + r.media + "{")
			}
			media = r.media
		}
		b.WriteString(one(r.selector, r.declarations))
	}
	if media != "" {
		b.WriteByte('}')
	}
	return b.String()
}

// important marks every declaration.
func important(declarations string) string {
	return strings.ReplaceAll(declarations, ";", "!important;") + "!important"
}

// scrollStyle stands among the page's own styles and keeps what the keyboard
// reaches from scrolling under a banner that is fixed to the bottom (WCAG 2.2, 2.4.11).
var scrollStyle = hashed("html{scroll-padding-bottom:min(40vh,12em)}")
