package announce

import (
	"time"

	"bt/internal/tracker"
)

const (
	// An announce that a tracker gives no time for is repeated after
	// defaultInterval. What it gives is brought between leastInterval and
	// mostInterval.
	defaultInterval = 30 * time.Minute
	leastInterval   = time.Minute
	mostInterval    = 24 * time.Hour

	// After all trackers of a tier have failed the next try is after firstBackoff,
	// and then twice as long each time.
	firstBackoff = 15 * time.Second
	maxBackoff   = 30 * time.Minute

	// announceTimeout is how long an announce may take: there are trackers that answer
	// after 40 s, over UDP first the request for a connection id. A tracker that is
	// not the last of its tier gets hastyTimeout in the first round.
	announceTimeout = 100 * time.Second
	hastyTimeout    = 15 * time.Second

	// familyWait is how long one address family waits for the other's answer before it
	// asks the next tracker of a tier.
	familyWait = 3 * time.Second

	// stopTimeout is how long it may take to tell a tracker stopped, shortStopTimeout one
	// that did not answer last, and shutdownTimeout all of them in the end. A slow
	// tracker gets unansweredTime to read a stopped that was sent: its answer is not
	// waited for.
	stopTimeout      = 5 * time.Second
	shortStopTimeout = 2 * time.Second
	shutdownTimeout  = 30 * time.Second
	unansweredTime   = 100 * time.Millisecond

	// stopTries is how often a tracker is told stopped until it answers. That takes about
	// two hours, after which it has forgotten the swarm by itself.
	stopTries = 12

	// How many announces are under way at once: to one endpoint, to one that is told
	// stopped for all swarms, to one that is not known to answer, and to all.
	maxPerHost      = 8
	maxPerHostAtEnd = 32
	maxPerSilent    = 1
	maxAnnounces    = 512
)

// backoff returns how long to wait after so many failures in a row, the first being
// 1. chance is from 0 to 1: a tracker that was down is not asked by all at once when
// it is back.
func backoff(failures int, chance float64) time.Duration {
	d := min(firstBackoff<<min(max(failures-1, 0), 10), maxBackoff)
	return d/2 + time.Duration(chance*float64(d/2))
}

// untilNext returns how long to wait after an answer. chance is from 0 to 1.
func untilNext(r *tracker.AnnounceResponse, chance float64) time.Duration {
	d := r.Interval
	if d <= 0 {
		d = defaultInterval
	}
	d = min(max(d, r.MinInterval, leastInterval), mostInterval)
	d += time.Duration(chance * float64(d) / 20) // later is polite, sooner is not
	return min(d, mostInterval)
}
