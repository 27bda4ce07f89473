package config

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func complete(t *testing.T) {
	t.Helper()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, value := range map[string]string{
		MySQLAddress: "127.0.0.1:3306", MySQLUser: "", MySQLPrefix: "", TemporalAddress: "127.0.0.1:7233", TemporalNamespace: "",
		TemporalWebURL: "http://127.0.0.1:8233/", BankURL: "http://127.0.0.1:8090/", Corporate: "004:10000000000001",
		BankTimeout: "", TransferValidity: "", FlowWait: "", Listen: "", TrustedProxies: "",
		PIIKeys: "k:" + key, CodecKeys: "k:" + key, IndexKey: key, TokenKeys: "k:" + key,
	} {
		t.Setenv(name, value)
	}
}

func TestDefaults(t *testing.T) {
	complete(t)
	p, err := ReadPlatform()
	require.NoError(t, err)
	require.Equal(t, MySQL{Address: "127.0.0.1:3306", User: "durapay", Prefix: "durapay_"}, p.MySQL)
	require.Equal(t, "durapay_money", p.MySQL.Database("money").Database)
	require.Equal(t, Temporal{Address: "127.0.0.1:7233", Namespace: "default", WebURL: "http://127.0.0.1:8233"}, p.Temporal)
	require.Equal(t, Bank{URL: "http://127.0.0.1:8090", Timeout: 5 * time.Second, TransferValidity: 10 * time.Second,
		CorporateCode: "004", CorporateNumber: "10000000000001"}, p.Bank)
	require.Equal(t, 2*time.Second, p.FlowWait)
}

func TestEverythingMissingIsNamedAtOnce(t *testing.T) {
	complete(t)
	for _, name := range []string{MySQLAddress, TemporalAddress, BankURL, Corporate, PIIKeys, CodecKeys, IndexKey, TokenKeys} {
		t.Setenv(name, "")
	}
	_, err := ReadPlatform()
	for _, name := range []string{MySQLAddress, TemporalAddress, BankURL, Corporate, PIIKeys, CodecKeys, IndexKey, TokenKeys} {
		require.ErrorContains(t, err, name)
	}
}

func TestAWrongSettingIsNamedWithoutItsSecret(t *testing.T) {
	for name, value := range map[string]string{
		PIIKeys: "k:c2VjcmV0", IndexKey: "c2VjcmV0", CodecKeys: "secret", Corporate: "004", BankTimeout: "5", TransferValidity: "-1s", FlowWait: "1h", TrustedProxies: "10.0.0.0/8, gateway",
	} {
		t.Run(name, func(t *testing.T) {
			complete(t)
			t.Setenv(name, value)
			_, err := ReadPlatform()
			require.ErrorContains(t, err, name)
			if name == PIIKeys || name == IndexKey || name == CodecKeys {
				require.NotContains(t, err.Error(), "secret")
				require.NotContains(t, err.Error(), "c2VjcmV0")
			}
		})
	}
}

func TestTheBanksCallback(t *testing.T) {
	secret := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	const address = "http://127.0.0.1:8080/v1/bank/notices"
	for name, c := range map[string]struct{ url, secret, wrong string }{
		"neither":          {"", "", ""},
		"both":             {address, secret(24), ""},
		"longest":          {address, secret(64), ""},
		"no secret":        {address, "", BankCallbackSecret},
		"no address":       {"", secret(24), BankCallbackURL},
		"no host":          {"http:///notices", secret(24), BankCallbackURL},
		"another protocol": {"ftp://host/notices", secret(24), BankCallbackURL},
		"short secret":     {address, secret(23), BankCallbackSecret},
		"long secret":      {address, secret(65), BankCallbackSecret},
		"no prefix":        {address, secret(24)[len("whsec_"):], BankCallbackSecret},
		"no base64":        {address, "whsec_%", BankCallbackSecret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(BankCallbackURL, c.url)
			t.Setenv(BankCallbackSecret, c.secret)
			gotURL, gotSecret, err := ReadBankCallback()
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				require.True(t, c.secret == "" || !strings.Contains(err.Error(), c.secret))
				return
			}
			require.NoError(t, err)
			require.Equal(t, []string{c.url, c.secret}, []string{gotURL, gotSecret})
		})
	}
}

func TestTheCorporateAccountMayBeAbsent(t *testing.T) {
	for value, want := range map[string][]string{"": {"", ""}, "004:10000000000001": {"004", "10000000000001"}} {
		t.Setenv(Corporate, value)
		code, number, err := ReadCorporateAccount()
		require.NoError(t, err)
		require.Equal(t, want, []string{code, number})
	}
	t.Setenv(Corporate, "004")
	_, _, err := ReadCorporateAccount()
	require.ErrorContains(t, err, Corporate)
}

func TestWhatIsNotNeededIsNotRead(t *testing.T) {
	complete(t)
	for _, name := range []string{MySQLAddress, TemporalAddress, BankURL, Corporate, PIIKeys, CodecKeys, IndexKey} {
		t.Setenv(name, "")
	}
	p, err := Read(Needs{Listen: "127.0.0.1:8083"})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8083", p.Listen)
	require.Nil(t, p.Secrets.PII)
	t.Setenv(Listen, "0.0.0.0:80")
	p, err = Read(Needs{Listen: "127.0.0.1:8083"})
	require.NoError(t, err)
	require.Equal(t, "0.0.0.0:80", p.Listen)
	for name, n := range map[string]Needs{
		MySQLAddress: {Databases: true}, TemporalAddress: {Flows: true}, CodecKeys: {Flows: true}, BankURL: {Bank: true}, PIIKeys: {PII: true}, IndexKey: {Index: true},
	} {
		_, err := Read(n)
		require.ErrorContains(t, err, name)
	}
	complete(t)
	p, err = Read(Needs{})
	require.NoError(t, err)
	require.Equal(t, Secrets{Token: p.Secrets.Token}, p.Secrets, "not even when it is there")
	require.Zero(t, p.MySQL)
}

func TestServices(t *testing.T) {
	t.Setenv(Services, "")
	all, err := ReadServices()
	require.NoError(t, err)
	require.Empty(t, all)
	t.Setenv(Services, " money=http://money:8083/ , banking=https://[::1]:8082")
	all, err = ReadServices()
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, "http://money:8083", all["money"].String())
	require.Equal(t, "https://[::1]:8082", all["banking"].String())
	for _, wrong := range []string{"money", "money=", "money=money:8083", "money=ftp://money", "money=http://", "money=http://a:b@money", "money=http://money/x",
		"money=http://a,money=http://b"} {
		t.Setenv(Services, wrong)
		_, err = ReadServices()
		require.ErrorContains(t, err, Services, wrong)
	}
}
