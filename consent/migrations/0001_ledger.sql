-- A tree is one append-only log (RFC 6962) of decisions. A ledger has one, and
-- begins another only when it was restored from a backup.
CREATE TABLE trees (
	tree       INTEGER PRIMARY KEY, -- from 1; the greatest is the one in use
	origin     TEXT NOT NULL UNIQUE, -- name in checkpoints: "lychgate/" and 16 random hex digits
	verifier   TEXT NOT NULL,        -- public key of its checkpoints, in the form of sumdb/note
	follows    TEXT NOT NULL,        -- after a restore: the last checkpoint of the tree before and what was lost; else ''
	erased     INTEGER NOT NULL,     -- records before this sequence were erased by retention
	checkpoint TEXT NOT NULL         -- signed, of the newest commit
) STRICT;

-- A record is one visitor's answer. No address, no user agent, no identity.
CREATE TABLE records (
	tree     INTEGER NOT NULL,
	seq      INTEGER NOT NULL, -- from 0, without gaps: the leaf's place in the tree
	site     TEXT NOT NULL,    -- canonical host
	hour     INTEGER NOT NULL, -- hours since 1970-01-01 00:00 UTC; the order within is seq
	decision TEXT NOT NULL,    -- accept, decline, withdraw
	purposes TEXT NOT NULL,    -- ids granted, in the list's order, with commas
	policy   TEXT NOT NULL,    -- documents.hash of the list shown
	words    TEXT NOT NULL,    -- documents.hash of the question as shown
	language TEXT NOT NULL,    -- BCP 47
	way      TEXT NOT NULL,    -- banner, page, embed, gpc-override
	salt     BLOB NOT NULL,    -- 16 random bytes, part of the leaf, so that its hash tells nothing once the row is erased
	PRIMARY KEY (tree, seq)
) STRICT, WITHOUT ROWID;

-- The hashes of the tree, in the order of tlog.StoredHashIndex. They stay.
CREATE TABLE hashes (
	tree INTEGER NOT NULL,
	idx  INTEGER NOT NULL,
	hash BLOB NOT NULL, -- SHA-256
	PRIMARY KEY (tree, idx)
) STRICT, WITHOUT ROWID;

-- What records refer to: lists of purposes, questions as shown.
CREATE TABLE documents (
	hash TEXT PRIMARY KEY, -- SHA-256 of the body, hex
	kind TEXT NOT NULL,    -- policy, words
	body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
