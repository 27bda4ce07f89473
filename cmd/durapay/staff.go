package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"durapay/internal/config"
	"durapay/services/membership"
)

func staffCommand() *cobra.Command {
	var data, email, role string
	cmd := &cobra.Command{
		Use:   "staff",
		Short: "Make an operator or an auditor, or give one a new password",
		Long: `Make an operator or an auditor, or give the one with this e-mail a new password, which
signs them out everywhere. The password is taken from ` + config.StaffPassword + `; without it
one is drawn and shown once.

Some steps take two operators: who asks for a payout to be made again cannot approve it.

It finds the platform that durapay up runs in the data folder. What is set in the
environment (DURAPAY_MYSQL_ADDRESS and so on) goes before that.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := adoptPlatform(data); err != nil {
				return err
			}
			password, drawn := staffPassword()
			var staffID string
			err := withMembership(cmd.Context(), func(p *platform) (err error) {
				staffID, err = p.services.Membership.EnsureStaff(cmd.Context(), membership.Role(strings.ToUpper(role)), email, password)
				return err
			})
			if err != nil {
				return fmt.Errorf("staff %s: %w", email, err)
			}
			line := fmt.Sprintf("%s %s %s", staffID, strings.ToUpper(role), email)
			if drawn {
				line += "  password " + password
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&email, "email", "", "e-mail to sign in with")
	flags.StringVar(&role, "role", string(membership.RoleOperator), "OPERATOR or AUDITOR")
	flags.StringVar(&data, "data", "", "data folder of durapay up (default: durapay/data in the user's cache folder)")
	_ = cmd.MarkFlagRequired("email") // fails only for a flag that is not there
	return cmd
}

// passwordBytes make a password of 24 characters.
const passwordBytes = 18

func staffPassword() (password string, drawn bool) {
	if given := os.Getenv(config.StaffPassword); given != "" {
		return given, false
	}
	b := make([]byte, passwordBytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b), true
}

// withMembership works with the members' database alone.
func withMembership(ctx context.Context, work func(*platform) error) error {
	s := share{name: "staff"}
	for _, each := range parts() {
		if each.name == "membership" {
			each.asks, each.flows = nil, false // nobody's request is answered
			s.parts = append(s.parts, each)
		}
	}
	return withPlatform(ctx, s, work)
}
