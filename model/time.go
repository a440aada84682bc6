package model

import "time"

// Time is a point in time in microseconds since the Unix epoch, UTC. Databases keep it
// as an integer: it scans faster than text and means the same in every one of them. The
// zero Time means "never" or "not set" and is kept as NULL where the column allows it.
type Time int64

// NewTime returns t, cut to microseconds.
func NewTime(t time.Time) Time { return Time(t.UnixMicro()) }

// IsZero reports whether t means "never" or "not set".
func (t Time) IsZero() bool { return t == 0 }

// Add returns the time d after t.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Microseconds()) }

// Sub returns how long t is after u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Microsecond }

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

// String formats t by RFC 3339, in UTC.
func (t Time) String() string { return t.Std().Format(time.RFC3339Nano) }
