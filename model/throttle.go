package model

// Throttle counts attempts under one key. It is forgotten when nobody tried for a while.
type Throttle struct {
	Key          string `bun:",pk"`
	Attempts     int
	BlockedUntil Time
	ForgottenAt  Time
}
