package auth

import "syscall"

// lowerThreadPriority makes the calling thread give way to all others of the process. Where
// the kernel refuses, the bounded pool alone must do.
func lowerThreadPriority() {
	// A thirtieth of a normal thread's share while both want the core. The scheduler lets others
	// wait for a thread at 10 twice as long as for one at 19, at which a server that is busy
	// otherwise would hardly let anybody log in.
	const niceness = 15
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
}
