package store

import lru "github.com/hashicorp/golang-lru/v2"

// recalled is how many answers are recalled at most: about 1 KiB each.
const recalled = 4000

// recall keeps what credentials stand for, in this process, for as long as nobody changes the
// database: neither this process nor another one, whether a server, a command or a shell. It looks
// each time whether somebody has, so that a revocation binds at the next request wherever it was
// made.
//
// A nil recall reads each time.
type recall struct {
	version *sqliteVersion
	answers *lru.Cache[question, recollection]
}

// question is what was asked: what has this value.
type question struct {
	lookup *lookup
	value  string
}

// recollection is an answer that was read when the database had a version, or later.
type recollection struct {
	version   int64
	authority *Authority
}

func newRecall(version *sqliteVersion) *recall {
	answers, err := lru.New[question, recollection](recalled)
	if err != nil {
		panic(err) // only a size that is not positive is refused
	}
	return &recall{version: version, answers: answers}
}

// authority returns the answer to a question, which read reads.
func (r *recall) authority(asked question, read func() (*Authority, error)) (*Authority, error) {
	if r == nil {
		return read()
	}
	version, err := r.version.read()
	if err != nil {
		return read() // which tells of the outage, if this is one
	}
	if known, ok := r.answers.Get(asked); ok && known.version == version {
		return known.authority.clone(), nil
	}
	authority, err := read()
	if err == nil {
		// What was committed after the version was asked for may be in it: then this is forgotten
		// sooner than it need be, and never later.
		r.answers.Add(asked, recollection{version, authority.clone()})
	}
	return authority, err
}

// clone returns a copy whose user, session and token can be changed.
func (a *Authority) clone() *Authority {
	copied := &Authority{Roles: a.Roles}
	copied.User, copied.Session, copied.APIToken = copyOf(a.User), copyOf(a.Session), copyOf(a.APIToken)
	return copied
}

func copyOf[T any](value *T) *T {
	if value == nil {
		return nil
	}
	copied := *value
	return &copied
}

func (r *recall) close() error {
	if r == nil {
		return nil
	}
	return r.version.close()
}
