package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// setDamagedAside looks through stored certificates and accounts before they are
// loaded, and moves what cannot be read into a folder "damaged" beside them. One
// bad file would otherwise keep every site from starting; set aside, it costs
// one order.
func setDamagedAside(dir string, log *slog.Logger) error {
	check := func(pattern string, sound func(folder string) error) error {
		folders, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, folder := range folders {
			bad := sound(folder)
			if bad == nil {
				continue
			}
			log.Warn("stored files are damaged and set aside", "folder", folder, "err", bad)
			if err := setAside(dir, folder); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.Join(
		check("certificates/*/*", soundCertificate),
		check("acme/*/users/*", soundAccount),
	)
}

// setAside moves folder to a free name under dir/damaged.
func setAside(dir, folder string) error {
	if err := os.MkdirAll(filepath.Join(dir, "damaged"), 0o700); err != nil {
		return err
	}
	for i := range 1000 {
		to := filepath.Join(dir, "damaged", fmt.Sprintf("%s-%d", filepath.Base(folder), i))
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(folder, to)
		}
	}
	return fmt.Errorf("%s holds a thousand damaged folders: find out what damages them, then empty it", filepath.Join(dir, "damaged"))
}

// soundCertificate reports what is wrong with the three files of one name.
func soundCertificate(folder string) error {
	name := filepath.Join(folder, filepath.Base(folder))
	if _, err := tls.LoadX509KeyPair(name+".crt", name+".key"); err != nil {
		return err
	}
	// LoadX509KeyPair reads the leaf only; the chain behind it is sent as well.
	rest, err := os.ReadFile(name + ".crt")
	if err != nil {
		return err
	}
	for len(strings.TrimSpace(string(rest))) > 0 {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return fmt.Errorf("%s.crt: ends in bytes that are not PEM", filepath.Base(folder))
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return err
		}
	}
	return soundJSON(name + ".json")
}

// soundAccount reports what is wrong with the files of one account.
func soundAccount(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		switch filepath.Ext(file) {
		case ".json":
			if err := soundJSON(file); err != nil {
				return err
			}
		case ".key":
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if block, _ := pem.Decode(data); block == nil {
				return fmt.Errorf("%s: not PEM", filepath.Base(file))
			} else if _, err := x509.ParseECPrivateKey(block.Bytes); err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
		}
	}
	return nil
}

func soundJSON(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}
