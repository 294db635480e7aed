// Package consent decides, records and shows what one visitor agreed to.
//
// A [Gate] keeps one site. For every request [Gate.Of] says what its visitor has
// decided and hands out the [Grant] that follows; it costs a look into a map for
// those who answered today and one HMAC for the others. A form goes the other
// way: [Ledger] first, cookie second. When the ledger fails there is no yes, and
// always the no.
//
// # Why it is so
//
// The cookie holds no identifier. For all who answer alike on a day it is the
// same bytes: every combination of purposes is signed when the day begins, because
// a signature carries the second it was made in. Hence there is nothing by which
// a kept and restored cookie could be told from the first, and no revocation
// list; a withdrawal replaces the cookie on the device.
//
// What is asked is a list of purposes, services and hosts, whose version is its
// hash. Answers name the version they were about. An older one counts as long as
// its list named all that is in force, and every list that ever was in force is
// kept in a file named by its version, apart from the ledger, so that answers are
// judged alike after a restart, on every gateway, and while the ledger is broken.
//
// The ledger is one SQLite file, consent.db. Each record's text is a leaf of a
// tree (RFC 6962) whose head is signed in the same transaction: nobody without
// the key can change, drop or reorder records unseen, and nobody at all once
// somebody else holds a checkpoint. A leaf has a random salt. When retention
// erases a record and its salt, the hash that stays tells nothing, and the tree
// still verifies. The salt is also what makes a receipt the visitor's own.
//
// Keys derive from one file by use and site (RFC 5869), so that no room can make
// what another room believes.
package consent
