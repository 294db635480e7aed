package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// A cost is what one password costs to work on.
type cost struct {
	passes, memory uint32 // memory in KiB
	threads        uint8
}

// usualCost is RFC 9106's and OWASP's second choice for argon2id: it is meant for
// machines that also do something else.
var usualCost = cost{passes: 2, memory: 19 * 1024, threads: 1}

const (
	argonSalt = 16 // bytes
	argonKey  = 32 // bytes
)

// The lengths of a password. NIST SP 800-63B asks for length, and against rules
// on which characters it must hold.
const (
	MinPasswordCharacters = 12
	MaxPasswordBytes      = 256
)

// ErrPassword says that a password is not good enough; its text says why, to
// the person who chose it.
type ErrPassword string

func (e ErrPassword) Error() string { return string(e) }

// CheckPassword reports why password is not good enough for the account name.
func CheckPassword(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPasswordCharacters:
		return ErrPassword(fmt.Sprintf("Please choose at least %d characters. Three or four words are easy to remember.", MinPasswordCharacters))
	case len(password) > MaxPasswordBytes:
		return ErrPassword(fmt.Sprintf("Please choose a password of at most %d letters.", MaxPasswordBytes))
	case tooPlain(name, password):
		return ErrPassword("This password is among the first that somebody would try. Please choose another.")
	}
	return nil
}

// plainWords are what long but common passwords are made of, after digits and
// signs around them are taken away.
const plainWords = " password passwort passwords mypassword qwerty qwertyuiop qwertyuiopasdfghjkl asdfghjkl zxcvbnm" +
	" letmein letmeinplease welcome administrator admin changeme changemeplease iloveyou iloveyouforever trustno" +
	" correcthorsebatterystaple charity lychgate dashboard "

// unleet undoes the usual disguises of letters. It is never written to.
var unleet = strings.NewReplacer("0", "o", "3", "e", "1", "i", "@", "a", "$", "s")

// tooPlain reports whether the password is a common one dressed up: one of the
// usual words, perhaps twice, with digits and signs; one character again and
// again; a run of the keyboard; or little more than the account's own name.
func tooPlain(name, password string) bool {
	p := strings.ToLower(password)
	name = strings.ToLower(name)
	core := strings.TrimFunc(p, func(r rune) bool { return !unicode.IsLetter(r) && r != '@' && r != '$' })
	word := strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, unleet.Replace(core))
	if half := word[:len(word)/2]; half+half == word {
		word = half
	}
	switch {
	case word != "" && strings.Contains(plainWords, " "+word+" "):
		return true
	case len(name) >= 4 && strings.Contains(p, name) && len(p)-len(name) < 8:
		return true
	}
	return monotonous(p)
}

// monotonous reports whether p has few different characters or each follows from
// the one before.
func monotonous(p string) bool {
	distinct, steps := map[rune]bool{}, 0
	var last rune
	for _, r := range p {
		distinct[r] = true
		if r == last+1 || r == last-1 || r == last {
			steps++
		}
		last = r
	}
	return len(distinct) < 5 || steps >= utf8.RuneCountInString(p)-2
}

// hash is the password in PHC form.
func (c cost) hash(password string) string {
	salt := random(argonSalt)
	return c.phc(salt, argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, argonKey))
}

// unmatched is like a hash, and no password's: nobody knows one with its key. It
// takes none of the memory and time that a hash takes to make.
func (c cost) unmatched() string { return c.phc(random(argonSalt), random(argonKey)) }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// phc writes $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (c cost) phc(salt, key []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads,
		b.EncodeToString(salt), b.EncodeToString(key))
}

// verifyPassword reports whether password is the one that encoded was made of.
// Costs written by another version of the program are honoured up to a bound.
func verifyPassword(encoded, password string) bool {
	var version int
	var memory, passes uint32
	var threads uint8
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return false
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads); err != nil {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil || version != argon2.Version || len(key) < 16 ||
		memory > 256*1024 || passes < 1 || passes > 16 || threads < 1 || threads > 8 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}

// A hasher bounds how many passwords are worked on at once: each takes
// much memory, and the memory of a small server is for visitors.
type hasher struct {
	cost  cost
	slots chan struct{}
	// dummy is worked on when there is no such account, so that an answer takes
	// as long as with one.
	dummy string
}

func newHasher(c cost) *hasher {
	return &hasher{cost: c, slots: make(chan struct{}, 2), dummy: c.unmatched()}
}

// do runs f when there is room, or fails when ctx ends first.
func (h *hasher) do(ctx context.Context, f func()) error {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		f()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkPassword returns the account called name if password is its own, and
// ErrNoAccount for every other reason, after the same work.
func (h *hasher) checkPassword(ctx context.Context, a *Accounts, name, password string) (id int64, err error) {
	var encoded string
	err = a.db.Read.QueryRowContext(ctx, "SELECT id, password FROM accounts WHERE name = ?", name).Scan(&id, &encoded)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read account: %w", err)
	}
	known := err == nil && encoded != ""
	if !known || len(password) > MaxPasswordBytes {
		encoded, known = h.dummy, false
		password = password[:min(len(password), MaxPasswordBytes)]
	}
	var right bool
	if err := h.do(ctx, func() { right = verifyPassword(encoded, password) }); err != nil {
		return 0, err
	}
	if !right || !known {
		return 0, ErrNoAccount
	}
	return id, nil
}

// setPassword sets an account's password and ends all its sessions and links.
func (h *hasher) setPassword(ctx context.Context, a *Accounts, account int64, password string) error {
	var encoded string
	if err := h.do(ctx, func() { encoded = h.cost.hash(password) }); err != nil {
		return err
	}
	return a.tx(ctx, func(tx *sql.Tx) error {
		for _, stmt := range []string{
			"DELETE FROM sessions WHERE account = ?",
			"DELETE FROM links WHERE account = ?",
		} {
			if _, err := tx.ExecContext(ctx, stmt, account); err != nil {
				return fmt.Errorf("set password: %w", err)
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE accounts SET password = ? WHERE id = ?", encoded, account)
		return err
	})
}

// SetPassword sets the password of the account called name from the command
// line, ends its sessions and takes its second factors away: it is also the way
// back for whoever lost the phone.
func (a *Accounts) SetPassword(ctx context.Context, name, password string) error {
	if err := CheckPassword(name, password); err != nil {
		return err
	}
	account, err := a.ByName(ctx, name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := newHasher(usualCost).setPassword(ctx, a, account.ID, password); err != nil {
		return err
	}
	if err := a.tx(ctx, func(tx *sql.Tx) error { return dropFactors(ctx, tx, account.ID) }); err != nil {
		return err
	}
	return a.Note(ctx, AuditEntry{Act: "change password", What: account.Name})
}
