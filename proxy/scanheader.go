package proxy

import (
	"bytes"
	"fmt"
	"regexp"
)

var (
	// headerSelector is a selector whose subject goes by a header's usual names.
	headerSelector = regexp.MustCompile(`(?i)(^|[\s>+~.#])(header|nav|[\w-]*(header|masthead|navbar|top-?bar|site-nav)[\w-]*)$`)
	// outOfFlow and atTop are declarations that take a box out of the page's flow
	// and put it at the top of the window.
	outOfFlow = regexp.MustCompile(`(?i)(^|[;\s])position\s*:\s*(fixed|absolute)`)
	atTop     = regexp.MustCompile(`(?i)(^|[;\s])(top|inset|inset-block|inset-block-start)\s*:\s*0`)
	// notCSS is what stands before a selector that is the first in its sheet.
	notCSS = regexp.MustCompile(`(?s).*(\*/|<[^>]*>|[;{}])`)
)

// overlaidHeader is the first selector in a style sheet, or in a page with style
// sheets, by which a site's header lies at the top of the window and outside the
// flow. The question, first in the flow, would lie over such a header until it is
// answered. It reads rules as they stand, without asking whether they apply: good
// enough to advise the owner to have a look.
func overlaidHeader(text []byte) (selector string, found bool) {
	for {
		open := bytes.IndexByte(text, '{')
		if open < 0 {
			return "", false
		}
		before, rest := text[:open], text[open+1:]
		text = rest
		end := bytes.IndexAny(rest, "{}")
		if end < 0 || rest[end] == '{' { // a rule around others
			continue
		}
		if !outOfFlow.Match(rest[:end]) || !atTop.Match(rest[:end]) {
			text = rest[end:]
			continue
		}
		for one := range bytes.SplitSeq(notCSS.ReplaceAll(before, nil), []byte(",")) {
			if one = bytes.TrimSpace(one); headerSelector.Match(one) && len(one) <= 100 {
				return string(one), true
			}
		}
	}
}

// adviseOn notes what the owner may want to change in the configuration for the
// sake of a page or style sheet: the page p as it is sent, or the answer a where
// nothing in it changed.
func (c *crawl) adviseOn(path string, a *answer, p *page) {
	if c.s.Banner.AtBottom() {
		return
	}
	var text []byte
	switch {
	case p != nil && p.body != nil:
		text = *p.body
	case p == nil && a.kind() == styleSheet:
		var err error
		if text, err = c.read(a); err != nil {
			return // a browser would show nothing of it either
		}
	}
	selector, found := overlaidHeader(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if found && len(c.report.Advice) == 0 {
		c.report.Advice = append(c.report.Advice, fmt.Sprintf(`%s keeps %q at the top of the window, where the question would lie over it until it is answered. `+
			`If that is the site's header, set banner = "bottom" in its [[site]].`, path, selector))
	}
}
