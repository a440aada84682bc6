package graph

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cache keeps values by a text, as many as weigh no more than a bound together. What was not asked
// for the longest goes first. Clients decide what is put in, so the bound holds at every moment.
type cache[V any] struct {
	most  int
	weigh func(key string, value V) int

	mu      sync.Mutex
	weight  int
	entries *simplelru.LRU[string, V]
}

func newCache[V any](most int, weigh func(key string, value V) int) *cache[V] {
	c := &cache[V]{most: most, weigh: weigh}
	c.entries, _ = simplelru.NewLRU(math.MaxInt, func(key string, value V) { c.weight -= weigh(key, value) })
	return c
}

func (c *cache[V]) get(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.Get(key)
}

// add keeps a value, unless there is one by its key.
func (c *cache[V]) add(key string, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries.Contains(key) {
		return
	}
	c.weight += c.weigh(key, value)
	for c.weight > c.most && c.entries.Len() > 0 {
		c.entries.RemoveOldest()
	}
	c.entries.Add(key, value)
}
