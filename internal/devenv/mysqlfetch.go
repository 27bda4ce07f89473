package devenv

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MySQL is not in Debian's releases, only in the suite that never is one. apt-get
// fetches it with all that it needs, down to the C library, on lists and settings in a
// folder of our own: nothing of the system is changed and no rights are needed. The
// packages are unpacked and not installed, so no script of theirs runs.
const (
	mysqlSuite   = "sid"
	mysqlPackage = "mysql-server-core"
)

// fetchedPrefix is followed by the package's version.
const fetchedPrefix = "mysql-"

// partialPrefix must not look like something that was fetched.
const partialPrefix = "partial-mysql-"

// fetchMySQL unpacks the server into a folder of dir. Processes that need it at the
// same time take turns, and the second finds it there.
func fetchMySQL(ctx context.Context, say Say, dir string) (MySQLTools, error) {
	source, err := findAptSource(ctx)
	if err != nil {
		return MySQLTools{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return MySQLTools{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, installBound)
	defer cancel()
	release, err := awaitLock(ctx, filepath.Join(dir, "mysql.lock"), say)
	if err != nil {
		return MySQLTools{}, err
	}
	defer release()
	if tools, ok := findFetchedMySQL(ctx, dir); ok {
		return tools, nil
	}
	removeAll(filepath.Join(dir, partialPrefix+"*")) // of runs that were killed; we hold the lock
	work, err := os.MkdirTemp(dir, partialPrefix)
	if err != nil {
		return MySQLTools{}, err
	}
	defer os.RemoveAll(work)
	stop := sayEvery(buildProgress, say, "fetching MySQL from Debian "+mysqlSuite+" (once, 60 MB)")
	version, err := source.fetch(ctx, work)
	stop()
	if err != nil {
		return MySQLTools{}, err
	}
	return settleMySQL(ctx, say, filepath.Join(work, "root"), filepath.Join(dir, fetchedPrefix+version))
}

// settleMySQL moves what was unpacked to where it stays, if it runs here.
func settleMySQL(ctx context.Context, say Say, unpacked, root string) (MySQLTools, error) {
	tools, err := unpackedMySQL(unpacked)
	if err != nil {
		return MySQLTools{}, err
	}
	if _, ok := usableMySQL(ctx, tools); !ok {
		return MySQLTools{}, fmt.Errorf("%s of Debian %s does not run here, or is older than %d.%d",
			mysqlPackage, mysqlSuite, minMySQL[0], minMySQL[1])
	}
	if err := errors.Join(os.RemoveAll(root), os.Rename(unpacked, root)); err != nil {
		return MySQLTools{}, err
	}
	if tools, err = unpackedMySQL(root); err != nil {
		return MySQLTools{}, err
	}
	tools, _ = usableMySQL(ctx, tools) // it was a moment ago
	say("fetched %s", root)
	return tools, nil
}

// unpackedMySQL describes the server below a folder into which Debian's packages were
// unpacked. It is run by the loader that it was linked for, which lies there too: the
// system's own C library may be older.
func unpackedMySQL(root string) (MySQLTools, error) {
	tools := MySQLTools{Server: filepath.Join(root, "usr", "sbin", "mysqld"), Base: filepath.Join(root, "usr")}
	loader, err := interpreter(tools.Server)
	if err != nil {
		return MySQLTools{}, err
	}
	tools.Loader = filepath.Join(root, "usr", loader) // Debian's / has links to /usr/lib
	if _, err := os.Stat(tools.Loader); err != nil {
		return MySQLTools{}, err
	}
	libc, err := filepath.Glob(filepath.Join(root, "usr", "lib", "*", "libc.so.6"))
	if err != nil || len(libc) != 1 {
		return MySQLTools{}, fmt.Errorf("%d C libraries below %s", len(libc), root)
	}
	tools.Libraries = filepath.Dir(libc[0])
	return tools, nil
}

// interpreter gives the path of the loader that a program asks for.
func interpreter(path string) (string, error) {
	program, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer program.Close()
	section := program.Section(".interp")
	if section == nil {
		return "", fmt.Errorf("%s asks for no loader", path)
	}
	name, err := section.Data()
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return strings.TrimRight(string(name), "\x00"), nil
}

// aptSource is where Debian's packages come from, and what proves that they do.
type aptSource struct {
	apt, dpkg string // programs
	mirror    string // URL
	keyring   string
}

// findAptSource takes the mirror that this system uses for itself.
func findAptSource(ctx context.Context) (aptSource, error) {
	var s aptSource
	var err error
	if s.apt, err = exec.LookPath("apt-get"); err != nil {
		return s, errors.New("there is no apt-get to fetch one from Debian with")
	}
	if s.dpkg, err = exec.LookPath("dpkg-deb"); err != nil {
		return s, errors.New("there is no dpkg-deb to unpack Debian's with")
	}
	for _, suffix := range []string{"gpg", "pgp"} { // the second since Debian 13
		keyring := "/usr/share/keyrings/debian-archive-keyring." + suffix
		if _, err := os.Stat(keyring); err == nil {
			s.keyring = keyring
		}
	}
	if s.keyring == "" {
		return s, errors.New("there is no debian-archive-keyring to verify Debian's with")
	}
	out, err := runTool(ctx, foreignEnviron(), s.apt, "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages")
	if err != nil {
		return s, fmt.Errorf("apt-get indextargets: %w: %s", err, lastLine(out))
	}
	if s.mirror = debianMirror(out); s.mirror == "" {
		return s, errors.New("apt's sources name no mirror of Debian")
	}
	return s, nil
}

// debianMirror finds a mirror of Debian among lines of "URL component". What others
// have for Debian is not in a component main of a folder that ends so.
func debianMirror(targets string) string {
	for line := range strings.Lines(targets) {
		url, component, _ := strings.Cut(strings.TrimSpace(line), " ")
		if component == "main" && strings.HasSuffix(strings.TrimRight(url, "/"), "/debian") {
			return url
		}
	}
	return ""
}

// fetch unpacks the server into work/root and gives its version.
func (s aptSource) fetch(ctx context.Context, work string) (version string, err error) {
	options, err := s.prepare(work)
	if err != nil {
		return "", err
	}
	for _, command := range [][]string{
		{"update"},
		{"--yes", "--no-install-recommends", "--download-only", "install", mysqlPackage},
	} {
		environ := append(foreignEnviron(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
		if out, err := runTool(ctx, environ, s.apt, append(options, command...)...); err != nil {
			return "", fmt.Errorf("apt-get %s: %w: %s", strings.Join(command, " "), err, aptReason(out))
		}
	}
	packages, err := filepath.Glob(filepath.Join(work, "cache", "archives", "*.deb"))
	if err != nil {
		return "", err
	}
	for _, file := range packages {
		if out, err := runTool(ctx, foreignEnviron(), s.dpkg, "--extract", file, filepath.Join(work, "root")); err != nil {
			return "", fmt.Errorf("unpacking %s: %w: %s", filepath.Base(file), err, lastLine(out))
		}
	}
	return packageVersion(packages, mysqlPackage)
}

// prepare makes apt's folders below work, with nothing installed, and gives the
// options that make it use them. Proxies and the like stay the system's.
func (s aptSource) prepare(work string) (options []string, err error) {
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial", "none", "root"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(work, dir), 0o755))
	}
	source := fmt.Sprintf("deb [signed-by=%s target=Packages] %s %s main\n", s.keyring, s.mirror, mysqlSuite)
	err = errors.Join(err,
		os.WriteFile(filepath.Join(work, "status"), nil, 0o600),
		os.WriteFile(filepath.Join(work, "sources.list"), []byte(source), 0o600))
	for _, option := range []string{
		"Dir::State=" + filepath.Join(work, "state"), "Dir::State::status=" + filepath.Join(work, "status"),
		"Dir::Cache=" + filepath.Join(work, "cache"),
		"Dir::Etc::sourcelist=" + filepath.Join(work, "sources.list"), "Dir::Etc::sourceparts=" + filepath.Join(work, "none"),
		"Dir::Etc::preferences=/dev/null", "Dir::Etc::preferencesparts=" + filepath.Join(work, "none"),
		"APT::Sandbox::User=root", // the user that root would fetch as cannot write here
		"APT::Update::Error-Mode=any", "Acquire::Retries=3", "Acquire::Languages=none",
	} {
		options = append(options, "--option", option)
	}
	return append(options, "--quiet=2"), err
}

// aptReason gives the line in which apt says what went wrong first.
func aptReason(output string) string {
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "E: ") {
			return strings.TrimSpace(line)
		}
	}
	return lastLine(output)
}

// packageVersion gives the version of one of the files, name_version_architecture.deb.
func packageVersion(files []string, name string) (string, error) {
	for _, file := range files {
		parts := strings.Split(filepath.Base(file), "_")
		if len(parts) == 3 && parts[0] == name {
			return strings.ReplaceAll(parts[1], "%3a", "-"), nil // the colon of an epoch
		}
	}
	return "", fmt.Errorf("no package %s in Debian %s", name, mysqlSuite)
}
