package store

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// descriptors is where Linux lists the files that a process has open.
const descriptors = "/proc/self/fd"

// mapWALIndex returns the memory that the SQLite file at path, which this process has open, shares
// with others that have it open, to be read only; nil where it cannot be had.
//
// It is mapped from the descriptor that SQLite holds. One of our own could never be closed: to
// close any descriptor of a file gives up all locks that the process has on it, and SQLite's are
// among them (https://www.sqlite.org/howtocorrupt.html, section 2.2).
func mapWALIndex(path string) []byte {
	path, err := filepath.EvalSymlinks(path) // what SQLite keeps beside a file has the file's own name
	if err != nil {
		return nil
	}
	index, err := os.Stat(path + "-shm")
	if err != nil {
		return nil
	}
	open, err := os.ReadDir(descriptors)
	if err != nil {
		return nil
	}
	for _, entry := range open {
		descriptor, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if file, err := os.Stat(filepath.Join(descriptors, entry.Name())); err != nil || !os.SameFile(file, index) {
			continue
		}
		if memory, err := unix.Mmap(descriptor, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED); err == nil {
			return memory
		}
	}
	return nil
}

func unmapWALIndex(memory []byte) {
	if memory != nil {
		_ = unix.Munmap(memory)
	}
}
