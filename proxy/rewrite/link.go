package rewrite

import "bytes"

// judgeLink asks about a link, once for each thing its rel makes it load.
func (p *page) judgeLink() {
	href, rel := p.find(attrHref), p.find(attrRel)
	if href == nil || rel == nil {
		return
	}
	dests := p.linkDests(rel)
	for d := Script; d <= Base; d++ {
		if dests&(1<<d) == 0 {
			continue
		}
		p.apply(tagLink, href, p.askAttr(href, d))
		if href.edit == remove {
			return
		}
	}
}

// linkDests returns what a link of this rel loads, a bit for each Dest.
func (p *page) linkDests(rel *attr) (dests uint16) {
	v := p.decoded(rel)
	for len(v) > 0 {
		var word []byte
		word, v = nextWord(v)
		var b [32]byte
		if len(word) > len(b) {
			continue
		}
		for i, c := range word {
			b[i] = lower(c)
		}
		switch string(b[:len(word)]) {
		case "stylesheet":
			dests |= 1 << Style
		case "icon", "apple-touch-icon", "apple-touch-icon-precomposed", "apple-touch-startup-image", "mask-icon", "fluid-icon":
			dests |= 1 << Image
		case "manifest":
			dests |= 1 << Manifest
		case "preconnect", "dns-prefetch", "prefetch", "prerender", "subresource", "search",
			"compression-dictionary", "monetization":
			dests |= 1 << Hint
		case "import":
			dests |= 1 << Script
		case "preload":
			dests |= 1 << p.preloadDest(Hint)
		case "modulepreload":
			dests |= 1 << p.preloadDest(Script)
		}
	}
	return dests
}

// preloadDest returns what the as attribute says a link loads, or missing.
func (p *page) preloadDest(missing Dest) Dest {
	a := p.find(attrAs)
	if a == nil {
		return missing
	}
	as := bytes.TrimSpace(p.value(a))
	for _, d := range [...]struct {
		as   string
		dest Dest
	}{
		{"script", Script},
		{"style", Style},
		{"image", Image},
		{"font", Font},
		{"video", Media},
		{"audio", Media},
		{"track", Media},
		{"document", Frame},
		{"frame", Frame},
		{"iframe", Frame},
		{"object", Object},
		{"embed", Object},
		{"worker", Worker},
		{"sharedworker", Worker},
		{"serviceworker", Worker},
		{"manifest", Manifest},
		{"report", Beacon},
	} {
		if equalFold(as, d.as) {
			return d.dest
		}
	}
	return missing
}
