// Package config reads a process's settings from its environment. Secrets come from
// there too; there are no defaults for them.
package config

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"durapay/internal/mysqlx"
	"durapay/internal/secret"
)

// The names of the settings, each with its meaning.
const (
	MySQLAddress  = "DURAPAY_MYSQL_ADDRESS"  // host:port or socket path
	MySQLUser     = "DURAPAY_MYSQL_USER"     // default durapay
	MySQLPassword = "DURAPAY_MYSQL_PASSWORD" //
	MySQLPrefix   = "DURAPAY_MYSQL_PREFIX"   // before each database's name, default durapay_

	TemporalAddress   = "DURAPAY_TEMPORAL_ADDRESS"   // host:port
	TemporalNamespace = "DURAPAY_TEMPORAL_NAMESPACE" // default default
	TemporalWebURL    = "DURAPAY_TEMPORAL_WEB_URL"   // for links, may be absent

	BankURL          = "DURAPAY_BANK_URL"               // base URL of the bank
	BankTimeout      = "DURAPAY_BANK_TIMEOUT"           // one call, default 5s
	TransferValidity = "DURAPAY_BANK_TRANSFER_VALIDITY" // a transfer is refused by the bank when it arrives later, default 10s
	Corporate        = "DURAPAY_CORPORATE_ACCOUNT"      // bankCode:accountNumber

	BankCallbackURL    = "DURAPAY_BANK_CALLBACK_URL"    // where the bank sends its notices; absent: it keeps them
	BankCallbackSecret = "DURAPAY_BANK_CALLBACK_SECRET" // whsec_ and base64 of 24 to 64 bytes, signs them (Standard Webhooks)

	BankWindows  = "DURAPAY_BANK_WINDOWS"  // file of maintenance windows, read again when it changes; default: the table in the binary
	HolidaysFile = "DURAPAY_HOLIDAYS_FILE" // adds to the holidays in the binary, read again when it changes

	MaxPerTransfer       = "DURAPAY_MAX_PER_TRANSFER"       // won one remittance moves, default 2000000
	MaxPerDay            = "DURAPAY_MAX_PER_DAY"            // won a member sends in a day, default 10000000
	SettlementCron       = "DURAPAY_SETTLEMENT_CRON"        // when settlement starts, Asia/Seoul; default 0 2 * * *
	AllowPrivateWebhooks = "DURAPAY_ALLOW_PRIVATE_WEBHOOKS" // true: webhooks may go to http and private addresses (development)

	Services = "DURAPAY_SERVICES" // name=URL,…: the services that run in other processes

	Listen         = "DURAPAY_LISTEN"          // the process's address
	TrustedProxies = "DURAPAY_TRUSTED_PROXIES" // addresses or networks, by comma, whose X-Forwarded-For is believed; default none
	FlowWait       = "DURAPAY_FLOW_WAIT"       // how long a money request waits for its flow, default 2s

	PIIKeys          = "DURAPAY_PII_KEYS"   // id:base64[,id:base64], the first encrypts
	IndexKey         = "DURAPAY_INDEX_KEY"  // base64
	CodecKeys        = "DURAPAY_CODEC_KEYS" // as PIIKeys, for Temporal payloads
	TokenKeys        = "DURAPAY_TOKEN_KEYS" // id:base64 ed25519 seeds, the first signs
	OperatorEmail    = "DURAPAY_OPERATOR_EMAIL"
	StaffPassword    = "DURAPAY_STAFF_PASSWORD"    // for durapay staff
	OperatorPassword = "DURAPAY_OPERATOR_PASSWORD" // of the first operator; absent: none is made
)

// The defaults of the settings that have one.
const (
	defaultUser      = "durapay"
	defaultPrefix    = "durapay_"
	defaultNamespace = "default"
	defaultBankCall  = 5 * time.Second
	defaultValidity  = 10 * time.Second
	defaultFlowWait  = 2 * time.Second
	longestFlowWait  = 30 * time.Second
	defaultCron      = "0 2 * * *"
	defaultListen    = "127.0.0.1:8080"
)

// MySQL is where the databases are.
type MySQL struct{ Address, User, Password, Prefix string }

// Database gives the settings of one database by its short name ("money").
func (m MySQL) Database(name string) mysqlx.Config {
	return mysqlx.Config{Address: m.Address, User: m.User, Password: m.Password, Database: m.Prefix + name}
}

// Server gives the settings without a database.
func (m MySQL) Server() mysqlx.Config {
	return mysqlx.Config{Address: m.Address, User: m.User, Password: m.Password}
}

// Temporal is where the flows run.
type Temporal struct{ Address, Namespace, WebURL string }

// Bank is how the bank is reached, and our own account there.
type Bank struct {
	URL              string
	Timeout          time.Duration
	TransferValidity time.Duration
	CorporateCode    string
	CorporateNumber  string
	WindowsFile      string
	CallbackSecrets  []string // none: call-backs are not taken
}

// Limits are the most that members may send, in won; 0 means the default.
type Limits struct{ PerTransfer, PerDay int64 }

// Settlement is when franchises are settled.
type Settlement struct{ Cron, HolidaysFile string }

// Secrets are the keys.
type Secrets struct {
	PII   *secret.KeyRing
	Index *secret.Indexer
	Codec *secret.KeyRing
	Token string // parsed by the token issuer
}

// Operator is the first operator's sign-in.
type Operator struct{ Email, Password string }

// Platform is everything a gateway or a worker needs.
type Platform struct {
	MySQL      MySQL
	Temporal   Temporal
	Bank       Bank
	Secrets    Secrets
	Operator   Operator
	Limits     Limits
	Settlement Settlement
	Listen     string
	Proxies    []string // trusted
	FlowWait   time.Duration
	// AllowPrivateWebhooks lets franchises' webhooks be where only development has them.
	AllowPrivateWebhooks bool
}

// ReadMySQL reads where the databases are. Errors name each missing setting.
func ReadMySQL() (MySQL, error) {
	r := reader{}
	m := r.mysql()
	return m, r.err()
}

// ReadTemporal reads where the flows run.
func ReadTemporal() (Temporal, error) {
	r := reader{}
	t := r.temporal()
	return t, r.err()
}

// ReadBank reads how the bank is reached.
func ReadBank() (Bank, error) {
	r := reader{}
	b := r.bank()
	return b, r.err()
}

// ReadBankCallback reads where the bank sends its notices and the secret that signs them; both are "" when neither is given.
// Errors: one without the other, a URL or a secret that is none.
func ReadBankCallback() (address, key string, err error) {
	if os.Getenv(BankCallbackURL) == "" && os.Getenv(BankCallbackSecret) == "" {
		return "", "", nil
	}
	r := reader{}
	address, key = r.required(BankCallbackURL), r.required(BankCallbackSecret)
	r.checkWebURL(BankCallbackURL, address)
	r.checkWebhookSecret(BankCallbackSecret, key)
	return address, key, r.err()
}

// ReadCorporateAccount reads the platform's own account at the bank; both parts are "" when it is not given.
func ReadCorporateAccount() (bankCode, accountNumber string, err error) {
	r := reader{}
	if v := os.Getenv(Corporate); v != "" {
		bankCode, accountNumber = r.account(Corporate, v)
	}
	return bankCode, accountNumber, r.err()
}

// ReadSecrets reads the keys.
func ReadSecrets() (Secrets, error) {
	r := reader{}
	s := r.secrets()
	return s, r.err()
}

// Needs is what a process asks of its environment beside the keys of tokens. What it
// does not need it does not get to know.
type Needs struct {
	Databases bool
	Flows     bool // Temporal, and the keys of its payloads
	Bank      bool
	PII       bool   // the keys of personal data
	Index     bool   // the key of look-ups and fingerprints
	Listen    string // where it listens unless the environment says; "" is the gateway's place
}

// ReadPlatform reads what a process of the whole platform needs; see [Read].
func ReadPlatform() (Platform, error) {
	return Read(Needs{Databases: true, Flows: true, Bank: true, PII: true, Index: true})
}

// Read reads what a process needs. Its error names every setting that is missing or
// wrong, in one line each, so that a start is not a guessing game.
func Read(n Needs) (Platform, error) {
	r := reader{}
	p := Platform{
		MySQL: only(n.Databases, r.mysql), Temporal: only(n.Flows, r.temporal), Bank: only(n.Bank, r.bank), Secrets: r.secretsOf(n),
		Operator:             Operator{Email: os.Getenv(OperatorEmail), Password: os.Getenv(OperatorPassword)},
		Listen:               r.withDefault(Listen, cmp.Or(n.Listen, defaultListen)),
		Proxies:              r.networks(TrustedProxies),
		FlowWait:             r.duration(FlowWait, defaultFlowWait),
		Limits:               Limits{PerTransfer: r.won(MaxPerTransfer), PerDay: r.won(MaxPerDay)},
		Settlement:           Settlement{Cron: r.withDefault(SettlementCron, defaultCron), HolidaysFile: os.Getenv(HolidaysFile)},
		AllowPrivateWebhooks: r.flag(AllowPrivateWebhooks),
	}
	if p.FlowWait > longestFlowWait {
		r.problem(FlowWait, "expected at most "+longestFlowWait.String())
	}
	return p, r.err()
}

// only reads what is needed, and gives nothing otherwise.
func only[T any](needed bool, read func() T) T {
	if !needed {
		return *new(T)
	}
	return read()
}

// ReadServices reads which services run in other processes, and where.
func ReadServices() (map[string]*url.URL, error) {
	r := reader{}
	all := map[string]*url.URL{}
	for _, part := range list(os.Getenv(Services)) {
		name, text, _ := strings.Cut(part, "=")
		address, err := url.Parse(strings.TrimRight(text, "/"))
		switch {
		case err != nil || address.Host == "" || address.Path != "" || address.User != nil || address.Scheme != "http" && address.Scheme != "https":
			r.problem(Services, "expected name=http://host:port for "+strconv.Quote(name))
		case all[name] != nil:
			r.problem(Services, strconv.Quote(name)+" is there twice")
		}
		all[name] = address
	}
	return all, r.err()
}

// reader collects the problems instead of stopping at the first.
type reader struct{ problems []error }

func (r *reader) err() error { return errors.Join(r.problems...) }

func (r *reader) problem(name, what string) {
	r.problems = append(r.problems, fmt.Errorf("%s: %s", name, what))
}

func (r *reader) required(name string) string {
	v := os.Getenv(name)
	if v == "" {
		r.problem(name, "missing from the environment")
	}
	return v
}

func (r *reader) withDefault(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func (r *reader) duration(name string, fallback time.Duration) time.Duration {
	v := os.Getenv(name)
	if v == "" {
		return fallback
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		r.problem(name, "expected a duration such as 5s, got "+strconv.Quote(v))
		return fallback
	}
	return d
}

// won reads an amount; 0 when there is none.
func (r *reader) won(name string) int64 {
	v := os.Getenv(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		r.problem(name, "expected an amount in won, got "+strconv.Quote(v))
	}
	return n
}

func (r *reader) flag(name string) bool {
	v := os.Getenv(name)
	on, err := strconv.ParseBool(v)
	if v != "" && err != nil {
		r.problem(name, "expected true or false, got "+strconv.Quote(v))
	}
	return on
}

// list splits at commas, leaving out what is empty.
func list(v string) []string {
	var out []string
	for _, part := range strings.Split(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// networks reads addresses and networks in CIDR form.
func (r *reader) networks(name string) []string {
	var out []string
	for _, part := range strings.Split(os.Getenv(name), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		_, addressErr := netip.ParseAddr(part)
		if _, err := netip.ParsePrefix(part); err != nil && addressErr != nil {
			r.problem(name, "expected addresses or networks such as 10.0.0.0/8, got "+strconv.Quote(part))
		}
		out = append(out, part)
	}
	return out
}

func (r *reader) mysql() MySQL {
	return MySQL{Address: r.required(MySQLAddress), User: r.withDefault(MySQLUser, defaultUser),
		Password: os.Getenv(MySQLPassword), Prefix: r.withDefault(MySQLPrefix, defaultPrefix)}
}

func (r *reader) temporal() Temporal {
	return Temporal{Address: r.required(TemporalAddress), Namespace: r.withDefault(TemporalNamespace, defaultNamespace),
		WebURL: strings.TrimRight(os.Getenv(TemporalWebURL), "/")}
}

func (r *reader) bank() Bank {
	b := Bank{URL: strings.TrimRight(r.required(BankURL), "/"), Timeout: r.duration(BankTimeout, defaultBankCall),
		TransferValidity: r.duration(TransferValidity, defaultValidity)}
	b.CorporateCode, b.CorporateNumber = r.account(Corporate, r.required(Corporate))
	b.WindowsFile, b.CallbackSecrets = os.Getenv(BankWindows), list(os.Getenv(BankCallbackSecret))
	return b
}

func (r *reader) account(name, v string) (bankCode, accountNumber string) {
	bankCode, accountNumber, found := strings.Cut(v, ":")
	if !found || bankCode == "" || accountNumber == "" {
		r.problem(name, "expected bankCode:accountNumber")
	}
	return bankCode, accountNumber
}

// checkWebURL does not repeat what it refuses: a URL may carry a credential.
func (r *reader) checkWebURL(name, v string) {
	u, err := url.Parse(v)
	if v != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		r.problem(name, "expected an http or https URL")
	}
}

// The sizes of a webhook secret [Standard Webhooks specification].
const (
	shortestWebhookSecret = 24
	longestWebhookSecret  = 64
)

func (r *reader) checkWebhookSecret(name, v string) {
	text, prefixed := strings.CutPrefix(v, "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if v != "" && (!prefixed || err != nil || len(key) < shortestWebhookSecret || len(key) > longestWebhookSecret) {
		r.problem(name, fmt.Sprintf("expected whsec_ and the base64 of %d to %d bytes", shortestWebhookSecret, longestWebhookSecret))
	}
}

func (r *reader) secrets() Secrets { return r.secretsOf(Needs{PII: true, Index: true, Flows: true}) }

func (r *reader) secretsOf(n Needs) Secrets {
	return Secrets{
		PII:   only(n.PII, func() *secret.KeyRing { return r.ring(PIIKeys) }),
		Index: only(n.Index, func() *secret.Indexer { return r.indexer(IndexKey) }),
		Codec: only(n.Flows, func() *secret.KeyRing { return r.ring(CodecKeys) }),
		Token: r.required(TokenKeys),
	}
}

func (r *reader) ring(name string) *secret.KeyRing {
	v := r.required(name)
	if v == "" {
		return nil
	}
	ring, err := secret.ParseKeyRing(v)
	if err != nil {
		r.problem(name, err.Error())
	}
	return ring
}

func (r *reader) indexer(name string) *secret.Indexer {
	v := r.required(name)
	if v == "" {
		return nil
	}
	key, err := secret.DecodeKey(v)
	if err != nil {
		r.problem(name, err.Error())
		return nil
	}
	index, err := secret.NewIndexer(key)
	if err != nil {
		r.problem(name, err.Error())
	}
	return index
}
