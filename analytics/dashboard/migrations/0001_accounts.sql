-- Accounts of the dashboard. Nothing in this file points to a visitor.

CREATE TABLE accounts (
	id       INTEGER PRIMARY KEY,
	name     TEXT NOT NULL UNIQUE COLLATE NOCASE, -- 1 to 64 characters, as typed at sign-in
	password TEXT NOT NULL DEFAULT '',            -- argon2id in PHC form; '' until its owner chose one
	created  INTEGER NOT NULL                     -- Unix seconds
) STRICT;

-- What an account may do, site by site.
CREATE TABLE roles (
	account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	site    TEXT NOT NULL, -- a site's id; '' for every site, also those to come
	role    TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
	PRIMARY KEY (account, site)
) STRICT, WITHOUT ROWID;

-- Signed-in browsers. No address, no user agent.
CREATE TABLE sessions (
	hash    BLOB PRIMARY KEY, -- SHA-256 of the id that the cookie holds
	account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	created INTEGER NOT NULL, -- Unix seconds
	seen    INTEGER NOT NULL  -- Unix seconds, at most a minute behind
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account);

-- Sign-in links that work once.
CREATE TABLE links (
	hash    BLOB PRIMARY KEY, -- SHA-256 of the token in the link
	account INTEGER REFERENCES accounts (id) ON DELETE CASCADE, -- NULL: makes the first account
	expires INTEGER NOT NULL  -- Unix seconds; 0: at the next start
) STRICT, WITHOUT ROWID;

-- Who did what, and when, for the question after a breach.
CREATE TABLE audit (
	id   INTEGER PRIMARY KEY,
	at   INTEGER NOT NULL, -- Unix seconds
	who  TEXT NOT NULL,    -- the account's name then; '' for the command line
	site TEXT NOT NULL,    -- '' when it concerns none
	act  TEXT NOT NULL,    -- a word of this program's: "sign in"
	what TEXT NOT NULL     -- what it was done to; never a number, an address or a secret
) STRICT;
CREATE INDEX audit_at ON audit (at);
