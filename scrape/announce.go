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

	// wantPeers is the number of peers that an announce asks for. Trackers return fewer.
	wantPeers = 200

	// maxAnnounces is the maximum number of announces to a tracker at once.
	maxAnnounces = 4

	// stopTimeout is the timeout of an announce of stopped.
	stopTimeout = 5 * time.Second
)

// wantsAnnounce reports whether to announce after an answer to a scrape.
func (o *Options) wantsAnnounce(e *event) bool {
	noScrape := o.AnnounceFallback && e.answer.lacksScrape()
	if !o.Peers && !o.Availability && !noScrape {
		return false
	}
	if e.swarm.private && !o.Force {
		if noScrape {
			e.private = true
		}
		return false
	}
	switch e.answer.status {
	case client.StatusOK, client.StatusNotRegistered, client.StatusFailed:
		return true
	}
	return noScrape || e.answer.lacksScrape()
}

// lacksScrape reports whether trackers without scrape answer a scrape so.
func (a *answer) lacksScrape() bool {
	switch a.status {
	case client.StatusUnsupported, client.StatusFailed, client.StatusHTML, client.StatusEmpty,
		client.HTTPStatus(http.StatusBadRequest), client.HTTPStatus(http.StatusForbidden), client.HTTPStatus(http.StatusNotFound),
		client.HTTPStatus(http.StatusMethodNotAllowed), client.HTTPStatus(http.StatusNotImplemented):
		return true
	}
	return MayLackScrape(a.err)
}

// An announcer announces started and then stopped. All its announces are of the same
// peer.
type announcer struct {
	options *Options
	peerID  [20]byte
	key     uint32
}

// announceAll makes the announces of a job, over one address family after the other: a
// tracker that counts both as one swarm would count this peer twice.
func (a *announcer) announceAll(ctx context.Context, j *job, events chan<- event) {
	for _, v := range j.visitors {
		a.announceOver(ctx, v, events)
	}
}

// announceOver makes the announces of a visitor. If the tracker can't be reached, the
// remaining announces fail with the error of the first.
func (a *announcer) announceOver(ctx context.Context, v *visitor, events chan<- event) {
	ctx = client.WithTrace(ctx, &v.trace)
	var r reachability
	var g errgroup.Group
	g.SetLimit(maxAnnounces)
	for _, e := range v.announces {
		g.Go(func() error {
			began := time.Now()
			err := r.dead()
			if err == nil {
				err = a.announce(ctx, v, &e)
				r.note(err, began)
			}
			if err != nil {
				v.waitFor(err.RetryIn)
				e.failed(err, time.Since(began))
			}
			e.addr = v.trace.Addr()
			events <- e
			return nil
		})
	}
	_ = g.Wait()
}

// A reachability records whether a tracker can be reached. It is safe for concurrent
// use.
type reachability struct {
	mu       sync.Mutex
	answered time.Time
	err      *client.Error // not nil: the tracker can't be reached
}

// dead returns an error if the tracker can't be reached.
func (r *reachability) dead() *client.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// note records the outcome of an announce. If it failed, and the tracker has answered no
// other announce since it began, the tracker can't be reached.
func (r *reachability) note(err *client.Error, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil || err.Status == client.StatusFailed:
		r.answered = time.Now()
	case r.answered.Before(began):
		r.err = err
	}
}

// failed records that an announce failed. It keeps the numbers of a scrape.
func (e *event) failed(err *client.Error, elapsed time.Duration) {
	if e.answer.status != StatusOK {
		e.answer = answerOf(client.Answer{Err: err, Elapsed: elapsed})
		return
	}
	e.answer.err = err
}

// announce announces started, records the answer in e, and announces stopped.
func (a *announcer) announce(ctx context.Context, v *visitor, e *event) *client.Error {
	began := time.Now()
	resp, r, err := a.enter(ctx, v.client, v.url, e.swarm.hash)
	if err != nil {
		return err
	}
	counts, elapsed := resp.Counts, time.Since(began)
	left := leave(ctx, v.client, v.url, r)
	if left != nil && counts.Leechers > 0 && left.Counts.Leechers == counts.Leechers-1 {
		counts.Leechers-- // this peer
	}
	if e.answer.status != StatusOK && counts.Known() {
		e.answer = answer{StatusOK, counts, nil, elapsed}
	}
	if !a.options.Peers && !a.options.Availability {
		return nil
	}
	for _, p := range resp.Peers {
		switch p.Addr.Port() {
		case port, 0: // this peer, or another that only scrapes; 0 is no port
			continue
		}
		if p.Addr.Addr().IsUnspecified() {
			continue
		}
		e.peers = append(e.peers, Peer{Addr: peerAddr(p), Client: peerid.Client([]byte(p.ID))})
	}
	return nil
}

// enter announces started. If it succeeds, the caller must leave with the request that it
// returns; else enter does, if the tracker may have listed the peer.
func (a *announcer) enter(ctx context.Context, c *Client, u *URL, hash [20]byte) (resp *AnnounceResponse, r AnnounceRequest, err *Error) {
	r = tracker.AnnounceRequest{
		InfoHash: hash,
		PeerID:   a.peerID,
		Port:     port,
		Left:     1, // trackers don't return seeds to a seed
		Event:    tracker.EventStarted,
		Want:     wantPeers,
		Key:      a.key,
		PeerIDs:  a.options.Peers,
	}
	resp, err = ask(ctx, c, u, r)
	if err != nil && r.PeerIDs && (err.Status == client.HTTPStatus(http.StatusBadRequest) || strings.Contains(strings.ToLower(err.Msg), "compact")) {
		// Some trackers, opentracker among them, refuse announces that ask for peer ids.
		r.PeerIDs = false
		resp, err = ask(ctx, c, u, r)
	}
	if err != nil {
		if mayList(err) {
			leave(ctx, c, u, r)
		}
		return nil, r, err
	}
	r.TrackerID = resp.TrackerID
	return resp, r, nil
}

func ask(ctx context.Context, c *Client, u *URL, r AnnounceRequest) (*AnnounceResponse, *Error) {
	resp, err := c.Announce(ctx, u, r)
	if err == nil {
		return resp, nil
	}
	if ctx.Err() != nil {
		return nil, stopped
	}
	e, _ := errors.AsType[*client.Error](err) // all errors of the client are
	return nil, e
}

// leave announces stopped, even after ctx has ended, so that the tracker does not keep
// the peer in its list. It returns the answer, or nil if there is none.
func leave(ctx context.Context, c *Client, u *URL, r AnnounceRequest) *AnnounceResponse {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	r.Event, r.Want = tracker.EventStopped, 0
	resp, _ := ask(ctx, c, u, r)
	return resp
}

// mayList reports whether a tracker may have the peer in its list although the announce
// failed.
func mayList(e *client.Error) bool {
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
