package franchise_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/services/franchise"
)

// sign is how a receiver computes a signature.
func sign(t *testing.T, secret string, m franchise.Message) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", m.ID, m.At.Unix(), m.Body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
