//go:build !linux

package auth

// lowerThreadPriority does nothing: only Linux has priorities per thread.
func lowerThreadPriority() {}
