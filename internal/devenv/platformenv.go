package devenv

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// platformFile says where everything is while a platform runs, for other commands on
// this machine. It holds no secrets: those are in SecretsFile.
func (l Layout) platformFile() string { return filepath.Join(l.Run(), "platform.env") }

// PlatformEnviron gives the settings of the platform that runs in a data folder ("" is
// DefaultData), by environment variable. What the environment says is not looked at.
// Errors: no platform runs there.
func PlatformEnviron(data string) (map[string]string, error) {
	if data == "" {
		var err error
		if data, err = DefaultData(); err != nil {
			return nil, err
		}
	}
	l := Layout(data)
	settings, err := readEnvFile(l.platformFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no platform runs in %s: start one with durapay up, or name its folder with --data", data)
	}
	if err != nil {
		return nil, fmt.Errorf("settings of the platform: %w", err)
	}
	secrets, err := readEnvFile(l.SecretsFile())
	if err != nil {
		return nil, fmt.Errorf("secrets of the platform: %w", err)
	}
	maps.Copy(settings, secrets)
	return settings, nil
}

// writePlatformFile tells other commands where everything is.
func (u *up) writePlatformFile() error {
	addresses := u.addresses()
	var b strings.Builder
	b.WriteString("# Where the platform that runs now is; written by durapay up.\n")
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		fmt.Fprintf(&b, "%s=%s\n", name, addresses[name])
	}
	if err := os.WriteFile(u.dir.platformFile(), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("settings of the platform: %w", err)
	}
	return nil
}

func (u *up) removePlatformFile() { _ = os.Remove(u.dir.platformFile()) }
