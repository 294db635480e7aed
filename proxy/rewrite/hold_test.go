package rewrite

import (
	"bytes"
	"strings"
	"testing"
)

const emptyPicture = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='W' height='H'/%3E"

func picture(w, h string) string {
	return strings.NewReplacer("W", w, "H", h).Replace(emptyPicture)
}

// holdTests are pages and what ownOnly leaves of them; an empty want is the page itself.
var holdTests = []struct{ name, page, want string }{
	{"own script", `<script src="/a.js"></script>`, ""},
	{"script", `<script async src="https://evil.test/a.js" type=module>x</script>`, `<script type="text/plain" data-lychgate="held" async  >x</script>`},
	{"unquoted script", `<SCRIPT SRC=//evil.test/a.js></SCRIPT>`, `<SCRIPT type="text/plain" data-lychgate="held" ></SCRIPT>`},
	{"script after a solidus", `<script/src=//evil.test/a.js></script>`, `<script type="text/plain" data-lychgate="held"/ ></script>`},
	{"references in a script's src", `<script src="&#104;ttps:&sol;&sol;evil.test"></script>`, `<script type="text/plain" data-lychgate="held" ></script>`},
	{"a tab and backslashes", "<script src=' /\t\\\nevil.test'></script>", `<script type="text/plain" data-lychgate="held" ></script>`},
	{"a duplicate", `<script src=/a.js src=//evil.test/></script>`, ""},
	{"a held one with a duplicate", `<img src=//evil.test/ src=//evil.test/b alt=x>`, `<img data-lychgate="held" src="` + picture("1", "1") + `" src=//evil.test/b alt=x>`},
	{"a model", `<model src=//evil.test/a.usdz></model>`, `<model data-lychgate="held" ></model>`},
	{"inline script", `<script>load("//evil.test/a.js")</script>`, `<script type="text/plain" data-lychgate="held">load("//evil.test/a.js")</script>`},
	{"data script", `<script type="application/ld+json">{"a":"//evil.test/a.js"}</script>`, ""},
	{"a script with a type of its own", `<script type=text/partytown>load("//evil.test")</script>`, `<script type="text/plain" data-lychgate="held" >load("//evil.test")</script>`},
	{"an import behind an apostrophe", "<script type=module>// don't\nimport \"//evil.test/\"</script>", "<script type=\"text/plain\" data-lychgate=\"held\" >// don't\nimport \"//evil.test/\"</script>"},
	{"module imports", `<script type=module>import a from "https://evil.test"; import("/b.js")</script>`, `<script type="text/plain" data-lychgate="held" >import a from "https://evil.test"; import("/b.js")</script>`},
	{"import map", `<script type=importmap>{"imports":{"a":"https:\/\/evil.test\/a.js","https://evil.test/":"/b.js"}}</script>`, `<script type=importmap>{"imports":{"a":"data:,","https://evil.test/":"/b.js"}}</script>`},
	{"speculation rules", `<script type=speculationrules>{"prefetch":[{"urls":["/a","https://evil.test/b"]}]}</script>`, `<script type=speculationrules>{"prefetch":[{"urls":["/a","data:,"]}]}</script>`},
	{"speculation rules for links", `<script type=speculationrules>{"prefetch":[{"source":"document"}]}</script>`, `<script type="text/plain" data-lychgate="held" >{"prefetch":[{"source":"document"}]}</script>`},
	{"speculation rules for the page's own links", `<script type=speculationrules>{"prefetch":[{"source":"document","where":{"and":[{"href_matches":"\/*"},{"not":{"href_matches":["\/wp-*.php"]}}]},"eagerness":"conservative"}]}</script>`, ""},
	{"speculation rules for foreign links", `<script type=speculationrules>{"prefetch":[{"where":{"or":[{"href_matches":"/*"},{"href_matches":"https://evil.test/*"}]}}]}</script>`, `<script type="text/plain" data-lychgate="held" >{"prefetch":[{"where":{"or":[{"href_matches":"/*"},{"href_matches":"https://evil.test/*"}]}}]}</script>`},
	{"frame", `<iframe width=560 height=315 src="https://evil.test/v" title="a"></iframe>`, `<iframe data-lychgate="held" srcdoc="&lt;p&gt;held&lt;/p&gt;" width=560 height=315  title="a"></iframe>`},
	{"frame with a srcdoc", `<iframe src="https://evil.test/v" srcdoc="<img src='//evil.test/'>"></iframe>`, `<iframe data-lychgate="held"  srcdoc="&lt;img data-lychgate=&quot;held&quot; src=&quot;` + strings.ReplaceAll(picture("1", "1"), "&", "&amp;") + `&quot;&gt;"></iframe>`},
	{"lazy frame", `<iframe data-src="//evil.test/v"></iframe>`, `<iframe data-lychgate="held" srcdoc="&lt;p&gt;held&lt;/p&gt;" ></iframe>`},
	{"data frame", `<iframe src="data:text/html,<script src=%22//evil.test%22></script>"></iframe>`, `<iframe src="data:text/html,%3Cscript%20type=%22text/plain%22%20data-lychgate=%22held%22%20%3E%3C/script%3E"></iframe>`},
	{"data frame with a fragment", `<iframe src="data:text/html,<p>hi#<img src=//evil.test/>"></iframe>`, ""},
	{"data frame of its own", `<iframe src="data:text/html,<p>hi"></iframe>`, ""},
	{"base64 frame", `<iframe src="data:text/html;base64,PGltZyBzcmM9Ly9ldmlsLnRlc3Q+"></iframe>`, `<iframe src="data:text/html,%3Cimg%20data-lychgate=%22held%22%20src=%22data:image/svg%2Bxml%2C%253Csvg%20xmlns=%27http://www.w3.org/2000/svg%27%20width=%271%27%20height=%271%27/%253E%22%3E"></iframe>`},
	{"script frame", `<iframe src="javascript:load('//evil.test')"></iframe>`, `<iframe data-lychgate="held" ></iframe>`},
	{"frames", `<frameset><frame src=//evil.test/><frame src=/a></frameset>`, `<frameset><frame data-lychgate="held" ><frame src=/a></frameset>`},
	{"image", `<img src="https://evil.test/a.jpg" width="640" height="360px" alt="x">`, `<img data-lychgate="held" src="` + picture("640", "360") + `" width="640" height="360px" alt="x">`},
	{"image element by its old name", `<image src="//evil.test/a.jpg">`, `<image data-lychgate="held" src="` + picture("1", "1") + `">`},
	{"srcset", `<img src=/a srcset="/a 1x,//evil.test/b 2x, /c 3x">`, `<img src=/a srcset="/a 1x, /c 3x">`},
	{"srcset without spaces", `<img src=/a srcset="//evil.test/b,//evil.test/c 2x">`, `<img data-lychgate="held" src=/a >`},
	{"srcset alone", `<img srcset="//evil.test/b">`, `<img data-lychgate="held" src="` + picture("1", "1") + `" >`},
	{"picture", `<picture><source srcset="//evil.test/b" media="(a)"><img src=/a></picture>`, `<picture><source data-lychgate="held"  media="(a)"><img src=/a></picture>`},
	{"image input", `<input type=image src=//evil.test/a>`, `<input data-lychgate="held" type=image src="` + picture("1", "1") + `">`},
	{"media", `<video poster=//evil.test/a src=//evil.test/b><source src=//evil.test/c><track src=//evil.test/d></video>`, `<video data-lychgate="held"  ><source data-lychgate="held" ><track data-lychgate="held" ></video>`},
	{"background", `<table background=//evil.test/a>`, `<table data-lychgate="held" >`},
	{"style sheet", `<link rel="StyleSheet" href="//evil.test/a.css">`, `<link data-lychgate="held" rel="StyleSheet" >`},
	{"a link that loads nothing", `<link rel=canonical href="//evil.test/a">`, ""},
	{"hints", `<link rel=preconnect href=//evil.test><link rel="dns-prefetch" href=//evil.test><link rel=preload as=font href=//evil.test/a>`, `<link data-lychgate="held" rel=preconnect ><link data-lychgate="held" rel="dns-prefetch" ><link data-lychgate="held" rel=preload as=font >`},
	{"preloaded images", `<link rel=preload as=image imagesrcset="//evil.test/a 1x">`, `<link data-lychgate="held" rel=preload as=image >`},
	{"object", `<object data=//evil.test/a><param name=movie value=//evil.test/b></object><embed src=//evil.test/c>`, `<object data-lychgate="held" ><param data-lychgate="held" name=movie ></object><embed data-lychgate="held" >`},
	{"base", `<base href="https://evil.test/"><img src=a>`, `<base data-lychgate="held" ><img src=a>`},
	{"refresh", `<meta http-equiv=refresh content="0; URL='https://evil.test/'">`, `<meta data-lychgate="held" http-equiv=refresh >`},
	{"refresh of the page", `<meta http-equiv=refresh content="30">`, ""},
	{"ping", `<a href=//evil.test/ ping="/a //evil.test/b /c">x</a>`, `<a href=//evil.test/ ping="/a /c">x</a>`},
	{"form", `<form action=//evil.test/><button formaction=//evil.test/></form>`, ""},
	{"attribution", `<img src=/a attributionsrc=//evil.test/>`, `<img data-lychgate="held" src=/a >`},
	{"style attribute", `<p style="background:url(&quot;//evil.test/a&quot;)">`, `<p style="background:url(&quot;data:,&quot;)">`},
	{"escapes in a style attribute", `<p style='background:u\72l( \2f\2f evil.test/a )'>`, `<p style="background:u\72l(&quot;data:,&quot;)">`},
	{"style", "<style>@import '//evil.test/a';@import url(//evil.test/b) screen;a{b:url( /c )}@font-face{src:url(//evil.test/d)}</style>", `<style>@import "data:text/css,";@import url("data:text/css,") screen;a{b:url( /c )}@font-face{src:url("data:,")}</style>`},
	{"image-set", `<style>a{b:image-set("//evil.test/a" 1x, url(/b) 2x);c:"//evil.test"}</style>`, `<style>a{b:image-set("data:," 1x, url(/b) 2x);c:"//evil.test"}</style>`},
	{"an address in a custom property", `<p style='--a:"//evil.test/a";content:"//evil.test/b";background:image-set(var(--a) 1x)'>`, `<p style="--a:&quot;data:,&quot;;content:&quot;//evil.test/b&quot;;background:image-set(var(--a) 1x)">`},
	{"namespaces", `<style>@namespace url(http://evil.test/);</style>`, ""},
	{"a comment in css", `<style>/* url(//evil.test) */ a{b:"url(//evil.test)"}</style>`, ""},
	{"svg", `<svg><image href="//evil.test/a"/><use xlink:href="//evil.test/b#c"/><script href="//evil.test/d"></script><a href="//evil.test/e"/><feImage href=//evil.test/f /></svg>`, `<svg><image data-lychgate="held" /><use data-lychgate="held" /><script type="text/plain" data-lychgate="held" ></script><a href="//evil.test/e"/><feImage data-lychgate="held"  /></svg>`},
	{"paint", `<svg><path fill="url(//evil.test/a#b)"/><path fill="url(#b)"/></svg>`, `<svg><path fill="url(&quot;data:,&quot;)"/><path fill="url(#b)"/></svg>`},
	{"animation", `<svg><set attributeName=href to=//evil.test/a /></svg>`, `<svg><set data-lychgate="held" attributeName=href  /></svg>`},
	{"style in svg", `<svg><style><![CDATA[a{b:url(//evil.test)}]]></style></svg>`, `<svg><style><![CDATA[a{b:url("data:,")}]]></style></svg>`},
	{"noscript", `<noscript><img height=1 width=1 src="//evil.test/a"></noscript>`, `<noscript><img data-lychgate="held" height=1 width=1 src="` + picture("1", "1") + `"></noscript>`},
	{"a noscript read two ways", `<noscript><!-- </noscript><img src=//evil.test/> --></noscript>`, `<noscript></noscript><img data-lychgate="held" src="` + picture("1", "1") + `"> --></noscript>`},
	{"template", `<template shadowrootmode=open><img src=//evil.test/></template>`, `<template shadowrootmode=open><img data-lychgate="held" src="` + picture("1", "1") + `"></template>`},
	{"text", `<title><img src=//evil.test/></title><textarea><script src=//evil.test/></textarea><!-- <img src=//evil.test/> -->`, ""},
	{"handlers", `<img src=/a onerror="load('//evil.test')" onclick="x('//evil.test')">`, `<img data-lychgate="held" src=/a  onclick="x('//evil.test')">`},
	{"amp", `<amp-pixel src=//evil.test/></amp-pixel><amp-img src=//evil.test/a></amp-img><amp-iframe src=//evil.test/b></amp-iframe>`, `<amp-pixel data-lychgate="held" ></amp-pixel><amp-img data-lychgate="held" ></amp-img><amp-iframe data-lychgate="held" ></amp-iframe>`},
	{"amp advertisements", `<amp-auto-ads></amp-auto-ads>`, `<amp-auto-ads data-lychgate="held"></amp-auto-ads>`},
	{"amp analytics", `<amp-analytics type=gtag><script type=application/json>{}</script></amp-analytics><script type=application/json>{}</script>`, `<amp-analytics data-lychgate="held" ><script type="text/plain" data-lychgate="held" >{}</script></amp-analytics><script type=application/json>{}</script>`},
	{"a script in a select", `<select><script src=//evil.test/></script></select>`, `<select><script type="text/plain" data-lychgate="held" ></script></select>`},
	{"a style in a select", `<select><style></select><img src=//evil.test/></style>`, `<select><style></style>`},
	{"plaintext in svg", `<svg><plaintext><image href=//evil.test/ /></svg>`, `<svg><plaintext><image data-lychgate="held"  /></svg>`},
}

func TestHold(t *testing.T) {
	for _, tt := range holdTests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.page
			}
			o := &Options{Judge: ownOnly{}}
			if got := string(Append(nil, []byte(tt.page), o)); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			if got := string(Append(nil, []byte(tt.page), &Options{Judge: passing{}})); got != tt.page && !strings.Contains(tt.name, "two ways") &&
				tt.name != "a style in a select" && tt.name != "speculation rules for links" {
				t.Errorf("all pass:\ngot  %s\nwant %s", got, tt.page)
			}
			testChunks(t, []byte(tt.page), o)
		})
	}
}

// replacing is a judge that puts its own address in the place of foreign ones.
type replacing struct{ url string }

func (r replacing) URL(ref *Ref) Verdict {
	if foreign(ref.URL) {
		return Verdict{Action: Replace, URL: []byte(r.url)}
	}
	return Verdict{}
}
func (replacing) Script([]byte) Action { return Pass }
func (replacing) Meta(name, c []byte) []byte {
	return bytes.ToUpper(append(append(append([]byte{}, name...), '='), c...))
}

func TestReplace(t *testing.T) {
	tests := []struct{ name, page, want string }{
		{"double quotes", `<img src="//evil.test/a">`, `<img src="/r?a=&quot;&amp;',&lt;)\">`},
		{"unquoted", `<img src=//evil.test/a alt=x>`, `<img src="/r?a=&quot;&amp;',&lt;)\" alt=x>`},
		{"srcset", `<img srcset='//evil.test/a, //evil.test/b (a,b) 2x,/c'>`, `<img srcset="/r?a=&quot;&amp;'%2C&lt;)\, /r?a=&quot;&amp;'%2C&lt;)\ (a,b) 2x, /c">`},
		{"style", `<style>a{b:url(//evil.test/a)}</style>`, `<style>a{b:url("/r?a=\22 \26 \27 ,\3c )\5c ")}</style>`},
		{"style attribute", `<p style="b:url('//evil.test/a')">`, `<p style="b:url(&quot;/r?a=\22 \26 \27 ,\3c )\5c &quot;)">`},
		{"import map", `<script type=importmap>{"imports":{"a":"//evil.test"}}</script>`, `<script type=importmap>{"imports":{"a":"/r?a=\u0022\u0026',\u003c)\u005c"}}</script>`},
		{"refresh", `<meta http-equiv=refresh content="0;url=//evil.test">`, `<meta http-equiv=refresh content="0;url=/r?a=&quot;&amp;',&lt;)\">`},
		{"a policy", `<meta http-equiv=Content-Security-Policy content="default-src 'self'">`, `<meta http-equiv=Content-Security-Policy content="CONTENT-SECURITY-POLICY=DEFAULT-SRC 'SELF'">`},
		{"referrer", `<META NAME=Referrer CONTENT=origin>`, `<META NAME=Referrer CONTENT="REFERRER=ORIGIN">`},
		{"a style sheet", `<link rel=stylesheet href="//evil.test/a" integrity="sha256-a" crossorigin>`, `<link rel=stylesheet href="/r?a=&quot;&amp;',&lt;)\"  crossorigin>`},
		{"a base", `<base href=//evil.test/>`, `<base href="/r?a=&quot;&amp;',&lt;)\">`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &Options{Judge: replacing{`/r?a="&',<)\`}}
			if got := string(Append(nil, []byte(tt.page), o)); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// asking records what it is asked.
type asking struct {
	passing
	refs []string
}

func (a *asking) URL(r *Ref) Verdict {
	s := string(r.Tag) + " " + string(r.Attr) + " " + string(r.URL)
	for _, flag := range []struct {
		set  bool
		text string
	}{{r.Noscript, " noscript"}, {r.Pixel, " pixel"}, {r.Base != nil, " base=" + string(r.Base)}} {
		if flag.set {
			s += flag.text
		}
	}
	a.refs = append(a.refs, destNames[r.Dest]+" "+s)
	return Verdict{}
}

var destNames = [...]string{"script", "worker", "style", "image", "font", "media", "frame", "object", "manifest", "hint", "beacon", "refresh", "base"}

func TestRefs(t *testing.T) {
	tests := []struct{ name, page, want string }{
		{
			"pixels", `<img width=1 height=1 src=a><img src=b style="a:b; display : NONE"><img hidden src=c><img src=f style="width:1px; height : 2px"><img src=g style="width:100px;height:1px"><img width=600 height=1 src=d><iframe src=e width=0></iframe>`,
			"image img src a pixel\nimage img src b pixel\nimage img src c pixel\nimage img src f pixel\nimage img src g\nimage img src d\nframe iframe src e pixel",
		},
		{"noscript", `<noscript><img src=a></noscript><img src=b>`, "image img src a noscript\nimage img src b"},
		{"base", `<img src=a><base href="/x/"><base href="/y/"><img src=b><iframe srcdoc="<img src=c>"></iframe>`, "image img src a\nbase base href /x/\nimage img src b base=/x/\nimage img src c base=/x/"},
		{
			"links", `<link rel="shortcut icon" href=a><link rel=manifest href=b><link rel=preload as=Worker href=c><link rel=modulepreload href=d><link rel=prefetch href=e>`,
			"image link href a\nmanifest link href b\nworker link href c\nscript link href d\nhint link href e",
		},
		{"upper case", `<IMG SRC=A>`, "image img src A"},
		{"fonts", `<style>@font-face{src:url(a)}b{c:url(d)}@import "e";</style>`, "font style  a\nimage style  d\nstyle style  e"},
		{"nothing for empty and data", `<img src=""><img src="data:image/gif;base64,AA"><use href="#a"/>`, "image use href #a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j asking
			Append(nil, []byte(tt.page), &Options{Judge: &j})
			if got := strings.Join(j.refs, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestAppendCSS(t *testing.T) {
	tests := []struct{ name, sheet, want string }{
		{"nothing", "", ""},
		{"own", "@import '/a';a{b:url(c)}", ""},
		{"foreign", "a{b:url( '//evil.test/x' );c:URL(//evil.test)}", `a{b:url( "data:," );c:URL("data:,")}`},
		{"escaped at-rule", `@\69mport "//evil.test"`, `@\69mport "data:text/css,"`},
		{"escaped rest of at-rule", `@im\port "//evil.test"`, `@im\port "data:text/css,"`},
		{"a comment before", `@import/**/"//evil.test"`, `@import/**/"data:text/css,"`},
		{"an unclosed url", `a{b:url(//evil.test`, `a{b:url("data:,"`},
		{"an unclosed string", `@import "//evil.test`, `@import "data:text/css,"`},
		{"a bad string ends at the line", "a:\"b\nc:url(//evil.test)", "a:\"b\nc:url(\"data:,\")"},
		{"a bad url", `a{b:url(//evil.test "x")}c{d:url(/e)}`, ""},
		{"image-set with brackets", `a{b:image-set(linear-gradient(red) 1x, "//evil.test" type("x/y"))}`, `a{b:image-set(linear-gradient(red) 1x, "data:," type("x/y"))}`},
		{"src", `@font-face{src:src("//evil.test")}`, `@font-face{src:src("data:,")}`},
		{"url in brackets", `a{b:cross-fade(url(//evil.test), url(/x))}`, `a{b:cross-fade(url("data:,"), url(/x))}`},
		{"a fragment", `a{fill:url(#b);c:url("#d")}`, ""},
		{"cdo", `<!-- a{b:url(//evil.test)} -->`, `<!-- a{b:url("data:,")} -->`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.sheet
			}
			if got := string(AppendCSS([]byte("x"), []byte(tt.sheet), ownOnly{})); got != "x"+tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, "x"+tt.want)
			}
		})
	}
}
