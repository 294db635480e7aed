package rewrite

// describeFrame puts into ref what the tag at hand says of its frame, so that a
// judge can have it shown later as the site meant it.
func (p *page) describeFrame() {
	if p.frame == nil {
		p.frame = make([]byte, 0, 128) // an empty attribute is not nil
	}
	p.frame, p.framed = p.frame[:0], true
	for i := range p.attrs {
		a := &p.attrs[i]
		if a.edit != keep {
			continue // a second one of the name, which does not count
		}
		switch a.id {
		case attrTitle:
			p.ref.Title = p.described(a)
		case attrAllow:
			p.ref.Allow = p.described(a)
		case attrSandbox:
			p.ref.Sandbox = p.described(a)
		case attrAllowFullscreen:
			p.ref.Fullscreen = true
		}
	}
}

// described returns the decoded value of a, which stays good for the tag.
func (p *page) described(a *attr) []byte {
	from := len(p.frame)
	p.frame = p.decode(p.frame, p.value(a))
	return p.frame[from:]
}
