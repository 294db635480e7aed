package rewrite

import "testing"

// frameJudge keeps what it is told of frames.
type frameJudge struct {
	title, allow, sandbox string
	boxed, full           bool
	asked                 int
}

func (j *frameJudge) URL(r *Ref) Verdict {
	j.asked++
	j.title, j.allow, j.sandbox, j.boxed, j.full = string(r.Title), string(r.Allow), string(r.Sandbox), r.Sandbox != nil, r.Fullscreen
	return Verdict{}
}
func (*frameJudge) Script([]byte) Action    { return Pass }
func (*frameJudge) Meta(_, _ []byte) []byte { return nil }

func TestAJudgeIsToldWhatAFrameMayDo(t *testing.T) {
	for _, tt := range []struct {
		page string
		want frameJudge
	}{
		{`<iframe src=https://a.example title="Our &quot;day&quot;" ALLOW=autoplay sandbox allowfullscreen></iframe>`, frameJudge{`Our "day"`, "autoplay", "", true, true, 1}},
		{`<iframe src=https://a.example title=1 title=2 sandbox="allow-scripts"></iframe>`, frameJudge{"1", "", "allow-scripts", true, false, 1}},
		{`<iframe src=https://a.example title=x></iframe><img title=y src=https://a.example/b>`, frameJudge{asked: 2}},
	} {
		var j frameJudge
		Append(nil, []byte(tt.page), &Options{Judge: &j})
		if j != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.page, j, tt.want)
		}
	}
}
