package dashboard

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// Backup copies the accounts of the data folder dir to the folder to, beside a
// dashboard that is in use. A folder without accounts is no error.
func Backup(ctx context.Context, dir, to string) error {
	err := sqlite.Backup(ctx, filepath.Join(dir, accountsFile), filepath.Join(to, accountsFile), migrations)
	if err != nil {
		return fmt.Errorf("back up accounts: %w", err)
	}
	return nil
}
