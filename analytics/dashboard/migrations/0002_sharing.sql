-- The second factor, and everything by which numbers leave the dashboard.

-- The secret of the code generator, sealed with a key of the key file; NULL: none.
ALTER TABLE accounts ADD COLUMN totp BLOB;
-- The last time step whose code was used: no code works twice.
ALTER TABLE accounts ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;
-- 1 after the password and before the code: the session opens no page yet.
ALTER TABLE sessions ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;

-- Notes on the chart: "appeal sent".
CREATE TABLE annotations (
	id   INTEGER PRIMARY KEY,
	site TEXT NOT NULL,
	day  TEXT NOT NULL, -- date in the site's zone, 2006-01-02
	note TEXT NOT NULL  -- at most 120 characters
) STRICT;
CREATE INDEX annotations_site ON annotations (site, day);

-- Shared links and tokens of the statistics API. Neither is an account: they
-- show one site in rounded numbers and change nothing.
CREATE TABLE keys (
	id      INTEGER PRIMARY KEY,
	kind    TEXT NOT NULL CHECK (kind IN ('link', 'token')),
	site    TEXT NOT NULL,
	name    TEXT NOT NULL,        -- whom it was given to
	hash    BLOB NOT NULL UNIQUE, -- SHA-256 of the secret
	created INTEGER NOT NULL,     -- Unix seconds
	expires INTEGER NOT NULL,     -- Unix seconds
	used    TEXT NOT NULL DEFAULT '' -- day of the last use, UTC
) STRICT;
CREATE INDEX keys_site ON keys (site, kind);

-- Who gets the monthly report.
CREATE TABLE letters (
	site    TEXT NOT NULL,
	address TEXT NOT NULL COLLATE NOCASE,
	sent    TEXT NOT NULL DEFAULT '', -- the last month reported, 2006-01
	PRIMARY KEY (site, address)
) STRICT, WITHOUT ROWID;
