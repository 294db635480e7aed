package analytics

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/lychgate/lychgate/consent"
)

// sourceFields sign what the banner's form carries from an arrival to the accept:
// where the visit came from and on which page it landed. It holds neither time
// nor nonce, so that everybody who arrives there that way on that day gets the
// same bytes. Nothing of it is stored unless the visitor agrees.
type sourceFields struct {
	keys [][]byte // the one in force first
}

const (
	sourceLabel     = "analytics/source"
	sourceMACBytes  = 16
	maxSourceFieldB = 1024
)

func newSourceFields(keys *consent.Keys) *sourceFields {
	return &sourceFields{keys: keys.DeriveAll(sourceLabel)}
}

func sourceMAC(key []byte, site string, payload []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(site))
	m.Write([]byte{0})
	m.Write(payload)
	return m.Sum(nil)[:sourceMACBytes]
}

// sign returns the field.
func (f *sourceFields) sign(site string, day int32, from attribution, entry string) string {
	b := binary.AppendUvarint(nil, uint64(day))
	b = append(b, byte(from.Channel))
	for _, s := range []string{from.Source, from.Campaign, from.Medium, from.Term, from.Content, entry} {
		b = appendText(b, s)
	}
	b = append(b, sourceMAC(f.keys[0], site, b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// verify reads a field that was signed on the day today or the day before.
func (f *sourceFields) verify(site string, today int32, field string) (attribution, bool) {
	if field == "" || len(field) > maxSourceFieldB {
		return attribution{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(field)
	if err != nil || len(b) <= sourceMACBytes {
		return attribution{}, false
	}
	payload, mac := b[:len(b)-sourceMACBytes], b[len(b)-sourceMACBytes:]
	good := false
	for _, key := range f.keys {
		good = good || hmac.Equal(mac, sourceMAC(key, site, payload))
	}
	if !good {
		return attribution{}, false
	}
	r := newStateReader(payload)
	day := int32(r.number(1 << 30))
	a := attribution{Channel: Channel(r.byte())}
	a.Source, a.Campaign = r.text(maxSourceBytes), r.text(maxCampaignBytes)
	a.Medium, a.Term, a.Content = r.text(maxOnceBytes), r.text(maxOnceBytes), r.text(maxOnceBytes)
	r.text(maxPageBytes) // the landing page, which the view after the accept repeats
	fresh := day <= today && today-day <= 1
	return a, fresh && !r.bad && len(r.rest) == 0 && a.Channel < channels
}
