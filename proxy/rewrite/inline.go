package rewrite

import (
	"bytes"
	"encoding/base64"
)

// Documents inside URLs and attributes: what they load, they load for the page.

// askInline answers for URLs that contact nobody themselves. What a data: or
// javascript: URL holds is judged like the page.
func (p *page) askInline(d Dest, url []byte) (Verdict, bool) {
	switch {
	case hasPrefixFold(url, "data:"):
		switch d {
		case Image, Font, Media, Base, Refresh, Hint, Beacon, Manifest:
			if string(p.ref.Tag) != "use" { // which takes markup from a document
				return Verdict{}, true
			}
		}
		return p.judgeData(d, url[len("data:"):]), true
	case hasPrefixFold(url, "javascript:"):
		if d != Frame && d != Object {
			return Verdict{}, true
		}
		return Verdict{Action: p.o.Judge.Script(percentDecoded(nil, url[len("javascript:"):]))}, true
	}
	return Verdict{}, false
}

// judgeData judges the document of a data: URL like the page. Where something in
// it changes, the URL is written anew with the document as it is now.
func (p *page) judgeData(d Dest, data []byte) Verdict {
	hold := Verdict{Action: Hold}
	data, fragment, _ := bytes.Cut(data, []byte("#"))
	kind, body, ok := bytes.Cut(data, []byte(","))
	if !ok {
		return Verdict{} // not a data: URL
	}
	if p.depth >= maxDepth {
		return hold
	}
	kind = bytes.TrimSpace(bytes.ToLower(kind))
	body = percentDecoded(nil, body)
	if bare, found := bytes.CutSuffix(kind, []byte("base64")); found {
		b, err := base64.RawStdEncoding.DecodeString(string(bytes.TrimRight(body, "= ")))
		if err != nil {
			return hold
		}
		kind, body = bytes.TrimRight(bare, " ;"), b
	}
	var out []byte
	var changed bool
	order, _ := utf16Order(body)
	code := d == Script || d == Worker || d == Style // whose element can name an encoding too
	switch {
	case order != nil, bytes.IndexByte(body, 0) >= 0 && (code || bytes.Contains(kind, []byte("charset"))):
		return hold // in UTF-16 nothing is found
	case d == Script || d == Worker:
		if p.o.Judge.Script(body) == Pass && p.importsPass(body) {
			return Verdict{}
		}
		return hold
	case d == Style:
		rootless := p.rootless
		p.depth, p.rootless = p.depth+1, true
		out, changed = p.css(nil, body)
		p.depth, p.rootless = p.depth-1, rootless
	default:
		out, changed = p.nested(nil, body, bytes.Contains(kind, []byte("xml")), true)
	}
	switch {
	case !changed:
		return Verdict{}
	case p.fixed || len(out) > maxToken/4:
		return hold
	}
	url := append(append([]byte("data:"), kind...), ',')
	url = percentEncoded(url, out)
	if len(fragment) > 0 {
		url = append(append(url, '#'), fragment...)
	}
	return Verdict{Action: Replace, URL: url}
}

// percentEncoded appends s as it may stand in any URL.
func percentEncoded(dst, s []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range s {
		if class[c]&letter != 0 || '0' <= c && c <= '9' || bytes.IndexByte([]byte("-._~/:;=@!*()$"), c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// percentDecoded appends s with its percent-encoded bytes decoded.
func percentDecoded(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			h, ok1 := hexDigit(s[i+1])
			l, ok2 := hexDigit(s[i+2])
			if ok1 && ok2 {
				dst = append(dst, byte(h<<4|l))
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

// judgeDocument rewrites a srcdoc as a page of its own.
func (p *page) judgeDocument(a *attr) {
	if p.depth >= maxDepth {
		p.held()
		p.removeAttr(a)
		return
	}
	from := len(p.tmp)
	tmp, changed := p.nested(p.tmp, p.decodedList(a), p.xml, false)
	if p.tmp = tmp; changed {
		p.setAttr(a, from)
	} else {
		p.tmp = p.tmp[:from]
	}
}

// nested appends the document src, which stands inside the page, to dst. One
// that is rootless has no address of its own.
func (p *page) nested(dst, src []byte, xml, rootless bool) (out []byte, changed bool) {
	o := Options{Judge: p.o.Judge, XHTML: xml}
	q := newPage(&o)
	q.depth = p.depth + 1
	q.noscript, q.fixed = p.noscript, p.fixed
	q.rootless = rootless || p.rootless
	if xml {
		q.entities = p.entities
	}
	if p.baseHref != nil && !rootless {
		q.setBase(p.baseHref)
	}
	n := len(dst)
	out = q.rewrite(dst, src)
	q.free()
	return out, !bytes.Equal(out[n:], src)
}
