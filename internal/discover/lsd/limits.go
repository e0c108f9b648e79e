package lsd

import (
	"net/netip"
	"time"
)

const (
	// Of all hosts, maxPerMinute messages are parsed per minute, and maxOfHost of each.
	maxPerMinute = 1200
	maxOfHost    = 60
)

// limits count the messages that were received within a minute. The number of hosts that
// are counted is that of the messages.
type limits struct {
	since time.Time
	n     int
	hosts map[netip.Addr]int
}

// allow counts a message, and reports whether it is to be parsed.
func (l *limits) allow(from netip.Addr, now time.Time) bool {
	if now.Sub(l.since) >= time.Minute {
		l.since, l.n, l.hosts = now, 0, make(map[netip.Addr]int)
	}
	if l.n >= maxPerMinute || l.hosts[from] >= maxOfHost {
		return false
	}
	l.n++
	l.hosts[from]++
	return true
}
