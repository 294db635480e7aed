package rewrite

import "slices"

// A tag is the name of an element that the rewriter knows.
type tag uint8

// The elements with a meaning of their own.
const (
	tagOther tag = iota
	tagA
	tagAmp // an AMP element that loads something
	tagAmpService
	tagAnimate
	tagApplet
	tagBase
	tagBody
	tagEmbed
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
	tagMedia // audio, track
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

// tags are the elements known, by name in lower case.
var tags = map[string]tag{
	"a": tagA, "area": tagA, "animate": tagAnimate, "animatecolor": tagAnimate,
	"animatemotion": tagAnimate, "animatetransform": tagAnimate, "set": tagAnimate,
	"applet": tagApplet, "audio": tagMedia, "base": tagBase, "basefont": tagHeadOnly,
	"bgsound": tagHeadOnly, "body": tagBody, "embed": tagEmbed, "frame": tagFrame,
	"portal": tagFrame, "fencedframe": tagFrame, "frameset": tagFrameset,
	"head": tagHead, "html": tagHTML, "iframe": tagIframe, "img": tagImg,
	"image": tagImg, // the parser makes an img of it; in svg it has a href
	"input": tagInput, "link": tagLink, "math": tagMath, "meta": tagMeta,
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
}

// An attrID is the name of an attribute that the rewriter knows.
type attrID uint8

// The attributes with a meaning of their own.
const (
	attrNone attrID = iota
	attrAmp
	attrAs
	attrAttributeName
	attrAttributionSrc
	attrBackground
	attrConfig
	attrContent
	attrHeight
	attrHidden
	attrHref
	attrHTTPEquiv
	attrImageSrcset
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
	attrSrc
	attrSrcdoc
	attrSrcset
	attrStyle
	attrType
	attrValue
	attrValues // from, to, by, values of an animation
	attrWidth
)

// attrs are the attributes known, by name in lower case.
var attrs = map[string]attrID{
	"amp": attrAmp, "amp4email": attrAmp, "amp4ads": attrAmp, "\u26a1": attrAmp,
	"\u26a14email": attrAmp, "\u26a14ads": attrAmp,
	"as": attrAs, "attributename": attrAttributeName, "attributionsrc": attrAttributionSrc,
	"background": attrBackground, "config": attrConfig,
	"content": attrContent, "height": attrHeight, "hidden": attrHidden, "href": attrHref,
	"xlink:href": attrHref, "http-equiv": attrHTTPEquiv, "imagesrcset": attrImageSrcset,
	"lang": attrLang, "xml:lang": attrLang, "language": attrLanguage,
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

// everywhere are the attributes that load on any element.
var everywhere = []attrID{attrStyle, attrBackground, attrPaint, attrOn, attrPing, attrAttributionSrc}

// A wanted says which attributes are worth looking up: bit l of entry c is set
// when one of length l begins with the letter c, by its low five bits.
type wanted [32]uint32

var (
	wantAll  = wantNames(func(attrID) bool { return true })
	wantAny  = wantNames(func(id attrID) bool { return slices.Contains(everywhere, id) })
	wantNone wanted
	// wantEvery wants unknown names too.
	wantEvery = func() (w wanted) {
		for i := range w {
			w[i] = 1<<32 - 1
		}
		return w
	}()
)

// wantedTags is the same for the names of tags.
var wantedTags = func() *wanted {
	var w wanted
	for name := range tags {
		w[name[0]&31] |= 1 << len(name)
	}
	return &w
}()

// lookupTag returns what is known by a name as it stands in the page.
func lookupTag(name []byte) tag {
	l := len(name)
	if l >= 32 || wantedTags[name[0]&31]&(1<<l) == 0 {
		return tagOther
	}
	var b [32]byte
	for i, c := range name {
		b[i] = lower(c)
	}
	return tags[string(b[:l])]
}

// lookupAttr is lookupTag for attributes. The name is shorter than 32 bytes.
func lookupAttr(name []byte) attrID {
	var b [32]byte
	for i, c := range name {
		b[i] = lower(c)
	}
	return attrs[string(b[:len(name)])]
}

func wantNames(ok func(attrID) bool) *wanted {
	var w wanted
	for name, id := range attrs {
		if ok(id) {
			w[name[0]&31] |= 1 << len(name)
		}
	}
	return &w
}
