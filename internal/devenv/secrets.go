package devenv

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"durapay/internal/config"
)

// Secrets are the keys and passwords of one data folder, by environment variable.
type Secrets map[string]string

// drawn lists each secret with the way it is drawn.
func drawn() []struct {
	name string
	draw func() string
} {
	return []struct {
		name string
		draw func() string
	}{
		{config.PIIKeys, keyRing},
		{config.IndexKey, key},
		{config.CodecKeys, keyRing},
		{config.TokenKeys, keyRing}, // the seed of an Ed25519 key is 32 random bytes
		{config.OperatorPassword, password},
		{config.MySQLPassword, password},
		{config.BankCallbackSecret, webhookSecret},
	}
}

const keyBytes, passwordBytes = 32, 12

func key() string     { return base64.StdEncoding.EncodeToString(random(keyBytes)) }
func keyRing() string { return "dev1:" + key() }

// webhookSecret is written as the Standard Webhooks specification has it.
func webhookSecret() string { return "whsec_" + key() }

func password() string { return hex.EncodeToString(random(passwordBytes)) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// LoadSecrets reads the secrets of a data folder, and draws those it lacks once. A
// variable that is set in the environment wins over the file and is not stored.
// It refuses a folder that holds a database and no secrets: what is encrypted in
// it could not be read with new ones.
func LoadSecrets(dir Layout, getenv func(string) string) (Secrets, error) {
	stored, err := readEnvFile(dir.SecretsFile())
	if errors.Is(err, fs.ErrNotExist) {
		if _, dbErr := os.Stat(dir.MariaDB()); dbErr == nil {
			return nil, fmt.Errorf("%s is missing and the database cannot be read without it: put it back, or begin anew with --reset",
				dir.SecretsFile())
		}
		stored, err = Secrets{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	all, changed := Secrets{}, false
	for _, secret := range drawn() {
		value := getenv(secret.name)
		if value == "" {
			if stored[secret.name] == "" {
				stored[secret.name], changed = secret.draw(), true
			}
			value = stored[secret.name]
		}
		all[secret.name] = value
	}
	if !changed {
		return all, nil
	}
	return all, stored.write(dir.SecretsFile())
}

func readEnvFile(path string) (Secrets, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := Secrets{}
	for line := range strings.Lines(string(content)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	return values, nil
}

// write replaces the file in one step, so that a crash leaves the old or the new.
func (s Secrets) write(path string) error {
	var b strings.Builder
	b.WriteString("# Drawn once by durapay up. Without them the data in this folder cannot be read.\n")
	for _, secret := range drawn() {
		if value := s[secret.name]; value != "" {
			fmt.Fprintf(&b, "%s=%s\n", secret.name, value)
		}
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".secrets-") // made with mode 0600
	if err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	_, err = file.WriteString(b.String())
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("secrets: %w", err)
	}
	return nil
}
