package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strings"
	"sync"
)

// A signer makes and reads paths that only the gateway can make: prefix, then
// a signature, a slash and the signed text in base64url, so that no canonical
// form of a path can touch it.
type signer struct {
	prefix string
	keys   [][]byte  // newest first
	macs   sync.Pool // of hash.Hash with keys[0]
}

// sigLen is the length of a signature in bytes: 128 of the 256 bits of the
// HMAC, as RFC 2104 section 5 allows.
const sigLen = 16

func newSigner(prefix string, keys [][]byte) *signer {
	s := &signer{prefix: prefix, keys: keys}
	s.macs.New = func() any { return hmac.New(sha256.New, keys[0]) }
	return s
}

// appendPath appends the path that carries text.
func (s *signer) appendPath(dst, text []byte) []byte {
	mac := s.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(text)
	var sum [sha256.Size]byte
	dst = append(dst, s.prefix...)
	dst = base64.RawURLEncoding.AppendEncode(dst, mac.Sum(sum[:0])[:sigLen])
	s.macs.Put(mac)
	dst = append(dst, '/')
	return base64.RawURLEncoding.AppendEncode(dst, text)
}

// open returns the text that path carries; false when we did not sign it.
func (s *signer) open(path string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(path, s.prefix)
	if !ok {
		return nil, false
	}
	signature, body, ok := strings.Cut(rest, "/")
	if !ok {
		return nil, false
	}
	sig, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(sig) != sigLen {
		return nil, false
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, false
	}
	for _, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		if hmac.Equal(mac.Sum(nil)[:sigLen], sig) {
			return text, true
		}
	}
	return nil, false
}
