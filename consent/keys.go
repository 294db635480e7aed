package consent

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// Keys are the secrets of one set of gateways: what cookies are signed and
// encrypted with, what links are signed with, and what the ledger's checkpoints
// are signed with. Every use derives a key of its own, so that no room can make
// or read what another room signed.
//
// A pair is replaced by [RotateKeys]; older pairs go on verifying until the
// last cookie made with them has expired. Keys never change after OpenKeys.
type Keys struct {
	pairs  []keyPair // newest first, at least one
	ledger ed25519.PrivateKey
}

// A keyPair is what securecookie asks for, with the name and date of its making.
type keyPair struct {
	id    string // 8 hex digits, shown to operators
	made  time.Time
	hash  [64]byte
	block [32]byte
}

// NewKeys returns fresh keys that are kept nowhere.
func NewKeys() *Keys {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	return &Keys{pairs: []keyPair{newPair()}, ledger: ed25519.NewKeyFromSeed(seed)}
}

func newPair() keyPair {
	p := keyPair{made: time.Now().UTC().Truncate(time.Second)}
	id := make([]byte, 4)
	rand.Read(id)
	p.id = fmt.Sprintf("%x", id)
	rand.Read(p.hash[:])
	rand.Read(p.block[:])
	return p
}

// derive returns n bytes that depend on the pair and on label (RFC 5869).
func (p *keyPair) derive(label string, n int) []byte {
	secret := append(append(make([]byte, 0, len(p.hash)+len(p.block)), p.hash[:]...), p.block[:]...)
	k, err := hkdf.Key(sha256.New, secret, nil, "lychgate/"+label, n)
	if err != nil {
		panic(err) // only for n over 255 * 32
	}
	return k
}

// Derive returns the 32-byte key in force for label, for an HMAC of the caller's.
// Labels are the caller's room and use: "proxy/relay".
func (k *Keys) Derive(label string) []byte { return k.pairs[0].derive("mac/"+label, 32) }

// DeriveAll returns the keys for label of every pair, the one in force first.
// What an older one signed is still valid.
func (k *Keys) DeriveAll(label string) [][]byte {
	all := make([][]byte, len(k.pairs))
	for i := range k.pairs {
		all[i] = k.pairs[i].derive("mac/"+label, 32)
	}
	return all
}

// MaxCookieBytes bounds a cookie's value before it is decoded.
const MaxCookieBytes = 1024

// A Codec writes and reads the value of one kind of cookie. It is safe for
// concurrent use.
type Codec struct{ codecs []securecookie.Codec }

// ErrCookie is what Decode returns for every value that is not to be believed,
// whatever is wrong with it.
var ErrCookie = errors.New("cookie cannot be verified")

// Signed returns the Codec whose values anybody may read and nobody may change.
// A value older than maxAge is refused.
func (k *Keys) Signed(label string, maxAge time.Duration) *Codec {
	return k.codec("signed/"+label, maxAge, false)
}

// Sealed returns the Codec whose values nobody but a gateway may read or change.
// A value older than maxAge is refused.
func (k *Keys) Sealed(label string, maxAge time.Duration) *Codec {
	return k.codec("sealed/"+label, maxAge, true)
}

func (k *Keys) codec(label string, maxAge time.Duration, seal bool) *Codec {
	c := &Codec{}
	for i := range k.pairs {
		var block []byte
		if seal {
			block = k.pairs[i].derive(label+"/block", 32) // AES-256
		}
		sc := securecookie.New(k.pairs[i].derive(label+"/hash", 64), block)
		sc.SetSerializer(securecookie.NopEncoder{})
		sc.MaxAge(int(maxAge / time.Second))
		sc.MaxLength(MaxCookieBytes)
		c.codecs = append(c.codecs, sc)
	}
	return c
}

// Encode returns value for a cookie called name. The name is part of what is
// signed. It fails if the result is longer than MaxCookieBytes.
func (c *Codec) Encode(name string, value []byte) (string, error) {
	return c.codecs[0].Encode(name, value)
}

// strictBase64 refuses bits beyond the last byte (RFC 4648 section 3.5).
var strictBase64 = base64.URLEncoding.Strict()

// canonical reports whether a value that can be decoded is spelt as Encode does.
// securecookie's decoder skips line ends, and bits beyond the last byte.
func canonical(cookie string) bool {
	if strings.IndexByte(cookie, '\n') >= 0 || strings.IndexByte(cookie, '\r') >= 0 {
		return false
	}
	_, err := strictBase64.DecodeString(cookie[max(0, len(cookie)-4):])
	return err == nil
}

// Decode returns what Encode was given, or ErrCookie.
func (c *Codec) Decode(name, cookie string) ([]byte, error) {
	if cookie == "" || len(cookie) > MaxCookieBytes {
		return nil, ErrCookie
	}
	if !canonical(cookie) {
		return nil, ErrCookie
	}
	var value []byte
	for _, one := range c.codecs {
		if one.Decode(name, cookie, &value) == nil {
			return value, nil
		}
	}
	return nil, ErrCookie
}
