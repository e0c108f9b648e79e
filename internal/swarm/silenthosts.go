package swarm

import (
	"net/netip"
	"time"
)

const (
	// Where hostFailures calls in a row to one host were not answered, it is not called
	// for hostRetry, and for twice that after each further one, up to maxHostRetry. A
	// tracker that names many ports of a host could else direct all our calls to it.
	hostFailures = 50
	hostRetry    = time.Minute
	maxHostRetry = 32 * time.Minute

	// maxSilent is how many hosts are remembered.
	maxSilent = 10_000
)

// silentHosts are the hosts that have not answered the last call, at whatever port and
// for whatever torrent.
type silentHosts map[netip.Prefix]silence

// A silence is the number of calls in a row without an answer, and the time before which
// there are no more.
type silence struct {
	calls int
	next  time.Time
}

// called records a call to a host, which was answered or not.
func (s silentHosts) called(ip netip.Addr, answered bool, now time.Time) {
	host := hostPrefix(ip)
	if answered {
		delete(s, host)
		return
	}
	if len(s) >= maxSilent {
		s.shrink()
	}
	h := s[host]
	if h.calls++; h.calls >= hostFailures {
		h.next = now.Add(min(hostRetry<<min(h.calls-hostFailures, 10), maxHostRetry))
	}
	s[host] = h
}

// shrink forgets the hosts that may be called or, if there are none, all.
func (s silentHosts) shrink() {
	for host, h := range s {
		if h.calls < hostFailures {
			delete(s, host)
		}
	}
	if len(s) >= maxSilent {
		clear(s)
	}
}
