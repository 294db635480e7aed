package rewrite

import (
	"cmp"
	"maps"
	"slices"
)

// A tag is the name of an element that the rewriter knows.
type tag uint8

// The elements with a meaning of their own.
const (
	tagOther tag = iota
	tagA
	tagAmp // an AMP element that loads something
	tagAmpService
	tagAnimate
	tagAnnotation
	tagApplet
	tagBase
	tagBody
	tagEmbed
	tagFont
	tagFrame // frame, portal, fencedframe
	tagFrameset
	tagHead
	tagHeadOnly // basefont, bgsound: nothing loads, but it belongs in the head
	tagHTML
	tagIframe
	tagImg
	tagInput
	tagLink
	tagMath
	tagMedia // audio, track, model
	tagMeta
	tagNoembed
	tagNoframes
	tagNoscript
	tagObject
	tagParam
	tagPlaintext
	tagScript
	tagSelect
	tagSource
	tagStyle
	tagSvg
	tagSvgRef // an SVG element whose href is loaded
	tagTemplate
	tagTextarea
	tagTitle
	tagVideo
	tagXmp
)

// tags are the elements known.
var tags = newNames(map[string]tag{
	"a": tagA, "area": tagA, "animate": tagAnimate, "animatecolor": tagAnimate,
	"animatemotion": tagAnimate, "animatetransform": tagAnimate, "set": tagAnimate,
	"annotation-xml": tagAnnotation, "applet": tagApplet, "audio": tagMedia, "base": tagBase, "basefont": tagHeadOnly,
	"bgsound": tagHeadOnly, "body": tagBody, "embed": tagEmbed, "font": tagFont, "frame": tagFrame,
	"portal": tagFrame, "fencedframe": tagFrame, "frameset": tagFrameset,
	"head": tagHead, "html": tagHTML, "iframe": tagIframe, "img": tagImg,
	"image": tagImg, // the parser makes an img of it; in svg it has a href
	"input": tagInput, "link": tagLink, "math": tagMath, "meta": tagMeta,
	"model":   tagMedia,
	"noembed": tagNoembed, "noframes": tagNoframes, "noscript": tagNoscript,
	"object": tagObject, "param": tagParam, "plaintext": tagPlaintext,
	"script": tagScript, "select": tagSelect, "source": tagSource, "style": tagStyle,
	"svg": tagSvg, "template": tagTemplate, "textarea": tagTextarea, "title": tagTitle,
	"track": tagMedia, "video": tagVideo, "xmp": tagXmp,
	"use": tagSvgRef, "feimage": tagSvgRef, "pattern": tagSvgRef, "filter": tagSvgRef,
	"lineargradient": tagSvgRef, "radialgradient": tagSvgRef, "textpath": tagSvgRef,
	"mpath": tagSvgRef, "tref": tagSvgRef, "cursor": tagSvgRef, "font-face-uri": tagSvgRef,
	"color-profile": tagSvgRef, "altglyph": tagSvgRef, "glyphref": tagSvgRef,
	"amp-img": tagAmp, "amp-anim": tagAmp, "amp-iframe": tagAmp, "amp-video": tagAmp,
	"amp-audio": tagAmp, "amp-pixel": tagAmp, "amp-list": tagAmp, "amp-video-iframe": tagAmp,
	"amp-story-page-attachment": tagAmp, "amp-install-serviceworker": tagAmp,
	"amp-analytics": tagAmpService, "amp-ad": tagAmpService, "amp-embed": tagAmpService,
	"amp-auto-ads": tagAmpService, "amp-story-auto-ads": tagAmpService,
	"amp-story-auto-analytics": tagAmpService, "amp-experiment": tagAmpService,
})

// An attrID is the name of an attribute that the rewriter knows.
type attrID uint8

// The attributes with a meaning of their own.
const (
	attrNone attrID = iota
	attrAllow
	attrAllowFullscreen
	attrAmp
	attrAs
	attrAttributeName
	attrAttributionSrc
	attrBackground
	attrConfig
	attrContent
	attrEncoding
	attrFont // what makes a font element end foreign content
	attrHeight
	attrHidden
	attrHref
	attrHTTPEquiv
	attrImageSrcset
	attrIntegrity
	attrLang
	attrLanguage
	attrLoader // data-src, data-original: what scripts that load lazily put into src
	attrLoaderSet
	attrLocation // data, codebase, classid, archive, code: where an object comes from
	attrName
	attrOn // an event handler that runs without the visitor doing anything
	attrPaint
	attrPing
	attrPoster
	attrRel
	attrSandbox
	attrSrc
	attrSrcdoc
	attrSrcset
	attrStyle
	attrTitle
	attrType
	attrValue
	attrValues // from, to, by, values of an animation
	attrWidth
)

var attrNames = map[string]attrID{
	"amp": attrAmp, "amp4email": attrAmp, "amp4ads": attrAmp, "\u26a1": attrAmp,
	"\u26a14email": attrAmp, "\u26a14ads": attrAmp,
	"allow": attrAllow, "allowfullscreen": attrAllowFullscreen, "sandbox": attrSandbox, "title": attrTitle,
	"as": attrAs, "attributename": attrAttributeName, "attributionsrc": attrAttributionSrc,
	"background": attrBackground, "config": attrConfig, "encoding": attrEncoding, "color": attrFont, "face": attrFont, "size": attrFont,
	"content": attrContent, "height": attrHeight, "hidden": attrHidden, "href": attrHref,
	"xlink:href": attrHref, "http-equiv": attrHTTPEquiv, "imagesrcset": attrImageSrcset,
	"integrity": attrIntegrity,
	"lang":      attrLang, "xml:lang": attrLang, "language": attrLanguage,
	"data-src": attrLoader, "data-lazy-src": attrLoader, "data-original": attrLoader,
	"data-srcset": attrLoaderSet, "data-lazy-srcset": attrLoaderSet,
	"data": attrLocation, "codebase": attrLocation, "classid": attrLocation,
	"archive": attrLocation, "code": attrLocation,
	"name": attrName, "ping": attrPing, "poster": attrPoster, "rel": attrRel,
	"src": attrSrc, "srcdoc": attrSrcdoc, "srcset": attrSrcset, "style": attrStyle,
	"type": attrType, "value": attrValue, "width": attrWidth,
	"from": attrValues, "to": attrValues, "by": attrValues, "values": attrValues,
	"fill": attrPaint, "stroke": attrPaint, "filter": attrPaint, "mask": attrPaint,
	"clip-path": attrPaint, "marker": attrPaint, "marker-start": attrPaint,
	"marker-mid": attrPaint, "marker-end": attrPaint, "cursor": attrPaint,
	"onload": attrOn, "onerror": attrOn, "onloadstart": attrOn, "onloadend": attrOn,
	"onloadeddata": attrOn, "onloadedmetadata": attrOn, "oncanplay": attrOn,
	"onpageshow": attrOn, "onpagehide": attrOn, "onunload": attrOn, "onbeforeunload": attrOn,
	"onreadystatechange": attrOn, "onbegin": attrOn, "onend": attrOn, "ontoggle": attrOn,
	"onanimationstart": attrOn, "onfocus": attrOn,
}

// allAttrs are the attributes known.
var allAttrs = newNames(attrNames)

// globalAttrs are the attributes that load on any element.
var globalAttrs = newNames(only(attrNames, attrStyle, attrBackground, attrPaint, attrOn, attrPing, attrAttributionSrc))

// endTags are the elements whose end tags mean something outside svg and math.
var endTags = newNames(map[string]tag{
	"template": tagTemplate, "select": tagSelect, "body": tagBody, "html": tagHTML, "amp-analytics": tagAmpService,
	"amp-ad": tagAmpService, "amp-embed": tagAmpService, "amp-auto-ads": tagAmpService, "amp-experiment": tagAmpService,
	"amp-story-auto-ads": tagAmpService, "amp-story-auto-analytics": tagAmpService,
})

// anyAttrs are all attributes, unknown ones too.
var anyAttrs = func() *names[attrID] {
	n := newNames(attrNames)
	n.every = true
	return n
}()

// noAttrs are no attributes.
var noAttrs = newNames(map[string]attrID{})

// A names finds what is known by a name. It is made for names that are mostly not
// known: one look at the first letter and the length tells.
type names[ID tag | attrID] struct {
	// first is where in list the names begin that have this first letter, by its
	// low five bits, and this length; 0 for none.
	first [32][32]uint8
	list  []named[ID]
	every bool // unknown names are wanted as well
}

type named[ID tag | attrID] struct {
	name string
	id   ID
	more bool // the next one has the same letter and length
}

func newNames[ID tag | attrID](m map[string]ID) *names[ID] {
	n := &names[ID]{list: make([]named[ID], 1)}
	key := func(s string) int { return int(s[0]&31)<<5 | len(s) }
	sorted := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(key(a)-key(b), cmp.Compare(a, b))
	})
	for i, s := range sorted {
		if first := &n.first[s[0]&31][len(s)]; *first == 0 {
			*first = uint8(len(n.list))
		}
		n.list = append(n.list, named[ID]{s, m[s], i+1 < len(sorted) && key(sorted[i+1]) == key(s)})
	}
	return n
}

// find returns what is known by name, whatever its case, or 0.
func (n *names[ID]) find(name []byte) ID {
	if len(name) == 0 || len(name) >= 32 {
		return 0
	}
	k := n.first[name[0]&31][len(name)]
	if k == 0 {
		return 0
	}
	for ; ; k++ {
		e := &n.list[k]
		if equalFold(name, e.name) {
			return e.id
		}
		if !e.more {
			return 0
		}
	}
}

// only returns those of m with these ids.
func only[ID comparable](m map[string]ID, ids ...ID) map[string]ID {
	r := map[string]ID{}
	for name, id := range m {
		if slices.Contains(ids, id) {
			r[name] = id
		}
	}
	return r
}
