package consent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CheckpointFile is the name of the copy of the last checkpoint in the data
// folder. Sent to the trustees now and then, it lets somebody else than the
// owner prove that nothing was rewritten since.
const CheckpointFile = "consent.checkpoint"

// A checkpoint is the signed head of a tree, in the form of C2SP tlog-checkpoint:
// origin, size and root, each on its line. Two lines may follow: "erased N" when
// retention has erased the records before sequence N, and "follows ..." in a tree
// that was begun after a restore.
type checkpoint struct {
	origin  string
	tree    tlog.Tree
	erased  int64
	follows string
}

var errCheckpoint = errors.New("not a checkpoint of this ledger")

const (
	erasedMark  = "erased "
	followsMark = "follows "
)

func (c checkpoint) text() string {
	b := fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.tree.N, c.tree.Hash)
	if c.erased > 0 {
		b += fmt.Sprintf("%s%d\n", erasedMark, c.erased)
	}
	if c.follows != "" {
		b += followsMark + c.follows + "\n"
	}
	return b
}

// parseCheckpoint reads the text of a checkpoint, whose signature was checked.
func parseCheckpoint(text string) (c checkpoint, err error) {
	f := strings.Split(text, "\n")
	if len(f) < 4 || f[len(f)-1] != "" {
		return c, errCheckpoint
	}
	c.origin = f[0]
	if c.tree.N, err = parseSize(f[1]); err != nil {
		return c, err
	}
	if c.tree.Hash, err = tlog.ParseHash(f[2]); err != nil {
		return c, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	for _, line := range f[3 : len(f)-1] {
		if n, ok := strings.CutPrefix(line, erasedMark); ok {
			if c.erased, err = parseSize(n); err != nil {
				return c, err
			}
		} else if c.follows, ok = strings.CutPrefix(line, followsMark); !ok {
			return c, errCheckpoint
		}
	}
	if c.erased > c.tree.N || c.text() != text {
		return c, errCheckpoint
	}
	return c, nil
}

// parseSize reads a count in the one form in which we write it.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%w: number %q", errCheckpoint, s)
	}
	return n, nil
}

// algEd25519 marks keys of that algorithm in sumdb/note.
const algEd25519 = 1

// verifier is the public key under the name of a tree, to be handed out.
func (k *Keys) verifier(name string) string {
	v, err := note.NewEd25519VerifierKey(name, k.ledger.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // an Ed25519 key and a name we made
	}
	return v
}

// signCheckpoint signs c under the name of its tree. The package note keeps its
// way of naming keys to itself, hence the spelling out of a key's text form.
func (k *Keys) signCheckpoint(c checkpoint) ([]byte, error) {
	public := append([]byte{algEd25519}, k.ledger.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(c.origin+"\n"), public...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", c.origin, binary.BigEndian.Uint32(id[:4]),
		base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, k.ledger.Seed()...))))
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: c.text()}, signer)
}

// openCheckpoint verifies a checkpoint of the tree called origin. It accepts only
// the very text that we signed: the package note reads several spellings of one
// signature, and Ed25519 (RFC 8032) makes but one.
func (k *Keys) openCheckpoint(origin string, signed []byte) (checkpoint, error) {
	c, err := openCheckpoint(origin, k.verifier(origin), signed)
	if err != nil {
		return c, err
	}
	if again, err := k.signCheckpoint(c); err != nil || !bytes.Equal(again, signed) {
		return c, errCheckpoint
	}
	return c, nil
}

// openCheckpoint verifies a checkpoint by a public key.
func openCheckpoint(origin, verifier string, signed []byte) (c checkpoint, err error) {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return c, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return c, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	if c, err = parseCheckpoint(n.Text); err != nil {
		return c, err
	}
	if c.origin != origin {
		return c, fmt.Errorf("%w: it names %q", errCheckpoint, c.origin)
	}
	return c, nil
}
