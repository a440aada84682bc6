package main

import (
	"context"
	"debug/elf"
	"errors"
	"os"
)

// megabyte is a unit of sizes.
const megabyte = 1_000_000

// binary: how large is the program, without anything that it needs beside it?
var binary = question{
	name: "binary", title: "size of the program",
	open: func(_ context.Context, r *rig) (*trial, error) {
		t := &trial{rows: []row{{name: "size", title: "stripped, static, with the playground", unit: "MB", of: "binary", goal: atMost(32)}}}
		t.sides = []side{{name: "binary", take: func(context.Context) (readings, error) {
			if err := checkStatic(r.server); err != nil {
				return nil, err
			}
			info, err := os.Stat(r.server)
			if err != nil {
				return nil, err
			}
			return readings{"binary": float64(info.Size()) / megabyte}, nil
		}}}
		return t, nil
	},
}

// checkStatic returns an error where a program needs libraries, or holds what only debuggers need.
func checkStatic(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if file.Section(".interp") != nil || file.Section(".dynamic") != nil {
		return errors.New("the program is not static")
	}
	if file.Section(".symtab") != nil {
		return errors.New("the program is not stripped")
	}
	return nil
}
