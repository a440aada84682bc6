package auth

import "sync"

// What may be open at once: WebSockets and streams of server-sent events. All of them are counted
// in one process; other replicas count their own.
const (
	maxConnections        = 20_000 // each costs some 40 KB
	maxAddressConnections = 1_000  // of one IPv4 address, or /64 of IPv6
	maxUserConnections    = 50
)

// connections counts what is open, by network and by user. Its zero value counts none.
type connections struct {
	mu   sync.Mutex
	all  int
	some map[string]int
}

var (
	errTooManyConnections = &Error{Code: RateLimited, Message: "Too many connections are open. Close another first."}
	errServerFull         = &Error{Code: Overloaded, Message: "The server has too many connections. Try again later."}
)

// Connect counts a connection that stays open, by its network, until disconnect is called. Where
// there are too many it refuses with RATE_LIMITED or OVERLOADED.
func (s *Service) Connect(v *Viewer) (disconnect func(), err error) {
	if !s.connections.add(1) {
		return nil, errServerFull
	}
	release, err := s.occupy("network "+network(v.Client.Address), maxAddressConnections)
	if err != nil {
		s.connections.add(-1)
		return nil, err
	}
	return func() { release(); s.connections.add(-1) }, nil
}

// occupy counts one more under a key, where most are not there yet, until release is called.
func (s *Service) occupy(key string, most int) (release func(), err error) {
	if !s.RateLimits {
		return func() {}, nil
	}
	if !s.connections.take(key, most) {
		return nil, errTooManyConnections
	}
	return func() { s.connections.give(key) }, nil
}

// add changes how many connections there are, unless that would be too many.
func (c *connections) add(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && c.all+n > maxConnections {
		return false
	}
	c.all += n
	return true
}

func (c *connections) take(key string, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.some[key] >= most {
		return false
	}
	if c.some == nil {
		c.some = map[string]int{}
	}
	c.some[key]++
	return true
}

func (c *connections) give(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.some[key]--; c.some[key] == 0 {
		delete(c.some, key)
	}
}
