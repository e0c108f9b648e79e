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
	// port is the port in announces. Peers that connect there get no answer.
	port = 9 // discard (RFC 863)

	// wantPeers is how many peers an announce asks for; trackers give fewer.
	wantPeers = 200

	// maxAnnounces is the maximum number of announces to a tracker at once.
	maxAnnounces = 4

	// leaving is how long an announce of stopped may take.
	leaving = 5 * time.Second
)

// wantsAnnounce reports whether to announce after an answer to a scrape.
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
	case client.StatusOK, client.StatusNotRegistered, client.StatusFailed:
		return true
	}
	return noScrape || lacksScrape(e.row.Status)
}

// lacksScrape reports whether a status is one of trackers without scrape.
func lacksScrape(s Status) bool {
	switch s {
	case client.StatusUnsupported, client.StatusFailed, client.StatusHTML, client.StatusEmpty,
		client.HTTPStatus(http.StatusBadRequest), client.HTTPStatus(http.StatusForbidden), client.HTTPStatus(http.StatusNotFound),
		client.HTTPStatus(http.StatusMethodNotAllowed), client.HTTPStatus(http.StatusNotImplemented):
		return true
	}
	return false
}

// An announcer announces started and then stopped. All announces of a Run are of the
// same peer.
type announcer struct {
	options *Options
	peerID  [20]byte
	key     uint32
}

// announceAll makes the announces of a job. A tracker that can't be reached is given
// up: the announces that are left fail with the error of the first.
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

// A reach is whether a tracker can be reached. It is safe for concurrent use.
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
	case err == nil || err.Status == client.StatusFailed:
		r.answered = time.Now()
	case r.answered.Before(began):
		r.err = err
	}
}

// failed notes that an announce has failed. It keeps the numbers of a scrape.
func (e *event) failed(err *client.Error, elapsed time.Duration) {
	if e.row.Status != StatusOK {
		e.row = rowOf(client.Answer{Err: err, Elapsed: elapsed})
		return
	}
	e.row.Err = err
}

// announce announces started, notes the answer in e, and announces stopped.
func (a *announcer) announce(ctx context.Context, u *tracker.URL, e *event) *client.Error {
	r := tracker.AnnounceRequest{
		InfoHash: e.swarm.hash,
		PeerID:   a.peerID,
		Port:     port,
		Left:     1, // trackers list no seeds to a seed
		Event:    tracker.EventStarted,
		Want:     wantPeers,
		Key:      a.key,
		PeerIDs:  a.options.Peers,
	}
	began := time.Now()
	resp, err := a.ask(ctx, u, r)
	if err != nil && r.PeerIDs && (err.Status == client.HTTPStatus(http.StatusBadRequest) || strings.Contains(strings.ToLower(err.Msg), "compact")) {
		// Some trackers, opentracker among them, refuse announces that ask for peer ids.
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
		counts.Leechers-- // this peer
	}
	if e.row.Status != StatusOK && counts.Known() {
		e.row = Row{Status: StatusOK, Counts: counts, Elapsed: elapsed}
	}
	if !a.options.Peers {
		return nil
	}
	for _, p := range resp.Peers {
		if p.Addr.Port() == port { // this peer, or another that only scrapes
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
		return nil, &client.Error{Status: client.StatusStopped, Msg: "the run ended before it answered"}
	}
	e, _ := errors.AsType[*client.Error](err) // as all errors of the client
	return nil, e
}

// leave announces stopped, also after ctx has ended, so that the tracker does not list
// the peer. It returns the answer; nil: there is none.
func (a *announcer) leave(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) *tracker.AnnounceResponse {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	r.Event, r.Want = tracker.EventStopped, 0
	resp, _ := a.ask(ctx, u, r)
	return resp
}

// mayHaveHeard reports whether a tracker may list the peer although its announce
// failed.
func mayHaveHeard(e *client.Error) bool {
	switch e.Status {
	case client.StatusBadURL, client.StatusUnsupported, client.StatusDNS, client.StatusNoRoute, client.StatusRefused, client.StatusTLS, client.StatusProxy, client.StatusFailed:
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
