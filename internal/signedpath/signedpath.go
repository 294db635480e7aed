// Package signedpath makes and reads URL paths that only this program can have
// made. What such a path carries may be acted on as if a page of ours had asked
// for it, for one did.
package signedpath

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strings"
	"sync"
)

// A Signer makes and reads paths under one prefix: the prefix, a signature, a
// slash and the signed text in base64url, so that no canonical form of a path can
// touch it.
type Signer struct {
	prefix string
	keys   [][]byte  // newest first
	macs   sync.Pool // of hash.Hash with keys[0]
}

// signatureLen is the length of a signature in bytes: 128 of the 256 bits of the
// HMAC, as RFC 2104 section 5 allows.
const signatureLen = 16

// strictly reads the one spelling of a text. It is never written to.
var strictly = base64.RawURLEncoding.Strict()

// New returns a signer for paths that begin with prefix. It signs with the first
// of keys, of which there is at least one, and accepts them all.
func New(prefix string, keys [][]byte) *Signer {
	s := &Signer{prefix: prefix, keys: keys}
	s.macs.New = func() any { return hmac.New(sha256.New, keys[0]) }
	return s
}

// Append appends the path that carries text to dst.
func (s *Signer) Append(dst, text []byte) []byte {
	mac := s.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(text)
	var sum [sha256.Size]byte
	dst = append(dst, s.prefix...)
	dst = base64.RawURLEncoding.AppendEncode(dst, mac.Sum(sum[:0])[:signatureLen])
	s.macs.Put(mac)
	dst = append(dst, '/')
	return base64.RawURLEncoding.AppendEncode(dst, text)
}

// Open returns the text that path carries; false when this signer did not make
// it.
func (s *Signer) Open(path string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(path, s.prefix)
	if !ok {
		return nil, false
	}
	encoded, body, ok := strings.Cut(rest, "/")
	if !ok {
		return nil, false
	}
	signature, err := strictly.DecodeString(encoded)
	if err != nil || len(signature) != signatureLen {
		return nil, false
	}
	text, err := strictly.DecodeString(body)
	if err != nil {
		return nil, false
	}
	for _, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		if hmac.Equal(mac.Sum(nil)[:signatureLen], signature) {
			return text, true
		}
	}
	return nil, false
}
