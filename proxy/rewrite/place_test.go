package rewrite

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
)

// placing puts [H], [S lang] and [E lang] into a page.
func placing(j Judge) *Options {
	return &Options{
		Judge:  j,
		Head:   func(dst []byte) []byte { return append(dst, "[H]"...) },
		Start:  func(dst []byte, d Doc) []byte { return appendDoc(append(dst, "[S"...), d) },
		End:    func(dst []byte, d Doc) []byte { return appendDoc(append(dst, "[E"...), d) },
		LinkTo: "/_lychgate/consent",
	}
}

func TestPlaces(t *testing.T) {
	tests := []struct{ name, page, want string }{
		{
			"the usual page", "<!doctype html><html lang=en><head><title>x</title></head>\n<body class=a>hi</body></html>\n",
			"<!doctype html><html lang=en><head>[H]<title>x</title></head>\n<body class=a>[Sen]hi[Een]</body></html>\n",
		},
		{"no head and no body tag", "<!DOCTYPE html>\n<title>x</title>\n<p>hi", "<!DOCTYPE html>\n[H]<title>x</title>\n[S]<p>hi[E]"},
		{"text begins the body", "<!doctype html>  hi", "<!doctype html>  [H][S]hi[E]"},
		{"head only", "<!doctype html><title>x</title>", "<!doctype html>[H]<title>x</title>[S][E]"},
		{"nothing", "", ""},
		{"a fragment", "<div>hi</div>", "<div>hi</div>"},
		{"a fragment of text", "hi <b>you</b></body>", "hi <b>you</b></body>"},
		{"a fragment of a script", "<script>x</script>", "<script>x</script>"},
		{"html but no doctype", "<HTML><BODY\n>hi", "<HTML>[H]<BODY\n>[S]hi[E]"},
		{"body alone", "<body>hi</body>", "[H]<body>[S]hi[E]</body>"},
		{"two ends", "<body>a</body>b</body>c", "[H]<body>[S]a</body>b[E]</body>c"},
		{"an end in a script", "<body>a<script>'</body>'</script></body>", "[H]<body>[S]a<script>'</body>'</script>[E]</body>"},
		{"an end in a comment", "<body>a</body><!-- </body> -->", "[H]<body>[S]a[E]</body><!-- </body> -->"},
		{"an end in a template", "<body>a<template></body></template>b", "[H]<body>[S]a<template></body></template>b[E]"},
		{"only the end of html", "<body>a</html>", "[H]<body>[S]a[E]</html>"},
		{"cut off in a tag", "<body>a<p class=\"b", "[H]<body>[S]a[E]<p class=\"b"},
		{"cut off in a comment", "<body>a<!-- b", "[H]<body>[S]a[E]<!-- b"},
		{"cut off in a script", "<body>a<script>b", "[H]<body>[S]a<script>b"},
		{"cut off in an end tag", "<body>a</div", "[H]<body>[S]a[E]</div"},
		{"plaintext", "<body>a<plaintext>b</body>", "[H]<body>[S]a<plaintext>b</body>"},
		{"a frameset", "<html><head></head><frameset><frame src=a></frameset></html>", "<html><head>[H]</head><frameset><frame src=a></frameset></html>"},
		{"AMP", "<!doctype html><html amp lang=en><head></head><body>a</body></html>", "<!doctype html><html amp lang=en><head></head><body>[Sen amp]a[Een amp]</body></html>"},
		{"AMP's lightning", "<html ⚡><body>a</body></html>", "<html ⚡><body>[S amp]a[E amp]</body></html>"},
		{"a byte order mark", "\xef\xbb\xbf<!doctype html><body>a", "\xef\xbb\xbf<!doctype html>[H]<body>[S]a[E]"},
		{
			"noscript in the head", "<head><noscript><link></noscript></head><noscript>a</noscript><body>b",
			"<head>[H]<noscript><link></noscript></head>[S]<noscript>a</noscript><body>b[E]",
		},
		{"a template in the head", "<head><template><p>a</p></template><body>b", "<head>[H]<template><p>a</p></template><body>[S]b[E]"},
		{"a script after the head", "<head></head><script></script><p>", "<head>[H]</head><script></script>[S]<p>[E]"},
		{"a body in a title", "<html><title><body></title><body>x", "<html>[H]<title><body></title><body>[S]x[E]"},
		{"a body in a noscript", "<html><noscript><body></noscript><body>x", "<html>[H]<noscript><body></noscript><body>[S]x[E]"},
		{"a quoted >", "<body data-a='>' class=\"a>b\">x", "[H]<body data-a='>' class=\"a>b\">[S]x[E]"},
		{"a link to the consent page", "<body><a href='/_lychgate/consent#x'>c</a></body>", "[H]<body>[S]<a href='/_lychgate/consent#x'>c</a></body>"},
		{"a link elsewhere", "<body><a href='/_lychgate/consents'>c</a></body>", "[H]<body>[S]<a href='/_lychgate/consents'>c</a>[E]</body>"},
		{"a language in references", "<html lang='c&#121;'><body>", "<html lang='c&#121;'>[H]<body>[Scy][Ecy]"},
		{"the second language counts no more", "<html lang=cy lang=en><body>", "<html lang=cy lang=en>[H]<body>[Scy][Ecy]"},
		{"an end in svg", "<body><svg></body></svg></body>", "[H]<body>[S]<svg></body></svg>[E]</body>"},
		{"a title in svg", "<body><svg><title>a</title></svg></body>", "[H]<body>[S]<svg><title>a</title></svg>[E]</body>"},
		{"self-closed svg", "<body><svg/><style></svg></style></body>", "[H]<body>[S]<svg/><style></svg></style>[E]</body>"},
		{
			"double escaped script", "<body><script><!--<script></script></body>--></script></body>",
			"[H]<body>[S]<script><!--<script></script></body>--></script>[E]</body>",
		},
		{"a far end", "<body>a</body>" + strings.Repeat("x", maxHold+1) + "</body>b", "[H]<body>[S]a[E]</body>" + strings.Repeat("x", maxHold+1) + "</body>b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, j := range []Judge{nil, passing{}} {
				o := placing(j)
				if got := string(Append(nil, []byte(tt.page), o)); got != tt.want {
					t.Errorf("judge %T:\ngot  %s\nwant %s", j, short(got), short(tt.want))
				}
				testChunks(t, []byte(tt.page), o)
			}
		})
	}
}

func TestUTF16(t *testing.T) {
	page := "<!doctype html><body>\u00e9\U0001f600<img src=//evil.test/>"
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		var b []byte
		for _, c := range utf16.Encode([]rune(page)) {
			if mark == "\xff\xfe" {
				b = binary.LittleEndian.AppendUint16(b, c)
			} else {
				b = binary.BigEndian.AppendUint16(b, c)
			}
		}
		b = append([]byte(mark), b...)
		if got := Append(nil, b, placing(nil)); !bytes.Equal(got, b) {
			t.Errorf("unjudged: got %q", got)
		}
		want := "\xef\xbb\xbf<!doctype html>[H]<body>[S]\u00e9\U0001f600<img data-lychgate=\"held\" src=\"" + picture("1", "1") + "\">[E]"
		if got := string(Append(nil, b, placing(ownOnly{}))); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		testChunks(t, b, placing(nil))
		testChunks(t, b, placing(ownOnly{}))
		testChunks(t, b[:len(b)-1], placing(ownOnly{}))
	}
}

func short(s string) string {
	if len(s) > 500 {
		return s[:200] + "..." + s[len(s)-200:]
	}
	return s
}

// passing is a judge that lets everything pass.
type passing struct{}

func (passing) URL(*Ref) Verdict           { return Verdict{} }
func (passing) Script([]byte) Action       { return Pass }
func (passing) Meta(name, c []byte) []byte { return nil }

// testChunks feeds page to a Writer byte by byte and in random parts and wants
// the output of Append.
func testChunks(t *testing.T, page []byte, o *Options) {
	t.Helper()
	want := Append(nil, page, o)
	rnd := rand.New(rand.NewPCG(1, uint64(len(page))))
	for round := range 4 {
		var got bytes.Buffer
		w := NewWriter(&got, o)
		for rest := page; len(rest) > 0; {
			n := 1
			if round > 0 {
				n = 1 + rnd.IntN(1<<(3*round))
			}
			n = min(n, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(4) == 0 {
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("round %d: in parts\n%s\nwhole\n%s", round, short(got.String()), short(string(want)))
		}
	}
}

func appendDoc(dst []byte, d Doc) []byte {
	dst = append(dst, d.Lang...)
	if d.AMP {
		dst = append(dst, " amp"...)
	}
	return append(dst, ']')
}
