package seed

import (
	"maps"
	"slices"
	"sync"
)

// conns is the set of connections that are served.
type conns struct {
	mu  sync.Mutex
	set map[*conn]bool
}

func (s *conns) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = make(map[*conn]bool)
	}
	s.set[c] = true
}

func (s *conns) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, c)
}

// all returns the connections in no particular order.
func (s *conns) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.set))
}

// disconnect closes the connections of all peers of a torrent.
func (s *conns) disconnect(t *Torrent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.set {
		if c.torrent == t {
			c.Close()
		}
	}
}
