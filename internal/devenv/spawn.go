package devenv

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// A process is bound by Pdeathsig to the thread that created it, not to the
// parent process: when the Go runtime retires that thread, the child is killed.
// So every child is created on one thread that is locked and never ends.
var spawner = struct {
	once     sync.Once
	requests chan spawnRequest
}{requests: make(chan spawnRequest)}

type spawnRequest struct {
	cmd  *exec.Cmd
	done chan error
}

// Spawn starts cmd in a process group of its own. On Linux the child gets
// onParentDeath when this process ends, however it ends; elsewhere it is left
// running and found by its pid file.
func Spawn(cmd *exec.Cmd, onParentDeath syscall.Signal) error {
	cmd.SysProcAttr = childAttributes(onParentDeath)
	spawner.once.Do(func() { go serveSpawns(spawner.requests) })
	request := spawnRequest{cmd: cmd, done: make(chan error, 1)}
	spawner.requests <- request
	return <-request.done
}

func serveSpawns(requests <-chan spawnRequest) {
	runtime.LockOSThread()
	for request := range requests {
		request.done <- request.cmd.Start()
	}
}
