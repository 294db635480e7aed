package rewrite

import "bytes"

// Entities that an XML page declares in its doctype (XML 1.0, 4.2 to 4.4). They
// may hold addresses and markup, and attributes may have default values there.

const (
	maxEntities = 500
	maxExpanded = 64 << 10 // bytes that one may become
	maxNesting  = 8        // of entities in entities
)

// declare reads the declarations of a doctype, and reports whether all they hold
// passes. Parameter and external entities, which nobody uses on the web, do not.
func (p *page) declare(s []byte) bool {
	for {
		s = s[skipBlanks(s, 0):]
		if len(s) == 0 {
			return p.entitiesPass()
		}
		var d []byte
		var ok bool
		switch {
		case bytes.HasPrefix(s, []byte("<!--")):
			_, s, ok = bytes.Cut(s[4:], []byte("-->"))
		case bytes.HasPrefix(s, []byte("<?")):
			_, s, ok = bytes.Cut(s, []byte("?>"))
		case bytes.HasPrefix(s, []byte("<!ENTITY")):
			d, s, ok = cutDeclaration(s[len("<!ENTITY"):])
			ok = ok && p.declareEntity(d)
		case bytes.HasPrefix(s, []byte("<!ATTLIST")):
			d, s, ok = cutDeclaration(s)
			ok = ok && p.defaultsPass(d)
		case bytes.HasPrefix(s, []byte("<!ELEMENT")), bytes.HasPrefix(s, []byte("<!NOTATION")):
			_, s, ok = cutDeclaration(s)
		}
		if !ok {
			return false
		}
	}
}

// cutDeclaration cuts off what stands before the ">" that is in no quotes.
func cutDeclaration(s []byte) (d, rest []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '>':
			return s[:i], s[i+1:], true
		case '"', '\'':
			k := bytes.IndexByte(s[i+1:], s[i])
			if k < 0 {
				return nil, nil, false
			}
			i += k + 1
		}
	}
	return nil, nil, false
}

// declareEntity takes one entity: ` name "text"`. Of two of a name the first counts.
func (p *page) declareEntity(d []byte) bool {
	name, value := nextWord(d[skipBlanks(d, 0):])
	value = bytes.TrimSpace(value)
	if len(name) == 0 || name[0] == '%' || len(value) < 2 || value[0] != '"' && value[0] != '\'' ||
		value[len(value)-1] != value[0] || len(p.entities) >= maxEntities {
		return false
	}
	if _, twice := p.entities[string(name)]; twice {
		return true
	}
	text := charRefs(value[1 : len(value)-1])
	if p.entities == nil {
		p.entities = map[string]string{}
	}
	p.entities[string(name)] = string(text)
	return true
}

// entitiesPass reports whether all that entities hold passes, once all of them
// are known, since one may refer to another below it.
func (p *page) entitiesPass() bool {
	defer p.fix(p.fix(true))
	for _, text := range p.entities {
		whole, ok := p.expand([]byte(text), maxExpanded)
		switch {
		case !ok:
			return false
		case bytes.IndexByte(whole, '<') < 0:
			continue // judged where it is used
		case p.depth >= maxDepth:
			return false
		}
		if _, changed := p.nested(nil, whole, true, false); changed {
			return false
		}
	}
	return true
}

// defaultsPass reports whether the default values of attributes pass, whatever
// they are loaded for.
func (p *page) defaultsPass(d []byte) bool {
	defer p.fix(p.fix(true))
	p.ref.Tag, p.ref.Attr = nil, nil
	for {
		i := bytes.IndexAny(d, `"'`)
		if i < 0 {
			return true
		}
		k := bytes.IndexByte(d[i+1:], d[i])
		if k < 0 {
			return false
		}
		value := p.decode(nil, d[i+1:i+1+k])
		if p.ask(Script, cleanURL(value)).Action != Pass {
			return false
		}
		if _, changed := p.css(nil, value); changed {
			return false
		}
		d = d[i+k+2:]
	}
}

// charRefs resolves the numeric references in an entity's value, which become
// its text at once; all others do where the entity is used.
func charRefs(s []byte) (text []byte) {
	for {
		k := bytes.Index(s, []byte("&#"))
		if k < 0 {
			return append(text, s...)
		}
		text = append(text, s[:k]...)
		var n int
		if text, n = numericRef(text, s[k:]); n == 0 {
			text, n = append(text, '&'), 1
		}
		s = s[k+n:]
	}
}

// decode appends s with its references decoded, those to entities of the page too.
func (p *page) decode(dst, s []byte) []byte {
	if p.entities == nil {
		return decodeRefs(dst, s)
	}
	whole, ok := p.expand(s, maxToken)
	if !ok {
		return append(dst, "http://["...) // no URL, so it is held
	}
	return decodeRefs(dst, whole)
}

// expand puts the text of the page's entities in the place of the references to
// them. It reports false where that would be longer than limit, or never end.
func (p *page) expand(s []byte, limit int) (out []byte, ok bool) {
	return p.expandInto(nil, s, limit, 0)
}

func (p *page) expandInto(out, s []byte, limit, depth int) ([]byte, bool) {
	for {
		k := bytes.IndexByte(s, '&')
		if k < 0 || len(out)+k > limit {
			return append(out, s...), k < 0 && len(out)+len(s) <= limit
		}
		out = append(out, s[:k]...)
		name, rest, found := bytes.Cut(s[k+1:], []byte(";"))
		text, declared := p.entities[string(name)]
		if !found || !declared {
			out, s = append(out, '&'), s[k+1:]
			continue
		}
		if depth >= maxNesting {
			return out, false
		}
		var ok bool
		if out, ok = p.expandInto(out, []byte(text), limit, depth+1); !ok {
			return out, false
		}
		s = rest
	}
}

// fix says whether another URL can be put in the place of one from now on, and
// returns what was said before.
func (p *page) fix(fixed bool) (was bool) {
	was, p.fixed = p.fixed, fixed
	return was
}
