package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binary gives the path of the durapay binary under test: the one that
// DURAPAY_TEST_BINARY names, else one built from this checkout into dir.
func Binary(ctx context.Context, dir string) (string, error) {
	if path := os.Getenv("DURAPAY_TEST_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	root, err := Checkout()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "durapay")
	build := exec.CommandContext(ctx, "go", "build", "-C", root, "-o", path, "./cmd/durapay")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build durapay: %w: %s", err, out)
	}
	return path, nil
}

// Checkout gives the root of the checkout: the folder above the tests that has a go.mod.
func Checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for parent := filepath.Dir(dir); ; dir, parent = parent, filepath.Dir(parent) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == parent {
			return "", errors.New("no go.mod above the tests")
		}
	}
}
