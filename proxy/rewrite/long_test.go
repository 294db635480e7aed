package rewrite

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestLong feeds tokens that are longer than is kept.
func TestLong(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: megabytes, and no two goroutines; the full run has them")
	}
	x := strings.Repeat("x", maxToken)
	tests := []struct {
		name, page, want string
		xml              bool
	}{
		{name: "a tag", page: `<p title="` + x + `>" class=a>hi</p><img src=//evil.test/>`, want: `<p>hi</p><img data-lychgate="held" src="` + picture("1", "1") + `">`},
		{name: "a tag with quotes in odd places", page: `<p a"='` + x + `' b=c"d e = "f>" g>hi`, want: `<p>hi`},
		{name: "an image", page: `<img alt=a src="//evil.test/` + x + `">hi`, want: `<img>hi`},
		{name: "a script's tag", page: `<script type=a title="` + x + `">alert("<p>")</script>hi`, want: `<script type="text/plain" data-lychgate="held">alert("<p>")</script>hi`},
		{name: "an end tag", page: `<p>hi</p title="` + x + `>">ho`, want: `<p>hi</p>ho`},
		{name: "a script", page: `<script async>` + x + `<p></script>hi`, want: `<script type="text/plain" data-lychgate="held" async>` + x + `<p></script>hi`},
		{name: "a data script", page: `<script type=application/json>` + x + `<p></script>hi`},
		{name: "a style", page: `<style>` + x + `<p></style>hi`, want: `<style></style>hi`},
		{name: "a noscript", page: `<noscript>` + x + `<p></noscript>hi`, want: `<noscript></noscript>hi`},
		{name: "a textarea", page: `<textarea>` + x + `<p></textarea>hi`},
		{name: "a comment", page: `<!--` + x + `<p> -- > -->hi`},
		{name: "a bogus comment", page: `<!x` + x + `>hi`},
		{name: "a CDATA section", page: `<svg><![CDATA[` + x + `> ]] > ]]></svg>hi`, want: `<svg></svg>hi`},
		{name: "CDATA in XML", page: `<p><![CDATA[` + x + `> ]] > ]]></p>`, xml: true},
		{name: "a doctype in XML", page: `<!DOCTYPE a "` + x + `"><p/>`, want: `<p/>`, xml: true},
		{name: "an instruction in XML", page: `<?xml-stylesheet ` + x + `?><p/>`, want: `<p/>`, xml: true},
		{name: "text", page: x + `<img src=//evil.test/>` + x, want: x + `<img data-lychgate="held" src="` + picture("1", "1") + `">` + x},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.page
			}
			o := &Options{Judge: ownOnly{}, XHTML: tt.xml}
			if got := string(Append(nil, []byte(tt.page), o)); got != tt.want {
				t.Errorf("got  %s\nwant %s", short(got), short(tt.want))
			}
			var got bytes.Buffer
			w := NewWriter(&got, o)
			rnd := rand.New(rand.NewPCG(1, 2))
			for rest := []byte(tt.page); len(rest) > 0; {
				n := min(len(rest), 1+rnd.IntN(256<<10))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
				if kept := len(w.buf) + len(w.p.out); kept > maxToken+1<<20 {
					t.Fatalf("%d bytes kept", kept)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("in parts\ngot  %s\nwant %s", short(got.String()), short(tt.want))
			}
		})
	}
}

// TestDeep wants pages that nest without end to be done in no time.
func TestDeep(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: megabytes, and no two goroutines; the full run has them")
	}
	for _, piece := range []string{
		"<noscript>", "<svg><style>", "<svg><title>", "<select><xmp>", "<math><script>", "<template>", "<svg>", "<svg><desc>",
		"<!--", "<![CDATA[", "<svg><![CDATA[>", "</", "<a b='", "<script><!--<script>", "<iframe srcdoc='<iframe srcdoc=", "<p style='url('",
		"<style>url(", "<img srcset=',,,,(", "&#x", "<script type=module>import'",
	} {
		page := []byte("<!doctype html>" + strings.Repeat(piece, 1<<20/len(piece)))
		Append(nil, page, placing(ownOnly{}))
		Append(nil, page, &Options{Judge: ownOnly{}, XHTML: true})
	}
}

// TestWriterStreams wants everything decided to have come out by the time of a flush.
func TestWriterStreams(t *testing.T) {
	var got bytes.Buffer
	w := NewWriter(&got, placing(ownOnly{}))
	for _, step := range []struct{ in, out string }{
		{"<!doctype html><ht", "<!doctype html>"},
		{"ml><head><title>a", "<html><head>[H]<title>a"},
		{"</title><body>hello <b", "</title><body>[S]hello "},
		{">there</b> <script>a(", "<b>there</b> "},
		{")</script></body", "<script>a()</script>"},
		{"></html>", ""},
		{"more", ""},
	} {
		got.Reset()
		if _, err := io.WriteString(w, step.in); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got.String() != step.out {
			t.Errorf("after %q: got %q, want %q", step.in, got.String(), step.out)
		}
	}
	got.Reset()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "[E]</body></html>more"; got.String() != want {
		t.Errorf("at the end: got %q, want %q", got.String(), want)
	}
	if _, err := io.WriteString(w, "x"); err == nil {
		t.Error("a closed Writer takes more")
	}
}

// failing is a writer that fails.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriterError(t *testing.T) {
	w := NewWriter(failing{}, &Options{})
	if _, err := io.WriteString(w, "hello"); err != io.ErrClosedPipe {
		t.Errorf("write: got %v, want %v", err, io.ErrClosedPipe)
	}
	if err := w.Close(); err != io.ErrClosedPipe {
		t.Errorf("close: got %v, want %v", err, io.ErrClosedPipe)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: the race detector's pass allocates itself; the full run has it")
	}
	page := testPage()
	var dst []byte
	o := &Options{Judge: ownOnly{}, Start: func(dst []byte, _ Doc) []byte { return append(dst, "hello"...) }}
	dst = Append(dst[:0], page, o)
	if n := testing.AllocsPerRun(20, func() { dst = Append(dst[:0], page, o) }); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}
