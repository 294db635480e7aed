package banner

import (
	"strings"
	"testing"
)

func testEmbed(lang string) *Embed {
	return &Embed{Lang: []byte(lang), Kind: "video", Name: "YouTube", Show: "/_lychgate/embed/sig/https%3A%2F%2Fyoutube.com", Source: "https://youtube.com/watch?v=1&t=2"}
}

func TestEmbed(t *testing.T) {
	b := testBanner(t, Config{})
	for _, s := range b.tongues.speeches {
		for _, post := range []bool{false, true} {
			e := testEmbed(s.Tag)
			e.Post = post
			document := b.AppendEmbed(nil, e)
			for _, c := range document {
				if c >= 0x80 {
					t.Fatalf("%s: not ASCII: %s", s.Tag, document)
				}
			}
			nodes := parse(t, document)
			if n := len(find(nodes, "script")) + len(find(nodes, "main")); n > 0 {
				t.Errorf("%s: a script or a main in a framed document", s.Tag)
			}
			if strings.Count(text(nodes[0]), "YouTube") < 4 || strings.Contains(text(nodes[0]), "{name}") {
				t.Errorf("%s: the provider is not named: %s", s.Tag, text(nodes[0]))
			}
			targets := map[string]string{}
			for _, n := range find(nodes, "a") {
				targets[attr(n, "href")] = attr(n, "target")
			}
			if targets["/_lychgate/consent?lang="+s.Tag] != "_top" || targets[e.Source] != "_top" {
				t.Errorf("%s: links %v", s.Tag, targets)
			}
			if _, link := targets[e.Show]; link == post {
				t.Errorf("%s: shown by link: %v, post: %v", s.Tag, link, post)
			}
			if forms := find(nodes, "form"); post && (len(forms) != 1 || attr(forms[0], "action") != e.Show || attr(forms[0], "method") != "post") {
				t.Errorf("%s: no form to show it", s.Tag)
			}
		}
	}
	captcha := testEmbed("en")
	captcha.Kind = "captcha"
	if got := text(parse(t, b.AppendEmbed(nil, captcha))[0]); !strings.Contains(got, "needed to send this form") {
		t.Errorf("captcha: %s", got)
	}
	dst := make([]byte, 0, 16<<10)
	e := testEmbed("ar")
	if n := testing.AllocsPerRun(100, func() { dst = b.AppendEmbed(dst[:0], e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAppendEmbed(f *testing.F) {
	for _, s := range []string{`"><script>`, "{name}", "\x00&amp;'", "é"} {
		f.Add(s, s, s)
	}
	f.Add("0", `"`, "")
	b := testBanner(f, Config{})
	f.Fuzz(func(t *testing.T, kind, name, url string) {
		nodes := parse(t, b.AppendEmbed(nil, &Embed{Kind: kind, Name: name, Show: url, Source: url, Origin: name}))
		want := 3 // show, always, and where it comes from
		if url == "" {
			want = 1
		}
		if n := len(find(nodes, "a")); n != want || len(find(nodes, "script")) > 0 {
			t.Fatalf("%d links, want %d", n, want)
		}
	})
}
