package seed

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

const (
	// An announce that a tracker gives no time for is repeated after this, and
	// none sooner than leastInterval.
	defaultInterval = 30 * time.Minute
	leastInterval   = time.Minute

	// After all trackers of a tier have failed the next try is after firstBackoff,
	// and then twice as long each time.
	firstBackoff = 15 * time.Second
	maxBackoff   = 30 * time.Minute

	// goodbye is how long it may take to tell a tracker that we leave.
	goodbye = 5 * time.Second
)

// backoff is how long to wait after so many failures in a row, the first being
// 1. chance is from 0 to 1: a tracker that was down is not asked by everybody at
// once when it is back.
func backoff(failures int, chance float64) time.Duration {
	d := min(firstBackoff<<min(max(failures-1, 0), 10), maxBackoff)
	return d/2 + time.Duration(chance*float64(d/2))
}

// untilNext is how long to wait after an answer. chance is from 0 to 1.
func untilNext(r *tracker.AnnounceResponse, chance float64) time.Duration {
	d := r.Interval
	if d == 0 {
		d = defaultInterval
	}
	least := max(r.MinInterval, leastInterval)
	d = max(d, least)
	return d + time.Duration(chance*float64(d)/20) // later is polite, sooner is not
}

// A tier is a tier of trackers of one swarm (BEP 12): they are asked in turn
// until one answers, which is then the first.
type tier struct {
	torrent *torrent
	swarm   *swarm
	urls    []string
	key     uint32

	notBefore map[string]time.Time // by URL; BEP 31
	at        string               // the tracker that knows us; empty: none
	id        string               // its tracker id
}

// announceAll announces a torrent to all its tiers until ctx ends, and leaves.
func (t *torrent) announceAll(ctx context.Context, wait func(func())) {
	key := rand.Uint32()
	for i := range t.swarms {
		for _, urls := range t.trackers {
			r := &tier{torrent: t, swarm: t.swarms[i], urls: slices.Clone(urls), key: key, notBefore: make(map[string]time.Time)}
			rand.Shuffle(len(r.urls), func(i, k int) { r.urls[i], r.urls[k] = r.urls[k], r.urls[i] })
			wait(func() { r.run(ctx) })
		}
	}
}

func (r *tier) run(ctx context.Context) {
	defer r.leave(ctx)
	for failures := 0; ; {
		next, ok := r.announce(ctx)
		if ok {
			failures = 0
		} else {
			failures++
			next = max(next, backoff(failures, rand.Float64()))
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// announce asks the trackers in turn until one answers, and returns how long to
// wait then; false: none did.
func (r *tier) announce(ctx context.Context) (next time.Duration, ok bool) {
	now := time.Now()
	for i, url := range r.urls {
		if wait := r.notBefore[url].Sub(now); wait > 0 {
			if next == 0 || wait < next {
				next = wait
			}
			continue
		}
		event := tracker.None
		if r.at != url {
			event = tracker.Started
		}
		resp, err := r.ask(ctx, url, event)
		if ctx.Err() != nil {
			return 0, false
		}
		e := Event{Kind: Announce, Torrent: r.torrent.meta, Tracker: url, Err: err, Seeders: -1, Leechers: -1}
		if err != nil {
			if f, ok := errors.AsType[*client.Error](err); ok && f.RetryIn > 0 {
				r.notBefore[url] = now.Add(min(f.RetryIn, 24*time.Hour)) // also where it says never: nothing is for ever
			}
			r.torrent.seeder.emit(e)
			continue
		}
		r.at, r.id = url, resp.TrackerID
		copy(r.urls[1:i+1], r.urls[:i])
		r.urls[0] = url
		next = untilNext(resp, rand.Float64())
		e.Message, e.Seeders, e.Leechers, e.Next = resp.Warning, resp.Counts.Seeders, resp.Counts.Leechers, next
		r.torrent.seeder.emit(e)
		return next, true
	}
	return next, false
}

func (r *tier) ask(ctx context.Context, url string, event tracker.Event) (*tracker.AnnounceResponse, error) {
	u, err := tracker.ParseURL(url)
	if err != nil {
		return nil, err
	}
	s := r.torrent.seeder
	req := tracker.AnnounceRequest{
		InfoHash: r.swarm.hash, PeerID: s.options.PeerID, Port: s.port, IP: s.options.IP, Key: r.key,
		Uploaded: r.swarm.uploaded.Load(), Left: r.torrent.left.Load(), Event: event,
		Want: 0, // peers come to us
	}
	if url == r.at {
		req.TrackerID = r.id
	}
	return s.announceByAll(ctx, u, req)
}

// announceByAll announces over every IP version that peers can reach us by
// (BEP 7): a tracker knows us by the addresses that it sees. One of them may be
// missing at either end, so one answer is enough.
func (s *Seeder) announceByAll(ctx context.Context, u *tracker.URL, req tracker.AnnounceRequest) (*tracker.AnnounceResponse, error) {
	type answer struct {
		resp *tracker.AnnounceResponse
		err  error
	}
	answers := make([]answer, len(s.trackers))
	var wg sync.WaitGroup
	for i, c := range s.trackers {
		wg.Go(func() {
			answers[i].resp, answers[i].err = c.Announce(ctx, u, req)
		})
	}
	wg.Wait()
	best := answers[0]
	for _, a := range answers[1:] {
		if best.err != nil && (a.err == nil || isUnreachable(best.err)) {
			best = a
		}
	}
	return best.resp, best.err
}

// isUnreachable tells that there was nobody to ask over an IP version.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.NoRoute || e.Status == client.DNS)
}

// trackerClients returns a client for each IP version that peers can reach the
// listener by.
func trackerClients(listener netip.Addr, name string) []*client.Client {
	var networks []string
	switch {
	case listener.Is4():
		networks = []string{"4"}
	case listener.Is6() && !listener.IsUnspecified():
		networks = []string{"6"}
	default: // all addresses of both
		networks = []string{"4", "6"}
	}
	var list []*client.Client
	for _, n := range networks {
		list = append(list, &client.Client{Network: n, UserAgent: name})
	}
	return list
}

// leave tells the tracker that knows us that we are gone.
func (r *tier) leave(ctx context.Context) {
	if r.at == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	_, _ = r.ask(ctx, r.at, tracker.Stopped) // it will find out
}
