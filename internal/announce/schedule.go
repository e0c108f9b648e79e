package announce

import (
	"time"

	"bt/internal/tracker"
)

const (
	// defaultInterval is used if a tracker gives no interval. An interval that it
	// gives is limited to minInterval and maxInterval.
	defaultInterval = 30 * time.Minute
	minInterval     = time.Minute
	maxInterval     = 24 * time.Hour

	// hurryInterval is the least delay between two announces where more peers are needed,
	// as in Transmission.
	hurryInterval = 2 * time.Minute

	// After all trackers of a tier have failed, they are tried again after
	// firstBackoff, then after twice the last delay, up to maxBackoff.
	firstBackoff = 15 * time.Second
	maxBackoff   = 30 * time.Minute

	// announceTimeout limits an announce. Some trackers take 40 s to respond, and
	// over UDP the request for a connection id comes first. In the first round, a
	// tracker that is not the last of its tier gets hastyTimeout.
	announceTimeout = 100 * time.Second
	hastyTimeout    = 15 * time.Second

	// familyWait is how long one address family waits for the other's response before
	// it asks the next tracker of the tier.
	familyWait = 3 * time.Second

	// stopTimeout limits an announce with a stopped event, shortStopTimeout one to a
	// tracker that did not respond last, and shutdownTimeout all of those at the end
	// of Run. For a slow tracker the response is not awaited, only unansweredTime for
	// it to read the request.
	stopTimeout      = 5 * time.Second
	shortStopTimeout = 2 * time.Second
	shutdownTimeout  = 30 * time.Second
	unansweredTime   = 100 * time.Millisecond

	// stopTries is the maximum number of stopped events sent to a tracker that does
	// not respond. They take about two hours, after which the tracker has dropped the
	// peer anyway.
	stopTries = 12

	// Maximum number of concurrent announces: to one endpoint, to one endpoint at the
	// end of Run, to one endpoint that is not known to respond, and in total.
	maxPerHost      = 8
	maxPerHostAtEnd = 32
	maxPerSilent    = 1
	maxAnnounces    = 512
)

// backoff returns the delay after a number of consecutive failures, which starts at
// 1. chance, from 0 to 1, spreads announces to a tracker that recovers.
func backoff(failures int, chance float64) time.Duration {
	d := min(firstBackoff<<min(max(failures-1, 0), 10), maxBackoff)
	return d/2 + time.Duration(chance*float64(d/2))
}

// untilNext returns the delay after a response. chance, from 0 to 1, spreads
// announces.
func untilNext(r *tracker.AnnounceResponse, chance float64) time.Duration {
	d := r.Interval
	if d <= 0 {
		d = defaultInterval
	}
	d = min(max(d, r.MinInterval, minInterval), maxInterval)
	d += time.Duration(chance * float64(d) / 20) // only later than the tracker asks, never sooner
	return min(d, maxInterval)
}
