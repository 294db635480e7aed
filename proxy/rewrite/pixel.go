package rewrite

import "bytes"

// A size is what an element says of its width and height.
type size struct{ small, large bool }

// add takes one measure, as written in an attribute or a style.
func (s *size) add(v []byte) {
	v = bytes.TrimSpace(v)
	switch {
	case len(v) == 0 || v[0] < '0' || v[0] > '9': // auto
	case v[0] <= '2' && (len(v) == 1 || string(v[1:]) == "px"):
		s.small = true
	default:
		s.large = true
	}
}

// pixel reports whether the element at hand is hidden or at most 2 px in size,
// by its attributes: nothing that a visitor is to see.
func (p *page) pixel() bool {
	var s size
	for i := range p.attrs {
		a := &p.attrs[i]
		switch a.id {
		case attrHidden:
			return true
		case attrWidth, attrHeight:
			s.add(p.value(a))
		case attrStyle:
			if s.hides(p.decoded(a)) {
				return true
			}
		}
	}
	return s.small && !s.large
}

// hides adds what a style attribute says of the size, and reports whether it
// hides the element.
func (s *size) hides(style []byte) bool {
	for len(style) > 0 {
		var declaration []byte
		declaration, style, _ = bytes.Cut(style, []byte(";"))
		name, value, _ := bytes.Cut(declaration, []byte(":"))
		name, value = bytes.TrimSpace(name), bytes.TrimSpace(value)
		switch {
		case equalFold(name, "display"):
			if hasPrefixFold(value, "none") {
				return true
			}
		case equalFold(name, "visibility"):
			if hasPrefixFold(value, "hidden") {
				return true
			}
		case equalFold(name, "width"), equalFold(name, "height"):
			s.add(value)
		}
	}
	return false
}
