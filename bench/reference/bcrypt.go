package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// bcryptCommand verifies passwords, as many as the machine can.
type bcryptCommand struct {
	Cost     int           `default:"12" help:"The cost of the hash."`
	Duration time.Duration `default:"5s" help:"For how long."`
}

// Run prints how many a second.
func (c bcryptCommand) Run() error {
	password := []byte("a password of the length that is hashed, which is 64 characters.")
	hash, err := bcrypt.GenerateFromPassword(password, c.Cost)
	if err != nil {
		return err
	}
	rates := make([]float64, runtime.NumCPU())
	var running sync.WaitGroup
	for i := range rates {
		running.Go(func() {
			n, start := 0, time.Now()
			for time.Since(start) < c.Duration {
				if err := bcrypt.CompareHashAndPassword(hash, password); err != nil {
					panic(err) // it is the hash of this password
				}
				n++
			}
			rates[i] = float64(n) / time.Since(start).Seconds() // whole ones, in the time that they took
		})
	}
	running.Wait()
	total := 0.0
	for _, rate := range rates {
		total += rate
	}
	_, err = fmt.Println(total)
	return err
}
