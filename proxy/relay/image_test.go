package relay

import (
	"bytes"
	"testing"
)

// FuzzImage: no drawing with a script is let through, whatever its bytes.
func FuzzImage(f *testing.F) {
	for _, s := range []string{
		"GIF89a\x01\x00\x01\x00", "RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>", "<svg onload=x>", "<svg><script/></svg>",
		"<!DOCTYPE x [<!ENTITY a 'b'>]><svg/>", "<svg><a href='javascript:x'/></svg>", "<svg><use href='#a'/></svg>", "<?xml-stylesheet href='x'?><svg/>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tiny(data)
		// In comments and instructions the letters are no element.
		if checkSVG(data) == nil && bytes.Contains(bytes.ToLower(data), []byte("<script")) && !bytes.ContainsAny(data, "!?") {
			t.Errorf("a script is let through: %q", data)
		}
	})
}
