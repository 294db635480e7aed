package consent

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a visitor did.
const (
	Accept   = "accept" // to at least one purpose
	Decline  = "decline"
	Withdraw = "withdraw"
)

// Where a visitor did it.
const (
	WayBanner = "banner"
	WayPage   = "page"
	WayEmbed  = "embed"
	// WayGPC is an accept by a visitor whose browser sends Sec-GPC: the later,
	// explicit word wins.
	WayGPC = "gpc-override"
)

// A Record is one visitor's answer as the ledger keeps it (GDPR Art. 7(1)). It
// has no address, no user agent and no identity.
type Record struct {
	Site     string
	Hour     time.Time // UTC, cut to the hour
	Decision string    // Accept, Decline, Withdraw
	Purposes []string  // ids granted; none unless Accept
	Policy   string    // SHA-256 of the list shown, in hex; its version is how that begins
	Words    string    // SHA-256 of the question as shown, in hex
	Language string    // BCP 47
	Way      string    // WayBanner, WayPage, WayEmbed, WayGPC
	// Salt is 16 random bytes. It makes the leaf's hash say nothing once the
	// record is erased, and it is what proves a receipt to be the visitor's own.
	Salt []byte
}

// A Document is a text that records refer to by its hash: a list of purposes,
// or a question as it was shown.
type Document struct {
	Kind string // kindPolicy or kindWords
	Body []byte
}

const (
	kindPolicy = "policy"
	kindWords  = "words"
)

const saltBytes = 16

func newSalt() []byte {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	return salt
}

const hourForm = "2006-01-02T15Z"

// leaf is the text whose hash is the record's leaf in the tree. It is meant to
// be read by people too: a receipt shows it as it is.
func (r *Record) leaf(seq int64) []byte {
	return fmt.Appendf(nil, "lychgate consent record 1\nsequence %d\nsite %s\nhour %s\ndecision %s\npurposes %s\npolicy %s\nwords %s\nlanguage %s\nway %s\nsalt %x\n",
		seq, r.Site, r.Hour.UTC().Format(hourForm), r.Decision, strings.Join(r.Purposes, ","), r.Policy, r.Words, r.Language, r.Way, r.Salt)
}

var errRecord = errors.New("not a record")

// check refuses a record whose leaf could be read in two ways.
func (r *Record) check() error {
	for _, s := range append(slices.Clone(r.Purposes), r.Site, r.Policy, r.Words, r.Language) {
		if strings.ContainsAny(s, "\n, ") || s == "" {
			return fmt.Errorf("%w: field %q", errRecord, s)
		}
	}
	switch {
	case r.Decision != Accept && r.Decision != Decline && r.Decision != Withdraw,
		(r.Decision == Accept) != (len(r.Purposes) > 0):
		return fmt.Errorf("%w: decision %q", errRecord, r.Decision)
	case !slices.Contains([]string{WayBanner, WayPage, WayEmbed, WayGPC}, r.Way):
		return fmt.Errorf("%w: way %q", errRecord, r.Way)
	case len(r.Salt) != saltBytes:
		return fmt.Errorf("%w: salt of %d bytes", errRecord, len(r.Salt))
	}
	return nil
}
