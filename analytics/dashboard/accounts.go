package dashboard

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lychgate/lychgate/internal/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A Role is what an account may do on a site. Each includes the ones before it.
type Role uint8

// The roles.
const (
	// NoRole sees nothing.
	NoRole Role = iota
	// Viewer sees the numbers.
	Viewer
	// Editor also writes notes on the chart and makes shared links and tokens.
	Editor
	// Owner also says who else may come in, and reads the log of what was done.
	Owner
)

var roleNames = [...]string{"none", "viewer", "editor", "owner"}

// String is the role's word, as on the command line.
func (r Role) String() string { return roleNames[r] }

// ParseRole is the inverse of String, but for "none".
func ParseRole(s string) (Role, error) {
	for r := Viewer; r <= Owner; r++ {
		if s == r.String() {
			return r, nil
		}
	}
	return NoRole, fmt.Errorf("role %q: want viewer, editor or owner", s)
}

// EverySite stands for all sites where a role is given.
const EverySite = ""

// What callers of Accounts tell apart.
var (
	ErrNoAccount = errors.New("there is no account of that name")
	ErrTaken     = errors.New("there is an account of that name already")
	ErrLastOwner = errors.New("this is the last account that may change everything")
	ErrBadName   = errors.New("a name has 1 to 64 characters, and no spaces at its ends")
)

// An Account is a person who may sign in.
type Account struct {
	ID   int64
	Name string
	// HasPassword is false until the person has chosen one.
	HasPassword bool
	// HasCode is true when an app on the person's phone shows codes.
	HasCode bool
	// HasPasskey is true when one of the person's devices keeps a passkey.
	HasPasskey bool
	// Roles are by site id; EverySite holds for all.
	Roles map[string]Role
}

// Role is what the account may do on site.
func (a Account) Role(site string) Role { return max(a.Roles[site], a.Roles[EverySite]) }

// SecondFactor reports whether the password alone does not sign in.
func (a Account) SecondFactor() bool { return a.HasCode || a.HasPasskey }

// OwnsAll reports whether the account may change everything.
func (a Account) OwnsAll() bool { return a.Roles[EverySite] == Owner }

// Accounts is admin.db: who may sign in, what they may do, and what they did.
// Its methods may be called beside a running gateway, from another process too.
type Accounts struct{ db *sqlite.DB }

// accountsFile is the name of the accounts in the data folder.
const accountsFile = "admin.db"

// OpenAccounts opens admin.db in the data folder dir, or makes it.
func OpenAccounts(ctx context.Context, dir string) (*Accounts, error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, accountsFile), migrations, sqlite.Options{Durable: true})
	if err != nil {
		return nil, err
	}
	return &Accounts{db}, nil
}

// Close closes the file.
func (a *Accounts) Close() error { return a.db.Close() }

// Add makes an account with one role and returns the path of a link by which
// its owner signs in once and chooses a password. The link holds for
// [InvitationLife].
func (a *Accounts) Add(ctx context.Context, name, site string, role Role) (link string, err error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	token := newToken()
	return signInPath(token), a.tx(ctx, func(tx *sql.Tx) error {
		id, err := insertAccount(ctx, tx, name, site, role)
		if err != nil {
			return err
		}
		return insertLink(ctx, tx, token, &id, time.Now().Add(InvitationLife).Unix())
	})
}

// checkName keeps names fit to be read in a list and typed into a form.
func checkName(name string) error {
	n := utf8.RuneCountInString(name)
	if n < 1 || n > 64 || !utf8.ValidString(name) || strings.TrimSpace(name) != name ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ErrBadName
	}
	return nil
}

func insertAccount(ctx context.Context, tx *sql.Tx, name, site string, role Role) (int64, error) {
	var id int64
	err := tx.QueryRowContext(ctx,
		"INSERT INTO accounts (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
		name, time.Now().Unix()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrTaken
	}
	if err != nil {
		return 0, fmt.Errorf("add account: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO roles (account, site, role) VALUES (?, ?, ?)", id, site, role.String())
	return id, err
}

// List returns all accounts by name.
func (a *Accounts) List(ctx context.Context) ([]Account, error) {
	return a.accounts(ctx, "")
}

// ByName returns one account, or ErrNoAccount. Case does not matter.
func (a *Accounts) ByName(ctx context.Context, name string) (Account, error) {
	return one(a.accounts(ctx, "WHERE a.name = ?", name))
}

// byID returns one account, or ErrNoAccount.
func (a *Accounts) byID(ctx context.Context, id int64) (Account, error) {
	return one(a.accounts(ctx, "WHERE a.id = ?", id))
}

func one(all []Account, err error) (Account, error) {
	if err == nil && len(all) != 1 {
		err = ErrNoAccount
	}
	if err != nil {
		return Account{}, err
	}
	return all[0], nil
}

func (a *Accounts) accounts(ctx context.Context, where string, args ...any) (all []Account, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read accounts: %w", err)
		}
	}()
	rows, err := a.db.Read.QueryContext(ctx, `SELECT a.id, a.name, a.password <> '', a.totp IS NOT NULL,
		EXISTS (SELECT 1 FROM passkeys k WHERE k.account = a.id), r.site, r.role
		FROM accounts a LEFT JOIN roles r ON r.account = a.id `+where+` ORDER BY a.name, a.id, r.site`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x Account
		var site, role sql.NullString
		if err := rows.Scan(&x.ID, &x.Name, &x.HasPassword, &x.HasCode, &x.HasPasskey, &site, &role); err != nil {
			return nil, err
		}
		if len(all) == 0 || all[len(all)-1].ID != x.ID {
			x.Roles = map[string]Role{}
			all = append(all, x)
		}
		if role.Valid {
			if all[len(all)-1].Roles[site.String], err = ParseRole(role.String); err != nil {
				return nil, err
			}
		}
	}
	return all, rows.Err()
}

// SetRole gives an account a role on a site, or takes it away with NoRole. It
// refuses to take the role of the last owner of everything.
func (a *Accounts) SetRole(ctx context.Context, name, site string, role Role) error {
	return a.tx(ctx, func(tx *sql.Tx) error {
		id, err := accountID(ctx, tx, name)
		if err != nil {
			return err
		}
		return keepOwner(ctx, tx, func() error {
			if role == NoRole {
				_, err = tx.ExecContext(ctx, "DELETE FROM roles WHERE account = ? AND site = ?", id, site)
			} else {
				_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO roles (account, site, role) VALUES (?, ?, ?)",
					id, site, role.String())
			}
			if err != nil {
				return fmt.Errorf("set role: %w", err)
			}
			return nil
		})
	})
}

// Remove deletes an account with its sessions and links. It refuses to delete
// the last owner of everything.
func (a *Accounts) Remove(ctx context.Context, name string) error {
	return a.tx(ctx, func(tx *sql.Tx) error {
		id, err := accountID(ctx, tx, name)
		if err != nil {
			return err
		}
		return keepOwner(ctx, tx, func() error {
			if _, err := tx.ExecContext(ctx, "DELETE FROM accounts WHERE id = ?", id); err != nil {
				return fmt.Errorf("remove account: %w", err)
			}
			return nil
		})
	})
}

// keepOwner does change, and fails when it took the last account that may change
// everything. Where there was none before, nothing is taken.
func keepOwner(ctx context.Context, tx *sql.Tx, change func() error) error {
	var before, after int
	const owners = "SELECT COUNT(*) FROM roles WHERE site = '' AND role = 'owner'"
	if err := tx.QueryRowContext(ctx, owners).Scan(&before); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, owners).Scan(&after); err != nil {
		return err
	}
	if before > 0 && after == 0 {
		return ErrLastOwner
	}
	return nil
}

func accountID(ctx context.Context, tx *sql.Tx, name string) (id int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT id FROM accounts WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNoAccount
	}
	return id, err
}

// tx runs f in one transaction.
func (a *Accounts) tx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := a.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
