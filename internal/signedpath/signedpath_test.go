package signedpath

import (
	"bytes"
	"strings"
	"testing"
)

var (
	oldKey = bytes.Repeat([]byte{1}, 32)
	newKey = bytes.Repeat([]byte{2}, 32)
)

func TestOnlyTheSignersOwnPathsOpen(t *testing.T) {
	before := New("/relay/", [][]byte{oldKey})
	s := New("/relay/", [][]byte{newKey, oldKey})
	for _, text := range []string{"", "ihttps://pics.example/a.png?x=1", "\x00\xff/../"} {
		for _, made := range []*Signer{before, s} {
			path := string(made.Append(nil, []byte(text)))
			if got, ok := s.Open(path); !ok || string(got) != text {
				t.Errorf("%q opens as %q, %t", path, got, ok)
			}
		}
		if _, ok := before.Open(string(s.Append(nil, []byte(text)))); ok {
			t.Errorf("%q opens without its key", text)
		}
		if _, ok := s.Open(string(New("/embed/", [][]byte{newKey}).Append(nil, []byte(text)))); ok {
			t.Errorf("%q opens under another prefix", text)
		}
	}
	path := string(s.Append(nil, []byte("text")))
	signature, body, _ := strings.Cut(strings.TrimPrefix(path, "/relay/"), "/")
	for _, bad := range []string{
		"", "/relay/", "/relay/x/y", "/relay/" + signature, "/relay/" + signature + "/", "/relay/" + signature[2:] + "/" + body,
		"/relay//" + body, "/relay/" + signature[:21] + otherLast(signature) + "/" + body, path + "A", path + "=", path + "/", "/relay/" + body + "/" + signature,
	} {
		if _, ok := s.Open(bad); ok {
			t.Errorf("%q opens", bad)
		}
	}
}

// otherLast is another last letter of a signature, which stands for the same bits.
func otherLast(signature string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return letters[strings.IndexByte(letters, signature[21])|1:][:1]
}

func FuzzOpen(f *testing.F) {
	s := New("/p/", [][]byte{newKey, oldKey})
	f.Add(string(s.Append(nil, []byte("text"))))
	f.Add("/p/AAAAAAAAAAAAAAAAAAAAAA/")
	f.Fuzz(func(t *testing.T, path string) {
		if text, ok := s.Open(path); ok && string(s.Append(nil, text)) != path &&
			string(New("/p/", [][]byte{oldKey}).Append(nil, text)) != path {
			t.Errorf("%q opens, and is not what is made of %q", path, text)
		}
	})
}
