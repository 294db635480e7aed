package rewrite

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
