package proxy

import "strings"

// embedPath is where held embeds are shown after a press.
const embedPath = "/_lychgate/embed/"

// An embed is a held frame as the site wrote it, to be shown after a press.
type embed struct {
	url, title, allow, sandbox string
	sandboxed                  bool // it has a sandbox attribute, even if empty
	fullscreen                 bool
}

// encode is the text that is signed.
func (e *embed) encode() []byte {
	flags := ""
	if e.sandboxed {
		flags += "s"
	}
	if e.fullscreen {
		flags += "f"
	}
	fields := []string{e.url, e.title, e.allow, e.sandbox, flags}
	for i, f := range fields {
		fields[i] = strings.ReplaceAll(f, "\x00", "\uFFFD")
	}
	return []byte(strings.Join(fields, "\x00"))
}

// decodeEmbed reads what encode wrote.
func decodeEmbed(text []byte) (embed, bool) {
	f := strings.Split(string(text), "\x00")
	if len(f) != 5 {
		return embed{}, false
	}
	return embed{
		url: f[0], title: f[1], allow: f[2], sandbox: f[3],
		sandboxed: strings.Contains(f[4], "s"), fullscreen: strings.Contains(f[4], "f"),
	}, true
}
