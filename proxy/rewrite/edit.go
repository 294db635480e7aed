package rewrite

import "bytes"

// How a held element looks. It stays where it is, with its class, style, width
// and height, and loses what a browser would load:
//
//   - a script gets type="text/plain" as its first attribute, which wins over a
//     later one, and keeps its text;
//   - an image gets an empty picture of the size its attributes name;
//   - a frame loses its src and gets the judge's placeholder as srcdoc;
//   - everything else loses the attribute, a list only the addresses held;
//   - in CSS and JSON the address becomes an empty data: URL.
//
// The original is what the site sends: serving it unjudged restores it.
const (
	heldScript = ` type="text/plain" data-lychgate="held"`
	heldMark   = ` data-lychgate="held"`
	emptyURL   = "data:,"
	emptyStyle = "data:text/css,"
)

// An edit is what becomes of an attribute.
type edit uint8

const (
	keep edit = iota
	remove
	replaced  // by page.tmp[from:to]
	duplicate // of an earlier attribute, which wins
)

// value returns the value of a as it stands in the page.
func (p *page) value(a *attr) []byte { return p.src[a.val:a.valEnd] }

// decoded returns the value of a with its character references decoded.
func (p *page) decoded(a *attr) []byte {
	v := p.value(a)
	if bytes.IndexByte(v, '&') < 0 {
		return v
	}
	p.plain = p.decode(p.plain[:0], v)
	return p.plain
}

// find returns the first attribute of this name, or nil.
func (p *page) find(id attrID) *attr {
	for i := range p.attrs {
		if p.attrs[i].id == id {
			return &p.attrs[i]
		}
	}
	return nil
}

// markDuplicates marks the attributes that browsers ignore because an earlier
// one has their name.
func (p *page) markDuplicates() {
	for i := 1; i < len(p.attrs); i++ {
		for k := range i {
			if p.same(&p.attrs[i], &p.attrs[k]) {
				p.attrs[i].edit = duplicate
				break
			}
		}
	}
}

func (p *page) same(a, b *attr) bool {
	return a.id == b.id && bytes.EqualFold(p.src[a.name:a.nameEnd], p.src[b.name:b.nameEnd])
}

// removeAttr takes a out, and its duplicates, which would come to life.
func (p *page) removeAttr(a *attr) {
	for i := range p.attrs {
		if b := &p.attrs[i]; b.edit == duplicate && p.same(a, b) {
			b.edit = remove
		}
	}
	a.edit = remove
}

// setAttr gives a the value that was appended to tmp since from.
func (p *page) setAttr(a *attr, from int) {
	a.edit, a.from, a.to = replaced, from, len(p.tmp)
}

// writeTag writes the tag whose name ends at nameEnd, if anything in it changes.
func (p *page) writeTag(nameEnd int) {
	if len(p.extra) > 0 {
		p.copyTo(nameEnd)
		p.out = append(p.out, p.extra...)
	}
	for i := range p.attrs {
		switch a := &p.attrs[i]; a.edit {
		case remove:
			p.cut(a.name, a.end)
			if p.src[a.name-1] == '/' { // "/>" would close the element
				p.out = append(p.out, ' ')
			}
		case replaced:
			p.copyTo(a.nameEnd)
			p.out = append(p.out, `="`...)
			p.out = appendEscaped(p.out, p.tmp[a.from:a.to])
			p.out = append(p.out, '"')
			p.mark = a.end
		}
	}
}
