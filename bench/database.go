package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// filled returns the address of a SQLite database with so many users, and a session for each. It is
// the run's own, since questions change it: a copy of one that is kept, since filling takes long.
func (r *rig) filled(ctx context.Context, users int) (address string, err error) {
	path := filepath.Join(r.dir, fmt.Sprintf("%d.db", users))
	address = "sqlite:" + path
	if _, err := os.Stat(path); err == nil {
		return address, nil
	}
	kept, err := r.kept(ctx, users)
	if err != nil {
		return "", err
	}
	if err := copyFile(kept, path); err != nil {
		return "", err
	}
	// What is kept may be from before the newest migration.
	_, err = r.authgraph(ctx, address, "migrate")
	return address, err
}

// kept returns the file of the cache with so many users, and makes it where it is missing. Its name
// tells of what it is made from.
func (r *rig) kept(ctx context.Context, users int) (path string, err error) {
	version, err := r.fillVersion()
	if err != nil {
		return "", err
	}
	folder, err := r.cacheFolder()
	if err != nil {
		return "", err
	}
	path = filepath.Join(folder, fmt.Sprintf("%d-%d-%s.db", users, r.BcryptCost, version))
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

// fillVersion names the sources of what fills databases.
func (r *rig) fillVersion() (string, error) {
	sum := sha256.New()
	for _, folder := range []string{"bench/fill", "bench/people"} {
		sources, err := filepath.Glob(filepath.Join(r.root, folder, "*.go"))
		if err != nil {
			return "", err
		}
		for _, source := range sources {
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			text, err := os.ReadFile(source)
			if err != nil {
				return "", err
			}
			sum.Write(text)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
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

// copyFile copies a file, to the end: nothing is left to be written while something is measured.
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
	return errors.Join(target.Sync(), target.Close())
}
