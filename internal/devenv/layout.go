package devenv

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Layout is the absolute path of a data folder, and knows what lies where in it.
type Layout string

// Run holds pid files and sockets, Log a log for each child.
func (l Layout) Run() string         { return filepath.Join(string(l), "run") }
func (l Layout) Log() string         { return filepath.Join(string(l), "log") }
func (l Layout) MariaDB() string     { return filepath.Join(string(l), "mariadb") }
func (l Layout) Temporal() string    { return filepath.Join(string(l), "temporal") }
func (l Layout) SecretsFile() string { return filepath.Join(string(l), "secrets.env") }

// WindowsFile has the maintenance windows of the simulated bank: none, until somebody
// writes some into it.
func (l Layout) WindowsFile() string { return filepath.Join(string(l), "windows.csv") }
func (l Layout) lockFile() string    { return filepath.Join(string(l), "lock") }

// newFile is there from before the database is made until its tables are: what a
// start that was killed in between left is half a set of tables and no data.
func (l Layout) newFile() string { return filepath.Join(string(l), "mariadb.new") }

func (l Layout) markerFile() string { return filepath.Join(string(l), "durapay-data") }

// maxSocketPath leaves room for the shortest limit of sun_path, 104 bytes on macOS.
const maxSocketPath = 100

// Socket is the path of a unix socket: in the data folder, or in the system's
// folder for temporary files when the data folder's path is too long for one.
func (l Layout) Socket(name string) string {
	path := filepath.Join(l.Run(), name+".sock")
	if len(path) <= maxSocketPath {
		return path
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(os.TempDir(), "durapay-"+hex.EncodeToString(sum[:8])+".sock")
}

// NewLayout makes path a data folder: it creates it and what it holds, or checks
// that it is one. A folder that holds anything else is refused, so that neither a
// start nor a reset can ever touch what is not ours.
func NewLayout(path string) (Layout, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("data folder %s: %w", path, err)
	}
	l := Layout(absolute)
	entries, err := os.ReadDir(absolute)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("data folder: %w", err)
	}
	if _, err := os.Stat(l.markerFile()); err != nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not a Durapay data folder and is not empty: choose another with --data", absolute)
	}
	return l, l.create()
}

func (l Layout) create() error {
	for _, dir := range []string{string(l), l.Run(), l.Log(), l.Temporal()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
	}
	if err := os.WriteFile(l.markerFile(), []byte("This folder is written by durapay up.\n"), 0o600); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// ErrLocked tells that another process uses the data folder.
var ErrLocked = errors.New("in use by another durapay up")

// Lock takes the data folder for this process until the release is called or the
// process ends, however it ends. It gives ErrLocked when another one has it.
func (l Layout) Lock() (release func(), err error) {
	file, err := lockFile(l.lockFile())
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s is %w", l, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("lock of the data folder: %w", err)
	}
	return func() { _ = file.Close() }, nil
}

// lockFile opens and locks a file, and gives EWOULDBLOCK when another process has
// it. Closing the file gives the lock back.
func lockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// Reset removes everything in the data folder but its marker and its lock. The
// caller holds the lock and has stopped what an earlier run left behind.
func (l Layout) Reset() error {
	entries, err := os.ReadDir(string(l))
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(string(l), entry.Name())
		if path == l.markerFile() || path == l.lockFile() {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("reset: %w", err)
		}
	}
	return l.create()
}

// RotateLogs keeps the logs of the run before under the name *.log.1, so that a
// log begins with its run and no more than two runs are kept.
func (l Layout) RotateLogs() error {
	logs, err := filepath.Glob(filepath.Join(l.Log(), "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		if err := os.Rename(log, log+".1"); err != nil {
			return fmt.Errorf("logs: %w", err)
		}
	}
	return nil
}

// CheckSpace refuses a disk with less than minimum bytes free: a database that
// meets a full disk stops in the middle of its work.
func (l Layout) CheckSpace(minimumBytes uint64) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(string(l), &stat); err != nil {
		return fmt.Errorf("free space of %s: %w", l, err)
	}
	free := stat.Bavail * uint64(stat.Bsize)
	if free < minimumBytes {
		return fmt.Errorf("%s has %d MiB free and needs %d: free some space or choose another disk with --data",
			l, free>>20, minimumBytes>>20)
	}
	return nil
}
