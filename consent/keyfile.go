package consent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lychgate/lychgate/internal/durable"
)

// ErrKeys says that a key file is there but cannot be used. The gateway then
// serves every page held, because a new file would quietly turn every visitor's
// answer into none.
var ErrKeys = errors.New("key file cannot be used")

const keyFileHead = `# The keys of lychgate. Whoever reads this file can forge visitors' answers:
# keep it readable by lychgate alone (mode 0600), and keep a copy of it with
# your backups. Gateways that serve the same sites share one copy.
# Change it with "lychgate keys rotate", never by hand.
`

// OpenKeys reads the key file at path. At the first start, when there is neither
// a key file nor a consent.db beside it or in one of the folders data, it makes
// one. A file that is damaged, that others may read, or that is missing although
// consents were recorded is an error wrapping ErrKeys: it is never made anew
// silently.
func OpenKeys(path string, data ...string) (*Keys, error) {
	k, err := readKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	for _, dir := range append(data, filepath.Dir(path)) {
		ledger := filepath.Join(dir, LedgerFile)
		if _, err := os.Stat(ledger); err == nil {
			return nil, fmt.Errorf("%w: %s is missing, but %s has records signed with it: put the file back from a backup, "+
				"or move the ledger away to begin anew (every visitor is then asked again)", ErrKeys, path, ledger)
		}
	}
	k = NewKeys()
	if err := durable.Create(path, k.marshal()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	return readKeys(path) // another gateway may have been faster
}

// RotateKeys puts a fresh pair in front of the key file at path and drops the
// pairs that were replaced longer than keep ago: by then every cookie made with
// them has expired. It returns the new pair's id. Running gateways take it up
// when they start again.
func RotateKeys(path string, keep time.Duration) (id string, err error) {
	k, err := readKeys(path)
	if err != nil {
		return "", err
	}
	pairs := []keyPair{newPair()}
	for i := range k.pairs {
		// A pair made cookies until its successor was made.
		if time.Since(pairs[i].made) > keep {
			break
		}
		pairs = append(pairs, k.pairs[i])
	}
	k.pairs = pairs
	if err := durable.Replace(path, k.marshal()); err != nil {
		return "", fmt.Errorf("write key file: %w", err)
	}
	return pairs[0].id, nil
}

func readKeys(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: others may read %s (mode %04o): run chmod 600 %s", ErrKeys, path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrKeys, path, err)
	}
	k, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is damaged (%w): put it back from a backup", ErrKeys, path, err)
	}
	return k, nil
}

// parseKeys reads the text of a key file: comments, one line "pair ID DATE HASH
// BLOCK" for each pair, newest first, one line "ledger SEED", and last the
// SHA-256 of all before it, so that no half-copied file passes for a whole one.
func parseKeys(text []byte) (*Keys, error) {
	at := bytes.LastIndex(text, []byte("\nsha256 "))
	if at < 0 {
		return nil, errors.New("its last line is missing")
	}
	body, sum := text[:at+1], strings.TrimSuffix(string(text[at+len("\nsha256 "):]), "\n")
	if want := sha256.Sum256(body); sum != hex.EncodeToString(want[:]) {
		return nil, errors.New("its checksum is wrong")
	}
	k := &Keys{}
	for i, line := range strings.Split(string(body), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := k.parseLine(strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if len(k.pairs) == 0 || k.ledger == nil {
		return nil, errors.New("a key is missing")
	}
	return k, nil
}

func (k *Keys) parseLine(f []string) error {
	switch {
	case len(f) == 5 && f[0] == "pair":
		made, err := time.Parse(time.RFC3339, f[2])
		if err != nil {
			return err
		}
		p := keyPair{id: f[1], made: made}
		if err := errors.Join(decodeKey(p.hash[:], f[3]), decodeKey(p.block[:], f[4])); err != nil {
			return err
		}
		k.pairs = append(k.pairs, p)
	case len(f) == 2 && f[0] == "ledger" && k.ledger == nil:
		seed := make([]byte, ed25519.SeedSize)
		if err := decodeKey(seed, f[1]); err != nil {
			return err
		}
		k.ledger = ed25519.NewKeyFromSeed(seed)
	default:
		return errors.New("not a key")
	}
	return nil
}

// decodeKey fills dst from base64 of exactly its length.
func decodeKey(dst []byte, s string) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return err
	}
	if len(b) != len(dst) {
		return fmt.Errorf("a key of %d bytes, want %d", len(b), len(dst))
	}
	copy(dst, b)
	return nil
}

func (k *Keys) marshal() []byte {
	b := bytes.NewBufferString(keyFileHead)
	b64 := base64.StdEncoding.EncodeToString
	for i := range k.pairs {
		p := &k.pairs[i]
		fmt.Fprintf(b, "pair %s %s %s %s\n", p.id, p.made.Format(time.RFC3339), b64(p.hash[:]), b64(p.block[:]))
	}
	fmt.Fprintf(b, "ledger %s\n", b64(k.ledger.Seed()))
	fmt.Fprintf(b, "sha256 %x\n", sha256.Sum256(b.Bytes()))
	return b.Bytes()
}
