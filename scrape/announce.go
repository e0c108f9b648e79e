package scrape

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bt/internal/peerid"
	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

const (
	// port is what the announces tell: nobody is to be reached there.
	port = 9 // discard (RFC 863)

	// wantPeers is how many peers are asked for; trackers give fewer.
	wantPeers = 200

	// maxAnnounces is how many announces a tracker gets at once.
	maxAnnounces = 4

	// leaving is how long saying goodbye may take.
	leaving = 5 * time.Second
)

// wantsAnnounce reports whether to announce after this answer to a scrape.
func (o *Options) wantsAnnounce(e *event) bool {
	noScrape := o.AnnounceFallback && lacksScrape(e.row.Status)
	if !o.Peers && !noScrape {
		return false
	}
	if e.swarm.private && !o.Force {
		if noScrape {
			e.row.Private = true
		}
		return false
	}
	switch e.row.Status {
	case client.OK, client.NotRegistered, client.Failed:
		return true
	}
	return noScrape || lacksScrape(e.row.Status)
}

// lacksScrape reports whether a tracker that answers so may have no scrape.
func lacksScrape(s Status) bool {
	switch s {
	case client.Unsupported, client.Failed, client.HTML, client.Empty,
		client.HTTPStatus(http.StatusBadRequest), client.HTTPStatus(http.StatusForbidden), client.HTTPStatus(http.StatusNotFound),
		client.HTTPStatus(http.StatusMethodNotAllowed), client.HTTPStatus(http.StatusNotImplemented):
		return true
	}
	return false
}

// An announcer registers with trackers, and leaves again. All of a run are one
// peer.
type announcer struct {
	options *Options
	peerID  [20]byte
	key     uint32
}

// announceAll announces to one tracker what its scrape left to announce. A tracker
// that can't be reached is given up: the rest fails as the first did.
func (a *announcer) announceAll(ctx context.Context, j *job, events chan<- event) {
	u, err := tracker.ParseURL(j.url)
	if err != nil {
		return // and there is nothing to announce
	}
	var r reach
	var g errgroup.Group
	g.SetLimit(maxAnnounces)
	for _, e := range j.announces {
		g.Go(func() error {
			began := time.Now()
			err := r.dead()
			if err == nil {
				err = a.announce(ctx, u, &e)
				r.note(err, began)
			}
			if err != nil {
				j.leaveAlone(err.RetryIn)
				e.failed(err, time.Since(began))
			}
			events <- e
			return nil
		})
	}
	_ = g.Wait()
}

// A reach is whether a tracker can be reached. It is safe for use by several
// goroutines.
type reach struct {
	mu       sync.Mutex
	answered time.Time
	err      *client.Error // why the tracker is given up; nil: it is not
}

// dead returns why the tracker is given up; nil: it is not.
func (r *reach) dead() *client.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// note takes the outcome of an announce, which gives the tracker up if it has not
// answered since the announce began.
func (r *reach) note(err *client.Error, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil || err.Status == client.Failed:
		r.answered = time.Now()
	case r.answered.Before(began):
		r.err = err
	}
}

// failed notes that an announce has failed. Numbers of a scrape stay.
func (e *event) failed(err *client.Error, elapsed time.Duration) {
	if e.row.Status != OK {
		e.row = rowOf(client.Answer{Err: err, Elapsed: elapsed})
		return
	}
	e.row.Err = err
}

// announce registers with the tracker, notes what it tells, and leaves again.
func (a *announcer) announce(ctx context.Context, u *tracker.URL, e *event) *client.Error {
	r := tracker.AnnounceRequest{
		InfoHash: e.swarm.hash,
		PeerID:   a.peerID,
		Port:     port,
		Left:     1, // a seed would not be told of seeds
		Event:    tracker.Started,
		Want:     wantPeers,
		Key:      a.key,
		PeerIDs:  a.options.Peers,
	}
	began := time.Now()
	resp, err := a.ask(ctx, u, r)
	if err != nil && r.PeerIDs && (err.Status == client.HTTPStatus(http.StatusBadRequest) || strings.Contains(strings.ToLower(err.Msg), "compact")) {
		// Some trackers, opentracker among them, refuse announces that ask for ids.
		r.PeerIDs = false
		resp, err = a.ask(ctx, u, r)
	}
	if err != nil {
		if mayHaveHeard(err) {
			a.leave(ctx, u, r)
		}
		return err
	}
	counts := resp.Counts
	elapsed := time.Since(began)
	r.TrackerID = resp.TrackerID
	left := a.leave(ctx, u, r)
	if left != nil && counts.Leechers > 0 && left.Counts.Leechers == counts.Leechers-1 {
		counts.Leechers-- // that was us
	}
	if e.row.Status != OK && counts.Known() {
		e.row = Row{Status: OK, Counts: counts, Elapsed: elapsed}
	}
	if !a.options.Peers {
		return nil
	}
	for _, p := range resp.Peers {
		if p.Addr.Port() == port { // that is us, or another who only asks
			continue
		}
		e.row.Peers = append(e.row.Peers, Peer{Addr: peerAddr(p), Client: peerid.Client([]byte(p.ID))})
	}
	return nil
}

func (a *announcer) ask(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) (*tracker.AnnounceResponse, *client.Error) {
	resp, err := a.options.Client.Announce(ctx, u, r)
	if err == nil {
		return resp, nil
	}
	if ctx.Err() != nil {
		return nil, &client.Error{Status: client.Stopped, Msg: "the run ended before it answered"}
	}
	e, _ := errors.AsType[*client.Error](err) // as all of the client's are
	return nil, e
}

// leave tells the tracker that the peer is gone, also after Ctrl-C: nobody should
// be sent here. It returns the answer, if there is one.
func (a *announcer) leave(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) *tracker.AnnounceResponse {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	r.Event, r.Want = tracker.Stopped, 0
	resp, _ := a.ask(ctx, u, r)
	return resp
}

// mayHaveHeard reports whether a tracker may know us although the announce failed.
func mayHaveHeard(e *client.Error) bool {
	switch e.Status {
	case client.BadURL, client.Unsupported, client.DNS, client.NoRoute, client.Refused, client.TLS, client.Proxy, client.Failed:
		return false
	}
	return true
}

func peerAddr(p tracker.Peer) string {
	if p.Host != "" {
		return net.JoinHostPort(p.Host, strconv.Itoa(int(p.Addr.Port())))
	}
	return p.Addr.String()
}
