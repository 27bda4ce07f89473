package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"durapay/internal/calendar"
	"durapay/internal/config"
	"durapay/internal/demo"
	"durapay/internal/devenv"
)

func demoCommand() *cobra.Command {
	var c demo.Config
	var data, date string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play business days on a running platform and prove that its figures add up",
		Long: `Play business days on a running platform and its bank as many members and franchises at
once, through their public APIs alone: register, sign in, link an account, top up, remit,
withdraw, pay, cancel, settle, pay out. Some requests are beyond the balance, some to
oneself, some sent twice with one key, some payments given back after their settlement.

Then ask for every balance, statement and account, and prove from the members' and the
franchises' own notes that no won was lost, doubled or invented. Kill any process of the
platform meanwhile: requests that are not answered are sent again, with the same key.

It finds the platform that durapay up runs in the data folder, and its operator, who
registers the franchises and settles. For another platform, --operator-email and
` + config.OperatorPassword + ` say who that is; without an operator it does what members can do.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c.Out, c.Progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
			c.Terminal = term.IsTerminal(int(os.Stderr.Fd()))
			if date != "" {
				if c.BusinessDate, err = calendar.Parse(date); err != nil {
					return err
				}
			}
			if err := findPlatform(&c, data, cmd.Flags().Changed); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Gateway, "gateway", "http://127.0.0.1:8080", "URL of the platform's API (default: that of the data folder's platform)")
	flags.StringVar(&c.Bank, "bank", "http://127.0.0.1:8090", "URL of the bank's API (default: that of the data folder's platform)")
	flags.StringVar(&data, "data", "", "data folder of durapay up (default: durapay/data in the user's cache folder)")
	flags.StringVar(&c.Operator.Email, "operator-email", "", "operator's e-mail (default: "+config.OperatorEmail+", or that of the data folder's platform)")
	flags.IntVar(&c.Members, "members", 20, "how many members take part, 2 to 1000")
	flags.IntVar(&c.Franchises, franchisesFlag, 5, "how many franchises take part, 0 to 100")
	flags.IntVar(&c.Concurrency, "concurrency", 8, "how many requests are under way at once, 1 to 64")
	flags.IntVar(&c.Remittances, "remittances", 0, "how many remittances in all (default 10 per member)")
	flags.IntVar(&c.Payments, "payments", 0, "how many payments in all (default 10 per member)")
	flags.IntVar(&c.Days, "days", 1, "how many business dates are played, one after another, 1 to 20")
	flags.StringVar(&date, "business-date", "", "the first business date, YYYY-MM-DD, at most 31 days ahead (default: today in Seoul)")
	flags.Uint64Var(&c.Seed, "seed", 0, "plans the same amounts again (default: a new plan)")
	return cmd
}

const franchisesFlag = "franchises"

// findPlatform fills in what no flag says: from the environment, and from the platform
// that runs in the data folder. Errors: a folder that was named has no platform.
func findPlatform(c *demo.Config, data string, given func(flag string) bool) error {
	settings, err := devenv.PlatformEnviron(data)
	if err != nil && data != "" {
		return err
	}
	if address := settings[config.Listen]; address != "" && !given("gateway") {
		c.Gateway = "http://" + address
	}
	if bank := settings[config.BankURL]; bank != "" && !given("bank") {
		c.Bank = bank
	}
	c.Operator = operatorOf(c.Operator.Email, c.Gateway, settings, os.Getenv)
	if c.Operator.Password == "" && !given(franchisesFlag) && c.Payments == 0 {
		c.Franchises = 0
		fmt.Fprintf(c.Progress, "no sign-in of an operator (%s): without franchises\n", config.OperatorPassword)
	}
	return nil
}

// operatorOf gives the operator's sign-in: what was said, and then that of the data folder,
// whose password goes to the folder's own platform and operator alone.
func operatorOf(email, gateway string, settings map[string]string, getenv func(string) string) demo.SignIn {
	own := strings.TrimRight(gateway, "/") == "http://"+settings[config.Listen]
	s := demo.SignIn{Email: cmp.Or(email, getenv(config.OperatorEmail)), Password: getenv(config.OperatorPassword)}
	if s.Email == "" && own {
		s.Email = settings[config.OperatorEmail]
	}
	if s.Password == "" && own && s.Email == settings[config.OperatorEmail] {
		s.Password = settings[config.OperatorPassword]
	}
	return s
}
