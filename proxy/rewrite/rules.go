package rewrite

import "bytes"

// Elements whose attributes mean something only together.

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

// nextWord cuts the first word off v.
func nextWord(v []byte) (word, rest []byte) {
	i := 0
	for i < len(v) && class[v[i]]&blank != 0 {
		i++
	}
	k := i
	for k < len(v) && class[v[k]]&blank == 0 {
		k++
	}
	return v[i:k], v[k:]
}

// judgeMeta asks about a refresh, a policy and the referrer.
func (p *page) judgeMeta() {
	content := p.find(attrContent)
	if content == nil {
		return
	}
	if a := p.find(attrHTTPEquiv); a != nil {
		switch name := bytes.TrimSpace(p.decoded(a)); {
		case equalFold(name, "refresh"):
			p.judgeRefresh(content)
		case equalFold(name, "content-security-policy"):
			p.meta("content-security-policy", content)
		}
	}
	if a := p.find(attrName); a != nil && content.edit == keep && equalFold(bytes.TrimSpace(p.decoded(a)), "referrer") {
		p.meta("referrer", content)
	}
}

func (p *page) meta(name string, content *attr) {
	b := p.lowerName(1, []byte(name))
	if v := p.o.Judge.Meta(b, p.decoded(content)); v != nil {
		from := len(p.tmp)
		p.tmp = append(p.tmp, v...)
		p.setAttr(content, from)
	}
}

// judgeRefresh asks about the page that a refresh goes to.
func (p *page) judgeRefresh(content *attr) {
	v := p.decoded(content)
	from, to := refreshURL(v)
	if from == to {
		return
	}
	p.url = append(p.url[:0], v[from:to]...)
	p.ref.Attr = p.lowerName(1, []byte("content"))
	switch verdict := p.ask(Refresh, cleanURL(p.url)); verdict.Action {
	case Hold:
		p.held()
		p.removeAttr(content)
	case Replace:
		start := len(p.tmp)
		p.tmp = append(p.tmp, v[:from]...)
		p.tmp = append(p.tmp, verdict.URL...)
		p.tmp = append(p.tmp, v[to:]...)
		p.setAttr(content, start)
	}
}

// refreshURL finds the URL in the content of a refresh (4.2.5.3, the shared
// declarative refresh steps).
func refreshURL(v []byte) (from, to int) {
	i := skipBlanks(v, 0)
	digits := i
	for i < len(v) && (v[i] == '.' || '0' <= v[i] && v[i] <= '9') {
		i++
	}
	if i == digits || i == len(v) || v[i] != ';' && v[i] != ',' && class[v[i]]&blank == 0 {
		return 0, 0
	}
	i = skipBlanks(v, i)
	if i < len(v) && (v[i] == ';' || v[i] == ',') {
		i = skipBlanks(v, i+1)
	}
	if hasPrefixFold(v[i:], "url") {
		if k := skipBlanks(v, i+3); k < len(v) && v[k] == '=' {
			i = skipBlanks(v, k+1)
		}
	}
	if i < len(v) && (v[i] == '"' || v[i] == '\'') {
		if k := bytes.IndexByte(v[i+1:], v[i]); k >= 0 {
			return i + 1, i + 1 + k
		}
		return i + 1, len(v)
	}
	return i, len(v)
}

func skipBlanks(v []byte, i int) int {
	for i < len(v) && class[v[i]]&blank != 0 {
		i++
	}
	return i
}

// judgeBase takes the page's base href. One that counts only for some readers of
// the page is taken out.
func (p *page) judgeBase() {
	href := p.find(attrHref)
	if href == nil || p.foreign() {
		return
	}
	if p.noscript || p.templates > 0 {
		p.removeAttr(href)
		return
	}
	if p.hasBase {
		return
	}
	v := p.askAttr(href, Base)
	switch v.Action {
	case Hold:
		p.hold(tagBase, href, nil)
		return
	case Replace:
		p.setBase(v.URL)
		p.apply(tagBase, href, v)
	default:
		p.setBase(p.urlOf(href))
	}
	p.hasBase = true
}

func (p *page) setBase(url []byte) {
	p.baseBuf = append(p.baseBuf[:0], url...)
	p.baseHref = p.baseBuf
}

// judgeParam asks about the address of an old plug-in.
func (p *page) judgeParam() {
	name, value := p.find(attrName), p.find(attrValue)
	if name == nil || value == nil {
		return
	}
	for _, s := range [...]string{"src", "movie", "url", "code", "data", "filename", "href"} {
		if equalFold(bytes.TrimSpace(p.decoded(name)), s) {
			p.apply(tagParam, value, p.askAttr(value, Object))
			return
		}
	}
}

// judgeAnimation asks about what an SVG animation puts into a href or a paint.
func (p *page) judgeAnimation() {
	name := p.find(attrAttributeName)
	href := name != nil && bytes.HasSuffix(p.decoded(name), []byte("href"))
	for i := range p.attrs {
		a := &p.attrs[i]
		if a.id != attrValues || a.edit != keep {
			continue
		}
		if !href {
			p.judgeStyle(a)
			continue
		}
		p.ref.Attr = p.lowerName(1, p.src[a.name:a.nameEnd])
		p.url = append(p.url[:0], p.decoded(a)...)
		for rest := p.url; len(rest) > 0 && a.edit == keep; {
			var u []byte
			u, rest, _ = bytes.Cut(rest, []byte(";"))
			if p.ask(Image, cleanURL(u)).Action != Pass {
				p.held()
				p.removeAttr(a)
			}
		}
	}
}

// ampDest says what the AMP element at hand loads its src for.
func (p *page) ampDest() Dest {
	switch string(p.ref.Tag) {
	case "amp-iframe", "amp-video-iframe", "amp-story-page-attachment":
		return Frame
	case "amp-video", "amp-audio":
		return Media
	case "amp-pixel", "amp-list":
		return Beacon
	case "amp-install-serviceworker":
		return Worker
	}
	return Image
}

// vendors is where AMP looks up the service that a type names.
const vendors = "https://cdn.ampproject.org/v0/analytics-vendors/"

// judgeService asks about an AMP element that names a service, not an address.
// It is held by its attributes and by the scripts in it, its configuration.
func (p *page) judgeService() {
	held := false
	for i := range p.attrs {
		a := &p.attrs[i]
		if a.edit == keep && (a.id == attrConfig || a.id == attrSrc) {
			held = p.askAttr(a, Beacon).Action != Pass || held
		}
	}
	p.url = append(p.url[:0], vendors...)
	if a := p.find(attrType); a != nil {
		p.url = append(p.url, p.decoded(a)...)
	}
	p.url = append(p.url, ".json"...)
	p.ref.Attr = nil
	if !held && p.ask(Beacon, p.url).Action == Pass {
		return
	}
	p.held()
	p.service = true
	for i := range p.attrs {
		switch a := &p.attrs[i]; a.id {
		case attrConfig, attrSrc, attrType:
			p.removeAttr(a)
		}
	}
}
