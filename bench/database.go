package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// filled returns the address of a SQLite database with so many users, and a session for each, which
// is the question's own until it is done. Filling takes long, so that it is a copy of one that is
// kept for the next time.
func (r *rig) filled(ctx context.Context, t *trial, users int) (address string, err error) {
	kept, err := r.kept(ctx, users)
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp(r.dir, "database-")
	if err != nil {
		return "", err
	}
	t.later(func() error { return os.RemoveAll(folder) })
	path := filepath.Join(folder, "authgraph.db")
	return "sqlite:" + path, copyFile(kept, path)
}

// kept returns the file of the cache with so many users, and makes it where it is missing. Its name
// tells of everything that it is made from.
func (r *rig) kept(ctx context.Context, users int) (path string, err error) {
	sum := sha256.New()
	for _, pattern := range []string{"store/migrations/*.sql", "bench/fill/*.go", "bench/people/*.go"} {
		sources, err := filepath.Glob(filepath.Join(r.root, pattern))
		if err != nil {
			return "", err
		}
		for _, source := range sources {
			text, err := os.ReadFile(source)
			if err != nil {
				return "", err
			}
			sum.Write(text)
		}
	}
	folder, err := r.cacheFolder()
	if err != nil {
		return "", err
	}
	path = filepath.Join(folder, fmt.Sprintf("%d-%d-%s.db", users, r.BcryptCost, hex.EncodeToString(sum.Sum(nil)[:6])))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	unfinished := filepath.Join(r.dir, "filling.db")
	if err := r.fill(ctx, "sqlite:"+unfinished, users); err != nil {
		return "", err
	}
	// First beside its place, so that nobody finds half of it there.
	if err := copyFile(unfinished, path+".part"); err != nil {
		return "", err
	}
	if err := os.Remove(unfinished); err != nil {
		return "", err
	}
	return path, os.Rename(path+".part", path)
}

// cacheFolder returns where filled databases are kept.
func (r *rig) cacheFolder() (string, error) {
	folder := r.Cache
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(user, "authgraph-bench")
	}
	return folder, os.MkdirAll(folder, 0o755)
}

// fill puts so many users into a database.
func (r *rig) fill(ctx context.Context, address string, users int) error {
	fmt.Fprintf(r.say, "filling a database with %d users\n", users)
	command := exec.CommandContext(ctx, r.filler, "--database", address, "--bcrypt-cost", strconv.Itoa(r.BcryptCost),
		"--users", strconv.Itoa(users), "--sessions", strconv.Itoa(users))
	command.Stdout, command.Stderr = r.say, r.say
	if users < 100_000 { // it is done before anyone could read how far it is
		command.Stdout, command.Stderr = nil, nil
	}
	return command.Run()
}

// copyFile copies a file.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	defer target.Close() // again, after it was closed below
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Close()
}
