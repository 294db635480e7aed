package rewrite

import "bytes"

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
