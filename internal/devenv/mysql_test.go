package devenv

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script writes a program that prints a text.
func script(t *testing.T, path, output string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+output+"'\n"), 0o700))
}

func TestOnlyARecentMySQLIsUsable(t *testing.T) {
	for output, usable := range map[string]bool{
		"/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))":           true,
		"/usr/sbin/mysqld  Ver 8.4.0 for macos14 on arm64 (Homebrew)":            true,
		"/usr/sbin/mysqld  Ver 8.0.42-0ubuntu0.24.04.1 for Linux on x86_64":      false,
		"/usr/sbin/mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu":  false,
		"/usr/sbin/mysqld: error while loading shared libraries: libaio.so.1t64": false,
	} {
		path := filepath.Join(t.TempDir(), "mysqld")
		script(t, path, output)
		tools, ok := usableMySQL(t.Context(), MySQLTools{Server: path})
		require.Equal(t, usable, ok, output)
		if ok {
			require.Equal(t, output, tools.Version)
		}
	}
}

func TestAnUnpackedServerIsRunByItsOwnLoader(t *testing.T) {
	tools := MySQLTools{Server: "/r/usr/sbin/mysqld", Loader: "/r/usr/lib64/ld.so", Libraries: "/r/usr/lib/x", Base: "/r/usr"}
	path, args := tools.command("--version")
	require.Equal(t, tools.Loader, path)
	require.Equal(t, []string{"--library-path", tools.Libraries, tools.Server, "--version"}, args)
	require.Contains(t, tools.shared("/data"), "--basedir=/r/usr")

	path, args = MySQLTools{Server: "/usr/sbin/mysqld"}.command("--version")
	require.Equal(t, []string{"/usr/sbin/mysqld", "--version"}, append([]string{path}, args...))
}

func TestALoaderIsReadFromTheProgram(t *testing.T) {
	_, err := interpreter(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	path := filepath.Join(t.TempDir(), "script")
	script(t, path, "")
	_, err = interpreter(path)
	var format *elf.FormatError
	require.ErrorAs(t, err, &format)
}

// An interrupted fetch leaves no server behind, and what is there is no server of ours.
func TestWhatIsNotWholeIsNotFound(t *testing.T) {
	dir := t.TempDir()
	script(t, filepath.Join(dir, partialPrefix+"1", "root", "usr", "sbin", "mysqld"), "mysqld  Ver 9.7.4-2")
	script(t, filepath.Join(dir, fetchedPrefix+"9.7.4-2", "usr", "sbin", "mysqld"), "mysqld  Ver 9.7.4-2")
	_, ok := findFetchedMySQL(t.Context(), dir)
	require.False(t, ok)
}

// What cannot be fetched is told in one line: no test is passed over for it.
func TestWhyThereIsNoMySQLIsTold(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	for _, step := range []struct {
		why  string
		mend func()
	}{
		{"no apt-get", func() { script(t, filepath.Join(bin, "apt-get"), "http://mirror.test/ubuntu/ main") }},
		{"no dpkg-deb", func() { script(t, filepath.Join(bin, "dpkg-deb"), "") }},
		{"no mirror of Debian|no debian-archive-keyring", func() {}},
	} {
		_, err := fetchMySQL(t.Context(), (&lines{}).say, t.TempDir())
		require.Error(t, err)
		require.Regexp(t, step.why, err.Error())
		require.NotContains(t, err.Error(), "\n")
		step.mend()
	}
}

func TestTheMirrorIsTheOneOfTheSystem(t *testing.T) {
	for targets, want := range map[string]string{
		"http://mirror.test/debian/ main\nhttp://mirror.test/debian-security/ main\n":      "http://mirror.test/debian/",
		"https://vendor.test/linux/debian stable\nhttps://other.test/pub/debian/ main":     "https://other.test/pub/debian/",
		"http://archive.test/ubuntu/ main\nhttp://archive.test/debian-security/ main\n \n": "",
		"": "",
	} {
		require.Equal(t, want, debianMirror(targets), targets)
	}
}

func TestTheVersionIsThePackages(t *testing.T) {
	files := []string{"/a/libaio1t64_0.3_amd64.deb", "/a/mysql-server-core-x_1_all.deb", "/a/mysql-server-core_9.7.4-2_amd64.deb"}
	version, err := packageVersion(files, mysqlPackage)
	require.NoError(t, err)
	require.Equal(t, "9.7.4-2", version)
	_, err = packageVersion(files[:2], mysqlPackage)
	require.ErrorContains(t, err, "no package mysql-server-core")
}

func TestTheReasonIsWhatAptSaysFirst(t *testing.T) {
	require.Equal(t, "E: Failed to fetch x", aptReason("W: noise\nE: Failed to fetch x\nE: Some index files failed\n"))
	require.Equal(t, "killed", aptReason("starting\nkilled\n"))
}

// The system's apt is left alone: every folder that is written to is our own.
func TestAptWorksInAFolderOfOurs(t *testing.T) {
	work := t.TempDir()
	options, err := aptSource{mirror: "http://mirror.test/debian/", keyring: "/k.gpg"}.prepare(work)
	require.NoError(t, err)
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		if strings.HasPrefix(name, "Dir::") && value != "/dev/null" {
			require.True(t, strings.HasPrefix(value, work), option)
		}
	}
	source, err := os.ReadFile(filepath.Join(work, "sources.list"))
	require.NoError(t, err)
	require.Equal(t, "deb [signed-by=/k.gpg target=Packages] http://mirror.test/debian/ sid main\n", string(source))
}

func TestMySQLsAccounts(t *testing.T) {
	m := MySQL{User: "durapay", Password: "it's", Grants: []string{"ALL ON *.*"}}
	statements := strings.Split(strings.TrimSpace(m.accounts()), "\n")
	require.Equal(t, "ALTER USER 'root'@'localhost' ACCOUNT LOCK;", statements[0]) // it has no password
	require.Contains(t, statements, "ALTER USER 'durapay'@'127.0.0.1' IDENTIFIED BY 'it''s';")
}
