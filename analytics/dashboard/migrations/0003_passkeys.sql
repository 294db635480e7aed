-- Passkeys (WebAuthn): the public half of keys that admins' devices keep.

-- What passkeys know an account by: random, so that a device tells nobody whose
-- it is; NULL until the first passkey.
ALTER TABLE accounts ADD COLUMN handle BLOB;

CREATE TABLE passkeys (
	id         INTEGER PRIMARY KEY,
	account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	name       TEXT NOT NULL,        -- as its owner calls it: "phone"
	host       TEXT NOT NULL,        -- where it works: the relying party's id
	credential BLOB NOT NULL UNIQUE, -- the credential's id
	record     TEXT NOT NULL,        -- credential record as JSON: public key, counter, flags; no attestation
	created    INTEGER NOT NULL,     -- Unix seconds
	used       TEXT NOT NULL DEFAULT '' -- day of the last use, UTC
) STRICT;
CREATE INDEX passkeys_account ON passkeys (account);
