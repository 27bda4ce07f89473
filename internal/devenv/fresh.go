package devenv

import (
	"fmt"
	"io"

	"durapay/internal/config"
)

// keyID names the first key of a fresh ring; rotated ones go on from there.
const keyID = "k1:"

// WriteSecrets draws a set of secrets for a platform of several processes and writes it
// as an environment file.
func WriteSecrets(w io.Writer) error {
	for _, secret := range []struct{ name, value string }{
		{config.PIIKeys, keyID + key()},
		{config.IndexKey, key()},
		{config.CodecKeys, keyID + key()},
		{config.TokenKeys, keyID + key()},
		{config.BankCallbackSecret, webhookSecret()},
		{config.OperatorPassword, password()},
		{config.MySQLPassword, password()},
		{"MYSQL_ROOT_PASSWORD", password()},
		{"TEMPORAL_DB_PASSWORD", password()},
	} {
		if _, err := fmt.Fprintf(w, "%s=%s\n", secret.name, secret.value); err != nil {
			return fmt.Errorf("secrets: %w", err)
		}
	}
	return nil
}
