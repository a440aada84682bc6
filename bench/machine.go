package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// machine is what was measured, and on what.
type machine struct {
	Cores    int    `json:"cores"`
	CPU      string `json:"cpu"`
	Memory   string `json:"memory"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Commit   string `json:"commit,omitempty"`   // of the program's sources
	Modified bool   `json:"modified,omitempty"` // whether they differ from that
	Given    string `json:"given,omitempty"`    // the SHA-256 of a program that was given and not built
}

// host returns the machine without the program.
func (m machine) host() machine {
	m.Commit, m.Modified, m.Given = "", false, ""
	return m
}

// source names the sources of the program.
func (m machine) source() string {
	switch {
	case m.Given != "":
		return "a program with the SHA-256 " + m.Given
	case m.Commit == "":
		return "sources without a commit"
	case m.Modified:
		return "commit " + m.Commit + " with changes"
	default:
		return "commit " + m.Commit
	}
}

// thisMachine returns what the rig measures on, and what.
func thisMachine(ctx context.Context, r *rig) (machine, error) {
	m := machine{
		Cores:  runtime.NumCPU(),
		CPU:    field("/proc/cpuinfo", "model name"),
		Memory: gigabytes(field("/proc/meminfo", "MemTotal")),
		Go:     runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel, _, _ = strings.Cut(strings.TrimSpace(string(release)), "-") // what follows names a build
	}
	if r.Server != "" {
		text, err := os.ReadFile(r.Server)
		m.Given = fmt.Sprintf("%x", sha256.Sum256(text))
		return m, err
	}
	m.Commit = git(ctx, r.root, "rev-parse", "--short=12", "HEAD")
	m.Modified = git(ctx, r.root, "status", "--porcelain", "--untracked-files=no") != ""
	return m, nil
}

// gigabytes rounds what the kernel counts in kilobytes, such as "16384000 kB".
func gigabytes(size string) string {
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(size, " kB"))
	if err != nil {
		return size
	}
	return fmt.Sprintf("%.0f GB", float64(kilobytes)*1024/1e9)
}

// field returns the first value of a name in one of the kernel's lists, or nothing.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// git returns what a git command prints, or nothing where the sources are not in a repository.
func git(ctx context.Context, root string, args ...string) string {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = root
	out, err := command.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
