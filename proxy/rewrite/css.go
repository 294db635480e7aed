package rewrite

import "bytes"

// css appends the style sheet or declarations s to dst with the URLs in it
// judged, and reports whether any changed; if not, dst is as it was. It knows
// the tokens of CSS Syntax 3, not its grammar, and of that what loads: @import,
// url(), src(), image() and image-set().
func (p *page) css(dst, s []byte) ([]byte, bool) {
	c := sheet{p: p, dst: dst, s: s}
	for c.i < len(s) {
		if !cssStop[s[c.i]] {
			c.i++
			continue
		}
		c.token()
	}
	if !c.changed {
		return dst, false
	}
	return append(c.dst, s[c.mark:]...), true
}

// cssStop are the bytes at which the scanner has something to do.
var cssStop = func() (t [256]bool) {
	for _, c := range []byte(`"'/\()@;{}`) {
		t[c] = true
	}
	return t
}()

// A sheet is the state of one style sheet on its way through.
type sheet struct {
	p       *page
	dst, s  []byte
	i, mark int
	changed bool
	// brackets has a bit for each open bracket, the innermost lowest: whether
	// strings directly in it are URLs.
	brackets uint64
	next     atRule // whose URL comes next
	fontFace bool   // in @font-face
}

type atRule uint8

const (
	atNone atRule = iota
	atImport
	atNamespace
)

// token takes the token at c.i, whose first byte is in cssStop.
func (c *sheet) token() {
	switch c.s[c.i] {
	case '"', '\'':
		text, end := cssString(c.s, c.i)
		if c.brackets&1 == 1 || c.next != atNone || c.inVariable() {
			c.url(c.i, end, c.s[c.i+1:text])
		}
		c.i = end
	case '/':
		c.i++
		if c.i < len(c.s) && c.s[c.i] == '*' {
			k := bytes.Index(c.s[c.i+1:], []byte("*/"))
			if k < 0 {
				c.i = len(c.s)
				return
			}
			c.i += k + 3
		}
	case '\\', '@':
		c.name()
	case '(':
		from := c.i
		for from > 0 && cssName(c.s[from-1]) {
			from--
		}
		if from > 0 && (c.s[from-1] == '#' || c.s[from-1] == '@') {
			from = c.i // a hash or an at-rule is no function
		}
		c.function(c.s[from:c.i])
	case ')':
		c.brackets >>= 1
		c.i++
	case ';', '{', '}':
		if c.s[c.i] == '}' {
			c.fontFace = false
		}
		c.next = atNone
		c.i++
	}
}

// inVariable reports whether c.i is in the value of a custom property, which
// image-set(var(--name)) may make an address of.
func (c *sheet) inVariable() bool {
	const far = 1 << 10
	before := c.s[max(0, c.i-far):c.i]
	before = before[bytes.LastIndexAny(before, ";{}")+1:]
	if k := bytes.LastIndex(before, []byte("*/")); k >= 0 {
		before = before[k+2:]
	}
	return bytes.HasPrefix(before[skipBlanks(before, 0):], []byte("--"))
}

// cssName reports whether b is part of a name.
func cssName(b byte) bool {
	return class[b]&letter != 0 || '0' <= b && b <= '9' || b == '-' || b == '_' || b >= 0x80
}

// name takes a name that begins with "@" or has an escape at c.i.
func (c *sheet) name() {
	from := c.i
	if c.s[from] == '@' {
		c.i++
		from++
	}
	for from > 0 && cssName(c.s[from-1]) {
		from--
	}
	at := from > 0 && c.s[from-1] == '@'
	hash := from > 0 && c.s[from-1] == '#'
	var b [24]byte
	name := append(b[:0], c.s[from:min(c.i, from+len(b))]...)
	for c.i < len(c.s) && (cssName(c.s[c.i]) || c.s[c.i] == '\\') {
		if c.s[c.i] != '\\' {
			name = appendShort(name, rune(c.s[c.i]))
			c.i++
			continue
		}
		if c.i+1 < len(c.s) && lineEnd(c.s[c.i+1]) {
			c.i++
			return // no escape
		}
		r, n := cssEscape(c.s[c.i:])
		name = appendShort(name, r)
		c.i += n
	}
	switch {
	case at && equalFold(name, "import"):
		c.next = atImport
	case at && c.brackets == 0 && equalFold(name, "namespace"):
		c.next = atNamespace
	case at && equalFold(name, "font-face"):
		c.fontFace = true
	case !at && c.i < len(c.s) && c.s[c.i] == '(':
		if hash {
			name = nil
		}
		c.function(name)
	}
}

// appendShort appends r unless the name is longer than any that matters.
func appendShort(name []byte, r rune) []byte {
	if len(name) == cap(name) {
		return name
	}
	if r >= 0x80 {
		r = 0x80
	}
	return append(name, byte(r))
}

// function takes the "(" at c.i after name.
func (c *sheet) function(name []byte) {
	c.i++
	if c.next == atNamespace && !equalFold(name, "url") {
		c.next = atNone
	}
	switch {
	case equalFold(name, "url"):
		k := skipBlanks(c.s, c.i)
		if k < len(c.s) && (c.s[k] == '"' || c.s[k] == '\'') {
			c.brackets = c.brackets<<1 | 1
			c.i = k
			return
		}
		c.unquoted(k)
	case equalFold(name, "src"), equalFold(name, "image"), equalFold(name, "image-set"), equalFold(name, "-webkit-image-set"):
		c.brackets = c.brackets<<1 | 1
	default:
		c.brackets <<= 1
	}
}

// unquoted takes the rest of "url(", whose address begins at k (4.3.6 and .14 of
// CSS Syntax).
func (c *sheet) unquoted(k int) {
	from, bad := c.i, false
	for i := k; ; i++ {
		if i >= len(c.s) || c.s[i] == ')' {
			if bad {
				c.next = atNone
			} else {
				c.url(from, i, bytes.TrimRight(c.s[k:i], " \t\r\n\f"))
			}
			c.i = min(i+1, len(c.s))
			return
		}
		switch b := c.s[i]; {
		case b == '\\':
			_, n := cssEscape(c.s[i:])
			bad = bad || i+1 < len(c.s) && lineEnd(c.s[i+1])
			i += n - 1
		case b == '"' || b == '\'' || b == '(':
			bad = true
		case class[b]&blank != 0:
			i = skipBlanks(c.s, i) - 1
			bad = bad || i+1 < len(c.s) && c.s[i+1] != ')'
		}
	}
}

// url asks about the URL written as raw, and puts a string in the place of
// s[from:to] if it does not pass.
func (c *sheet) url(from, to int, raw []byte) {
	d := Image
	switch next := c.next; {
	case next == atNamespace:
		c.next = atNone
		return
	case next == atImport:
		c.next = atNone
		d = Style
	case c.fontFace:
		d = Font
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		c.p.cssURL = cssUnescape(c.p.cssURL[:0], raw)
	} else {
		c.p.cssURL = append(c.p.cssURL[:0], raw...)
	}
	u := cleanURL(c.p.cssURL)
	if len(u) > 0 && u[0] == '#' { // always the document's own (CSS Values 4, 4.5.1)
		return
	}
	v := c.p.ask(d, u)
	if v.Action == Pass {
		return
	}
	c.dst = append(append(c.dst, c.s[c.mark:from]...), '"')
	switch {
	case v.Action == Replace:
		c.dst = appendCSSString(c.dst, v.URL)
	case d == Style:
		c.dst = append(c.dst, emptyStyle...)
	default:
		c.dst = append(c.dst, emptyURL...)
	}
	c.dst = append(c.dst, '"')
	c.mark, c.changed = to, true
}

// judgeStyle asks about the URLs in a style or paint attribute.
func (p *page) judgeStyle(a *attr) {
	v := p.value(a)
	if !bytes.ContainsAny(v, `(\&`) && !bytes.Contains(v, []byte("--")) {
		return
	}
	p.ref.Attr = p.lowerName(1, p.src[a.name:a.nameEnd])
	from := len(p.tmp)
	tmp, changed := p.css(p.tmp, p.decodedList(a))
	if p.tmp = tmp; changed {
		p.setAttr(a, from)
	}
}

// styleText asks about the URLs in the text x of a style element.
func (p *page) styleText(x *text) {
	if x.held {
		return
	}
	p.ref.Attr = nil
	s := p.src[x.at:x.end]
	if x.kind == textBoth && bytes.ContainsAny(s, "<&") {
		p.foreignStyle(x, s)
		return
	}
	p.copyTo(x.at)
	out, changed := p.css(p.out, s)
	if changed {
		p.out, p.mark = out, x.end
	}
}

// foreignStyle is styleText for styles that are markup. Other markup than CDATA
// sections has no business there, and would make the text something else than
// what is seen here: then nothing of it is left.
func (p *page) foreignStyle(x *text, s []byte) {
	p.list = p.list[:0]
	for len(s) > 0 {
		before, after, found := bytes.Cut(s, []byte("<![CDATA["))
		if bytes.IndexByte(before, '<') >= 0 {
			if bytes.ContainsAny(p.src[x.at:x.end], `(@\`) {
				p.cut(x.at, x.end)
			}
			return
		}
		p.list = p.decode(p.list, before)
		if !found {
			break
		}
		before, s, _ = bytes.Cut(after, []byte("]]>"))
		p.list = append(p.list, before...)
	}
	css, changed := p.css(p.tmp[:0], p.list)
	p.tmp = css
	if !changed {
		return
	}
	p.cut(x.at, x.end)
	if bytes.IndexByte(css, '<') < 0 {
		p.out = append(append(append(p.out, "<![CDATA["...), css...), "]]>"...)
	}
}
