package dashboard

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

// A passkey is a key that an admin's device keeps and uses only after it has
// made sure of its owner, by finger, face or PIN. It is two factors in one: it
// signs in by itself, and it is a second factor after the password.
type passkey struct {
	ID      int64
	Name    string // as its owner calls it
	Host    string // the host on which it works
	Created time.Time
	Used    string // day of the last use, as a date; empty: never

	record webauthn.Credential
}

// maxPasskeys bounds the passkeys of one account.
const maxPasskeys = 20

// A holder is an account as the WebAuthn library knows it: with those of its
// passkeys that work on one host.
type holder struct {
	account Account
	handle  []byte
	keys    []passkey
}

func (h holder) WebAuthnID() []byte          { return h.handle }
func (h holder) WebAuthnName() string        { return h.account.Name }
func (h holder) WebAuthnDisplayName() string { return h.account.Name }

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(h.keys))
	for i, k := range h.keys {
		all[i] = k.record
	}
	return all
}

// passkeys returns all passkeys of an account, the oldest first.
func (a *Accounts) passkeys(ctx context.Context, account int64) (all []passkey, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read passkeys: %w", err)
		}
	}()
	rows, err := a.db.Read.QueryContext(ctx,
		"SELECT id, name, host, record, created, used FROM passkeys WHERE account = ? ORDER BY id", account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k passkey
		var record []byte
		var created int64
		if err := rows.Scan(&k.ID, &k.Name, &k.Host, &record, &created, &k.Used); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(record, &k.record); err != nil {
			return nil, err
		}
		k.Created = time.Unix(created, 0).UTC()
		all = append(all, k)
	}
	return all, rows.Err()
}

// holder returns the account with its passkeys of host. An account gets the
// handle by which passkeys know it when it is first asked for.
func (a *Accounts) holder(ctx context.Context, account int64, host string) (h holder, err error) {
	if h.account, err = a.byID(ctx, account); err != nil {
		return h, err
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	err = a.db.Write.QueryRowContext(ctx,
		"UPDATE accounts SET handle = coalesce(handle, ?) WHERE id = ? RETURNING handle", fresh, account).Scan(&h.handle)
	if err != nil {
		return h, fmt.Errorf("read passkey handle: %w", err)
	}
	all, err := a.passkeys(ctx, account)
	for _, k := range all {
		if k.Host == host {
			h.keys = append(h.keys, k)
		}
	}
	return h, err
}

// holderOf returns the account that passkeys of host know by handle.
func (a *Accounts) holderOf(ctx context.Context, handle []byte, host string) (holder, error) {
	var id int64
	err := a.db.Read.QueryRowContext(ctx, "SELECT id FROM accounts WHERE handle = ?", handle).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return holder{}, ErrNoAccount
	}
	if err != nil {
		return holder{}, fmt.Errorf("read passkey handle: %w", err)
	}
	return a.holder(ctx, id, host)
}

// addPasskey keeps a passkey. Of what the device told about itself only the
// record is kept that later sign-ins are checked against.
func (a *Accounts) addPasskey(ctx context.Context, account int64, name, host string, c *webauthn.Credential) error {
	kept := *c
	kept.Attestation = webauthn.CredentialAttestation{}
	record, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("add passkey: %w", err)
	}
	_, err = a.db.Write.ExecContext(ctx, "INSERT INTO passkeys (account, name, host, credential, record, created) VALUES (?, ?, ?, ?, ?, ?)",
		account, name, host, c.ID, string(record), time.Now().Unix())
	if err != nil {
		return fmt.Errorf("add passkey: %w", err)
	}
	return nil
}

// notePasskey keeps the counter and flags of a passkey that was just used.
func (a *Accounts) notePasskey(ctx context.Context, c *webauthn.Credential) error {
	record, err := json.Marshal(c)
	if err == nil {
		_, err = a.db.Write.ExecContext(ctx, "UPDATE passkeys SET record = ?, used = ? WHERE credential = ?",
			string(record), time.Now().UTC().Format(isoDate), c.ID)
	}
	if err != nil {
		return fmt.Errorf("note passkey: %w", err)
	}
	return nil
}

// removePasskey takes one passkey of an account away and returns its name.
func (a *Accounts) removePasskey(ctx context.Context, account, id int64) (name string, err error) {
	err = a.db.Write.QueryRowContext(ctx, "DELETE FROM passkeys WHERE id = ? AND account = ? RETURNING name", id, account).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errNotFound
	}
	return name, err
}
