package swarm

import "time"

// Where hostFailures calls in a row to one host were not answered, it is not called for
// hostRetry, and for twice that after each further one, up to maxHostRetry. A tracker that
// names many ports of a host could else direct all our calls to it.
const (
	hostFailures = 50
	hostRetry    = time.Minute
	maxHostRetry = 32 * time.Minute
)

// A calledHost is what is known of a host that has contacts, in all torrents.
type calledHost struct {
	contacts int
	failures int // calls in a row without an answer
	next     time.Time
}

// host returns the host of a contact.
func (c *contacts) host(k *contact) *calledHost {
	prefix := hostPrefix(k.addr.Addr())
	h := c.hosts[prefix]
	if h == nil {
		h = new(calledHost)
		c.hosts[prefix] = h
	}
	return h
}

// leaveHost records that a contact was removed.
func (c *contacts) leaveHost(k *contact) {
	h := c.host(k)
	if h.contacts--; h.contacts == 0 {
		delete(c.hosts, hostPrefix(k.addr.Addr()))
	}
}

// called records a call to the host, which was answered or not.
func (h *calledHost) called(answered bool, now time.Time) {
	if answered {
		h.failures, h.next = 0, time.Time{}
		return
	}
	if h.failures++; h.failures >= hostFailures {
		h.next = now.Add(min(hostRetry<<min(h.failures-hostFailures, 10), maxHostRetry))
	}
}
