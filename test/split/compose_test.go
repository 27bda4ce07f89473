package split

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"durapay/test/harness"
)

// composition is what these tests read of docker-compose.yml.
type composition struct {
	Services map[string]*container `yaml:"services"`
}

type container struct {
	Image       string            `yaml:"image"`
	Build       string            `yaml:"build"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Restart     string            `yaml:"restart"`
	ReadOnly    bool              `yaml:"read_only"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// ours tells whether it runs the platform's binary.
func (c *container) ours() bool { return c.Build != "" }

// once tells whether it does its work and ends.
func (c *container) once() bool { return c.Healthcheck.Test == nil }

func file(t testing.TB, name string) string {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(content)
}

func readComposition(t testing.TB) composition {
	t.Helper()
	var c composition
	require.NoError(t, yaml.Unmarshal([]byte(file(t, "docker-compose.yml")), &c))
	require.NotEmpty(t, c.Services)
	return c
}

// serviceNames are the services with ports of their own, as the product has them.
var servicePorts = map[string]string{
	"membership": "8081", "banking": "8082", "money": "8083", "remittance": "8084", "payment": "8085", "franchise": "8086",
	"money-query": "8087", "settlement": "8088",
}

func TestImagesArePinned(t *testing.T) {
	exact := regexp.MustCompile(`^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$`)
	for name, c := range readComposition(t).Services {
		if c.ours() {
			require.Equal(t, "durapay:local", c.Image, name)
			require.True(t, c.ReadOnly, name)
			continue
		}
		require.Regexp(t, exact, c.Image, name)
	}
	for _, line := range strings.Split(file(t, "Dockerfile"), "\n") {
		if image, found := strings.CutPrefix(line, "FROM "); found && image != "scratch" {
			require.Regexp(t, `^golang:\d+\.\d+\.\d+-[a-z]+ AS build$`, image)
		}
	}
	require.Regexp(t, `(?m)^USER [1-9]\d*:[1-9]\d*$`, file(t, "Dockerfile"), "not as root")
}

func TestEverybodysHealthIsAsked(t *testing.T) {
	for name, c := range readComposition(t).Services {
		if c.once() {
			require.True(t, strings.HasPrefix(c.Restart, "on-failure:"), name)
			continue
		}
		require.Equal(t, "unless-stopped", c.Restart, name)
		if c.ours() { // there is no shell in the image
			require.Equal(t, []string{"CMD", "/durapay", "health"}, c.Healthcheck.Test[:3], name)
			require.Regexp(t, `^http://127\.0\.0\.1:\d+/readyz$`, c.Healthcheck.Test[3], name)
		}
	}
}

func TestWhoWaitsForWhom(t *testing.T) {
	all := readComposition(t).Services
	for name, c := range all {
		for on, how := range c.DependsOn {
			require.Contains(t, all, on, name)
			want := "service_healthy"
			if all[on].once() {
				want = "service_completed_successfully"
			}
			require.Equal(t, want, how.Condition, "%s on %s", name, on)
		}
		if c.ours() && !c.once() && name != "gateway" {
			require.Contains(t, c.DependsOn, "migrate", name)
		}
	}
	for name := range servicePorts {
		require.Contains(t, all["gateway"].DependsOn, name)
	}
}

func TestPortsAreThisMachinesAlone(t *testing.T) {
	all := readComposition(t).Services
	for name, c := range all {
		for _, port := range c.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s: %s", name, port)
		}
	}
	for name, port := range servicePorts {
		require.Equal(t, []string{"service", name}, all[name].Command)
		require.Equal(t, []string{"127.0.0.1:" + port + ":" + port}, all[name].Ports)
		require.Equal(t, "0.0.0.0:"+port, all[name].Environment["DURAPAY_LISTEN"])
	}
	require.Equal(t, []string{"127.0.0.1:8080:8080"}, all["gateway"].Ports)
}

var (
	asked      = regexp.MustCompile(`\$\{([A-Z_]+)(:?[-?+]?)[^}]*\}`)
	secretName = regexp.MustCompile(`PASSWORD|PWD|SECRET|KEY`)
)

// TestNoSecretHasADefault: each one is asked for, and the start ends without it.
func TestNoSecretHasADefault(t *testing.T) {
	text := file(t, "docker-compose.yml")
	names := map[string]bool{}
	for _, match := range asked.FindAllStringSubmatch(text, -1) {
		require.Equal(t, ":?", match[2], match[0])
		names[match[1]] = true
	}
	for name, c := range readComposition(t).Services {
		for variable, value := range c.Environment {
			if secretName.MatchString(variable) {
				require.Regexp(t, `^\$\{[A-Z_]+:\?[^}]+\}$`, value, "%s of %s", variable, name)
			}
		}
	}
	for name, value := range environment(file(t, ".env.example")) {
		require.Empty(t, value, name)
		require.True(t, names[name], "%s is asked for by nobody", name)
		delete(names, name)
	}
	require.Empty(t, names, "not told in .env.example")
}

// TestWhoKnowsWhat: a process has the secrets that it needs and no others.
func TestWhoKnowsWhat(t *testing.T) {
	all := readComposition(t).Services
	for secret, knows := range map[string][]string{
		"DURAPAY_MYSQL_PASSWORD":       append(slices.Collect(maps.Keys(servicePorts)), "migrate", "bank"),
		"DURAPAY_PII_KEYS":             {"membership", "banking", "remittance", "payment", "franchise"},
		"DURAPAY_INDEX_KEY":            {"membership", "banking", "money", "remittance", "payment", "franchise", "settlement"},
		"DURAPAY_CODEC_KEYS":           {"membership", "banking", "money", "remittance", "payment", "franchise", "settlement", "worker"},
		"DURAPAY_BANK_CALLBACK_SECRET": {"bank", "banking"},
		"DURAPAY_OPERATOR_PASSWORD":    {"membership"},
		"DURAPAY_TOKEN_KEYS":           append(slices.Collect(maps.Keys(servicePorts)), "gateway", "worker"),
	} {
		var who []string
		for name, c := range all {
			if _, there := c.Environment[secret]; there {
				who = append(who, name)
			}
		}
		require.ElementsMatch(t, knows, who, secret)
	}
}

// environment reads NAME=value lines.
func environment(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found && !strings.HasPrefix(name, "#") {
			values[name] = value
		}
	}
	return values
}
