package rewrite

import (
	"bytes"
	"encoding/base64"
)

// Documents inside URLs and attributes: what they load, they load for the page.

// askInline answers for URLs that contact nobody themselves. What a data: or
// javascript: URL holds is judged like the page, and held if anything in it is.
func (p *page) askInline(d Dest, url []byte) (Verdict, bool) {
	switch {
	case hasPrefixFold(url, "data:"):
		switch d {
		case Image, Font, Media, Base, Refresh, Hint, Beacon, Manifest:
			if string(p.ref.Tag) != "use" { // which takes markup from a document
				return Verdict{}, true
			}
		}
		if p.dataPasses(d, url[len("data:"):]) {
			return Verdict{}, true
		}
		return Verdict{Action: Hold}, true
	case hasPrefixFold(url, "javascript:"):
		if d != Frame && d != Object {
			return Verdict{}, true
		}
		return Verdict{Action: p.o.Judge.Script(percentDecoded(nil, url[len("javascript:"):]))}, true
	}
	return Verdict{}, false
}

// dataPasses reports whether nothing is held in the document of a data: URL.
func (p *page) dataPasses(d Dest, data []byte) bool {
	if p.depth >= maxDepth {
		return false
	}
	kind, body, ok := bytes.Cut(data, []byte(","))
	if !ok {
		return true // not a data: URL
	}
	kind = bytes.ToLower(kind)
	body = percentDecoded(nil, body)
	if bytes.HasSuffix(bytes.TrimSpace(kind), []byte("base64")) {
		b, err := base64.RawStdEncoding.DecodeString(string(bytes.TrimRight(body, "= ")))
		if err != nil {
			return false
		}
		body = b
	}
	switch {
	case d == Script || d == Worker:
		return p.o.Judge.Script(body) == Pass && p.importsPass(body)
	case d == Style:
		_, changed := p.css(nil, body)
		return !changed
	}
	if order, _ := utf16Order(body); order != nil || bytes.Contains(kind, []byte("utf-16")) {
		return false
	}
	_, changed := p.nested(nil, body, bytes.Contains(kind, []byte("xml")))
	return !changed
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
	tmp, changed := p.nested(p.tmp, p.decodedList(a), p.xml)
	if p.tmp = tmp; changed {
		p.setAttr(a, from)
	} else {
		p.tmp = p.tmp[:from]
	}
}

// nested appends the document src, which stands inside the page, to dst.
func (p *page) nested(dst, src []byte, xml bool) (out []byte, changed bool) {
	o := Options{Judge: p.o.Judge, XHTML: xml}
	q := newPage(&o)
	q.depth = p.depth + 1
	q.noscript = p.noscript
	if p.baseHref != nil {
		q.setBase(p.baseHref)
	}
	n := len(dst)
	out = q.rewrite(dst, src)
	q.free()
	return out, !bytes.Equal(out[n:], src)
}
