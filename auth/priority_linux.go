package auth

import "syscall"

// lowerThreadPriority makes the calling thread give way to all others of the process. Where
// the kernel refuses, the bounded pool alone must do.
func lowerThreadPriority() {
	const niceness = 10 // a tenth of a normal thread's share while both want the core
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
}
