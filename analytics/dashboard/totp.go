package dashboard

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, and all that common apps understand
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// Codes of six digits that change every half minute (RFC 6238), from an app on
// the admin's phone.
const (
	totpStep   = 30 * time.Second
	totpSecret = 20 // bytes, RFC 4226 section 4
)

func newTOTP() []byte {
	secret := make([]byte, totpSecret)
	rand.Read(secret)
	return secret
}

// totpCode is the code of a secret for one time step (RFC 4226 section 5.3).
func totpCode(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	binary.Write(m, binary.BigEndian, step) //nolint:errcheck // a hash takes everything
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

// verifyTOTP returns the time step that code is of: the running one, or the one
// before or after, for clocks that differ. A step up to used has been used and
// works no more (RFC 6238 section 5.2). It takes the same time for every code.
func verifyTOTP(secret []byte, code string, now time.Time, used int64) (step int64, ok bool) {
	current := now.Unix() / int64(totpStep/time.Second)
	for s := current - 1; s <= current+1; s++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(secret, s)), []byte(code)) == 1 && s > used {
			step, ok = s, true
		}
	}
	return step, ok
}

// totpText is the secret as people type it into an app.
func totpText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// totpURI is the secret as a QR code tells it to an app.
func totpURI(secret []byte, account, host string) string {
	label := url.PathEscape("lychgate " + host + ":" + account)
	return "otpauth://totp/" + label + "?secret=" + totpText(secret) + "&issuer=" + url.QueryEscape("lychgate "+host)
}

// A safe seals what admin.db must be able to read back, with a key of the key
// file: a stolen admin.db alone gives no code.
type safe struct{ keys *consent.Keys }

const safeLabel = "dashboard/totp"

// seal encrypts secret for one account.
func (s safe) seal(secret []byte, account int64) ([]byte, error) {
	g, err := gcm(s.keys.Derive(safeLabel))
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, g.NonceSize())
	rand.Read(nonce)
	return g.Seal(nonce, nonce, secret, accountTag(account)), nil
}

// errSealed says that a secret was sealed with keys that are gone.
var errSealed = errors.New("second factor cannot be read with the present key file")

// open is the inverse of seal, also for keys that were rotated since.
func (s safe) open(sealed []byte, account int64) ([]byte, error) {
	for _, key := range s.keys.DeriveAll(safeLabel) {
		g, err := gcm(key)
		if err != nil {
			return nil, err
		}
		if len(sealed) < g.NonceSize() {
			break
		}
		n := g.NonceSize()
		if secret, err := g.Open(nil, sealed[:n], sealed[n:], accountTag(account)); err == nil {
			return secret, nil
		}
	}
	return nil, errSealed
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// accountTag binds a sealed secret to its account.
func accountTag(id int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }
