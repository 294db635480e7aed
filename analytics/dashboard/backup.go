package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// Backup copies the accounts of the data folder dir to the folder to, beside a
// dashboard that is in use. A folder without accounts is no error.
func Backup(ctx context.Context, dir, to string) error {
	from := filepath.Join(dir, accountsFile)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := sqlite.Open(ctx, from, migrations, sqlite.Options{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("back up accounts: %w", err)
	}
	if err := errors.Join(db.Copy(ctx, filepath.Join(to, accountsFile)), db.Close()); err != nil {
		return fmt.Errorf("back up accounts: %w", err)
	}
	return sqlite.Check(ctx, filepath.Join(to, accountsFile))
}
