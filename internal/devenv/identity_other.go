//go:build !linux

package devenv

import (
	"os/exec"
	"strconv"
	"strings"
)

// processIdentity tells one process from a later one that was given the same pid:
// its start time and command. It is empty when there is no such process.
func processIdentity(pid int) string {
	out, err := exec.Command("ps", "-o", "state=,lstart=,comm=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	state, rest, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.TrimSpace(rest)
}
