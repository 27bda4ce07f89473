package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"durapay/internal/config"
	"durapay/internal/demo"
)

// A password goes to the platform it belongs to, and to no other.
func TestOperatorOfTheDemo(t *testing.T) {
	folder := map[string]string{config.Listen: "127.0.0.1:9400", config.OperatorEmail: "a@example.com", config.OperatorPassword: "folder's"}
	for name, c := range map[string]struct {
		email, gateway string
		environ        map[string]string
		want           demo.SignIn
	}{
		"the folder's platform": {gateway: "http://127.0.0.1:9400/", want: demo.SignIn{Email: "a@example.com", Password: "folder's"}},
		"another platform":      {gateway: "http://127.0.0.1:8080", want: demo.SignIn{}},
		"another operator":      {email: "b@example.com", gateway: "http://127.0.0.1:9400", want: demo.SignIn{Email: "b@example.com"}},
		"what the environment says": {gateway: "http://127.0.0.1:8080",
			environ: map[string]string{config.OperatorEmail: "c@example.com", config.OperatorPassword: "said"},
			want:    demo.SignIn{Email: "c@example.com", Password: "said"}},
		"the environment goes before": {gateway: "http://127.0.0.1:9400", environ: map[string]string{config.OperatorPassword: "said"},
			want: demo.SignIn{Email: "a@example.com", Password: "said"}},
	} {
		getenv := func(name string) string { return c.environ[name] }
		require.Equal(t, c.want, operatorOf(c.email, c.gateway, folder, getenv), name)
	}
	require.Equal(t, demo.SignIn{}, operatorOf("", "http://", nil, func(string) string { return "" }), "no folder")
}
