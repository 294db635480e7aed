package rewrite

import "bytes"

// A scriptKind says what a browser does with a script element.
type scriptKind uint8

const (
	scriptRuns scriptKind = iota // by the browser or, of a type of its own, by a script
	scriptModule
	scriptImportMap
	scriptSpeculation
	scriptIsData // JSON, templates
)

// kindOfScript reads the type and language of the script at hand (4.12.1,
// prepare the script element). What is not known to be data runs: scripts that
// load lazily or in workers have types of their own.
func (p *page) kindOfScript() scriptKind {
	a := p.find(attrType)
	if a == nil {
		if l := p.find(attrLanguage); l != nil && l.valEnd > l.val {
			return kindOfType(p.decoded(l), "text/")
		}
		return scriptRuns
	}
	return kindOfType(p.decoded(a), "")
}

func kindOfType(v []byte, before string) scriptKind {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return scriptRuns
	}
	var b [64]byte
	if len(before)+len(v) > len(b) {
		return scriptRuns
	}
	s := append(b[:0], before...)
	for _, c := range v {
		s = append(s, lower(c))
	}
	switch string(s) {
	case "module":
		return scriptModule
	case "importmap", "importmap-shim":
		return scriptImportMap
	case "speculationrules":
		return scriptSpeculation
	case "text/plain": // what consent scripts make of a script, and we do
		return scriptIsData
	}
	for _, data := range [...]string{"json", "template", "html", "xml", "/x-", "handlebars", "shader", "css", "csv", "markdown"} {
		if bytes.Contains(s, []byte(data)) && !bytes.Contains(s, []byte("script")) {
			return scriptIsData
		}
	}
	return scriptRuns
}

// scriptText says how the text of the script at hand is read.
func (p *page) scriptText() textKind {
	if p.script = p.kindOfScript(); p.script == scriptIsData {
		return textRaw
	}
	if p.script != scriptImportMap && p.script != scriptSpeculation && p.find(attrSrc) != nil {
		return textRaw // the text of a script with a src never runs
	}
	return textJudged
}

// judgeScript asks about the text of the script at hand.
func (p *page) judgeScript(x *text) {
	if p.service {
		p.holdScript()
		x.held = true
		return
	}
	if x.kind == textBoth {
		p.script = p.kindOfScript()
	}
	if !x.kind.whole() || p.script == scriptIsData {
		return
	}
	if x.long || !p.runs(x) {
		p.holdScript()
		x.held = true
	}
}

// runs reports whether the text x of the script at hand stays as it is.
func (p *page) runs(x *text) bool {
	s := p.src[x.at:x.end]
	if x.kind == textBoth && bytes.IndexByte(s, '&') >= 0 {
		p.plain = p.decode(p.plain[:0], s)
		s = p.plain
	}
	switch p.script {
	case scriptImportMap:
		return x.kind == textJudged
	case scriptSpeculation:
		return x.kind == textJudged && p.staysHere(s)
	case scriptModule:
		if !p.importsPass(s) {
			return false
		}
	}
	return len(bytes.TrimSpace(s)) == 0 || p.o.Judge.Script(s) == Pass
}

// holdScript makes the script at hand inert: its first type wins.
func (p *page) holdScript() {
	p.extra = append(p.extra[:0], heldScript...)
	for i := range p.attrs {
		if a := &p.attrs[i]; a.id == attrType && a.edit == keep {
			p.removeAttr(a)
		}
	}
}

// importsPass asks about the modules that a module script names after import or
// from.
func (p *page) importsPass(s []byte) bool {
	defer p.fix(p.fix(true))
	for i := 0; i < len(s); i++ {
		k := bytes.IndexAny(s[i:], "\"'`")
		if k < 0 {
			return true
		}
		i += k
		end := bytes.IndexByte(s[i+1:], s[i])
		if end < 0 {
			continue // an apostrophe
		}
		before := bytes.TrimRight(s[:i], " \t\r\n(")
		if bytes.HasSuffix(before, []byte("import")) || bytes.HasSuffix(before, []byte("from")) {
			p.url = append(p.url[:0], s[i+1:i+1+end]...)
			p.ref.Attr = nil
			if isAddress(p.url) && p.ask(Script, cleanURL(p.url)).Action != Pass {
				return false
			}
			i += end + 1
		}
	}
	return true
}

// isAddress reports whether a module specifier is a URL, not a bare name.
func isAddress(s []byte) bool {
	return bytes.HasPrefix(s, []byte("/")) || bytes.HasPrefix(s, []byte(".")) || bytes.IndexByte(s, ':') >= 0
}
