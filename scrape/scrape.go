// Package scrape asks trackers for the number of seeders and leechers of torrents. It
// asks each tracker about all of its torrents at once, and returns a table of the
// answers. Each failure has a Status.
package scrape

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bt/internal/peerid"
	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// Types of other packages that callers need.
type (
	Client = client.Client
	Counts = tracker.Counts
	Status = client.Status
	Error  = client.Error
)

// Unknown is a count that the tracker did not give.
const Unknown = tracker.Unknown

// The outcomes of a request. For HTTP codes it is "http-" and the code.
const (
	OK            = client.OK
	NotRegistered = client.NotRegistered // the tracker answers and does not know the torrent
	BadURL        = client.BadURL
	Unsupported   = client.Unsupported // the scheme is not one of trackers (ErrScheme), or the tracker has no scrape
	DNS           = client.DNS
	NoRoute       = client.NoRoute
	Refused       = client.Refused
	Timeout       = client.Timeout
	TLS           = client.TLS
	Redirect      = client.Redirect
	HTML          = client.HTML
	Empty         = client.Empty
	TooBig        = client.TooBig
	Malformed     = client.Malformed
	Failed        = client.Failed    // the tracker reports a failure
	Truncated     = client.Truncated // the answer ends before its end
	Proxy         = client.Proxy
	Stopped       = client.Stopped // Run's context ended before there was an answer
)

// ErrScheme is wrapped by the error of a row whose URL has a scheme that is not one
// of trackers.
var ErrScheme = tracker.ErrScheme

// Options are the choices of a Run. The zero value scrapes with a Client of its own.
type Options struct {
	Client *Client

	// AnnounceFallback announces to trackers that have no scrape, as a peer that has
	// no data: started, then stopped.
	AnnounceFallback bool

	// Peers announces to every tracker in order to list the peers.
	Peers bool

	// Force makes Peers and AnnounceFallback apply to private torrents too.
	Force bool

	// Tick, if non-nil, is called ten times a second with the table as it fills, from
	// the goroutine that called Run.
	Tick func(*Table)

	// Previous, if non-nil, is the table of an earlier Run for the same torrents. A
	// tracker that asked for a longer pause is not asked again, and the new table has
	// its old answers.
	Previous *Table
}

// A Table is the answers of the trackers of torrents.
type Table struct {
	Torrents []Torrent

	visits map[string]visit // by URL
}

// A Torrent is the answers for one torrent, by swarm.
type Torrent struct {
	*Target
	Swarms []Swarm
}

// A Swarm is an info-hash and the answer of each tracker for it.
type Swarm struct {
	Hash
	Rows []Row // in the order of the tiers
}

// A Row is the answer of one tracker for one swarm.
type Row struct {
	URL  string // as the torrent has it
	Tier int    // from 1

	Status  Status // empty: no answer yet
	Counts  Counts // Unknown where there is none
	Err     *Error // what went wrong, of the announce for peers if Status is OK; it may quote the tracker, and so a secret of the URL
	Private bool   // it would have been announced, but the torrent is private
	Elapsed time.Duration
	Peers   []Peer
}

// A Peer is a peer that a tracker listed.
type Peer struct {
	Addr   string // host:port
	Client string // by its peer id (BEP 20); empty: not known
}

// Best returns the highest of each number over all trackers: several trackers know
// the same peers, so a sum would count them twice.
func (s *Swarm) Best() Counts {
	best := Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}
	for _, r := range s.Rows {
		if r.Status == client.OK {
			best.Seeders = max(best.Seeders, r.Counts.Seeders)
			best.Leechers = max(best.Leechers, r.Counts.Leechers)
			best.Completed = max(best.Completed, r.Counts.Completed)
		}
	}
	return best
}

// Answered returns the number of rows with Status OK, and of all rows.
func (t *Table) Answered() (ok, all int) {
	for _, torrent := range t.Torrents {
		for _, s := range torrent.Swarms {
			for _, r := range s.Rows {
				if all++; r.Status == client.OK {
					ok++
				}
			}
		}
	}
	return ok, all
}

// A visit is when a tracker was asked, and for how long it asked not to be asked
// again.
type visit struct {
	at   time.Time
	wait time.Duration
}

// maxWait is the longest pause that a tracker can ask for.
const maxWait = 30 * time.Minute

// maxTrackers is how many trackers are asked at once. Most trackers of old torrents
// are dead, and the others should not wait for their timeouts.
const maxTrackers = 256

// A job is one tracker, with the swarms to ask it about.
type job struct {
	url       string
	swarms    []*pending
	announces []event // what to announce after the scrape, with its answers

	// How long the tracker asks not to be asked again. Run reads it when the job is done.
	mu   sync.Mutex
	wait time.Duration
}

// A pending swarm is asked about once, for all rows that have it.
type pending struct {
	hash    [20]byte
	private bool // any of its torrents is private
	rows    []*Row
}

// An event is an answer for a swarm.
type event struct {
	swarm *pending
	row   Row // without URL and Tier
}

// Run asks all trackers of all targets and returns when all have answered or failed.
// Requests that have not ended when ctx ends fail with Stopped. All scrapes come
// before the announces, so that none counts the peer that announces.
func Run(ctx context.Context, targets []Target, o Options) *Table {
	if o.Client == nil {
		o.Client = new(Client)
		defer o.Client.Close()
	}
	t, jobs := plan(targets, o.Previous)
	a := announcer{options: &o, peerID: peerid.New(), key: rand.Uint32()}
	events := make(chan event, 64)
	go func() {
		defer close(events)
		each(jobs, func(j *job) { j.scrape(ctx, &o, events) })
		each(jobs, func(j *job) { a.announceAll(ctx, j, events) })
	}()
	t.fill(events, o.Tick)
	for _, j := range jobs {
		t.visits[j.url] = visit{time.Now(), min(j.wait, maxWait)}
	}
	return t
}

// each calls f for all jobs, for many at once, and waits for them.
func each(jobs []*job, f func(*job)) {
	var g errgroup.Group
	g.SetLimit(maxTrackers)
	for _, j := range jobs {
		g.Go(func() error {
			f(j)
			return nil
		})
	}
	_ = g.Wait()
}

// fill writes events to the table until all jobs have ended.
func (t *Table) fill(events <-chan event, tick func(*Table)) {
	var ticks <-chan time.Time
	if tick != nil {
		ticker := time.NewTicker(time.Second / 10)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ticks:
			tick(t)
		case e, ok := <-events:
			if !ok {
				return
			}
			for _, r := range e.swarm.rows {
				url, tier := r.URL, r.Tier
				*r = e.row
				r.URL, r.Tier = url, tier
			}
		}
	}
}

// plan returns the empty table, and a job for each tracker, in the order of the
// targets.
func plan(targets []Target, previous *Table) (*Table, []*job) {
	t := &Table{Torrents: make([]Torrent, len(targets)), visits: make(map[string]visit)}
	var jobs []*job
	byURL := make(map[string]*job)
	bySwarm := make(map[string]map[[20]byte]*pending)
	for i := range targets {
		target := &targets[i]
		torrent := Torrent{Target: target}
		for k, hash := range target.Hashes {
			swarm := Swarm{Hash: hash}
			known := make(map[string]bool)
			for tier, urls := range target.Trackers {
				for _, url := range urls {
					if known[url] {
						continue // in an earlier tier
					}
					known[url] = true
					swarm.Rows = append(swarm.Rows, Row{URL: url, Tier: tier + 1, Counts: Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}})
				}
			}
			for n := range swarm.Rows {
				row := &swarm.Rows[n]
				if previous != nil {
					v := previous.visits[row.URL]
					if old := &previous.Torrents[i].Swarms[k].Rows[n]; time.Since(v.at) < v.wait {
						*row = *old
						t.visits[row.URL] = v
						continue
					}
				}
				j := byURL[row.URL]
				if j == nil {
					j = &job{url: row.URL}
					jobs = append(jobs, j)
					byURL[row.URL], bySwarm[row.URL] = j, make(map[[20]byte]*pending)
				}
				p := bySwarm[row.URL][hash.InfoHash]
				if p == nil {
					p = &pending{hash: hash.InfoHash}
					j.swarms = append(j.swarms, p)
					bySwarm[row.URL][hash.InfoHash] = p
				}
				p.rows = append(p.rows, row)
				p.private = p.private || target.Private
			}
			torrent.Swarms = append(torrent.Swarms, swarm)
		}
		t.Torrents[i] = torrent
	}
	return t, jobs
}

// scrape asks the tracker about all swarms.
func (j *job) scrape(ctx context.Context, o *Options, events chan<- event) {
	u, err := tracker.ParseURL(j.url)
	if err != nil {
		e := &client.Error{Status: client.BadURL, Msg: "its URL can't be used: " + err.Error(), Err: err}
		if errors.Is(err, tracker.ErrScheme) {
			e.Status = client.Unsupported
		}
		for _, s := range j.swarms {
			events <- event{s, rowOf(client.Answer{Err: e})}
		}
		return
	}
	hashes := make([][20]byte, len(j.swarms))
	for i, s := range j.swarms {
		hashes[i] = s.hash
	}
	wait := o.Client.Scrape(ctx, u, hashes, func(i int, a client.Answer) {
		e := event{j.swarms[i], rowOf(a)}
		if a.Err != nil {
			j.leaveAlone(a.Err.RetryIn)
		}
		if o.wantsAnnounce(&e) {
			j.announces = append(j.announces, e)
			if e.row.Status != OK {
				return // the announce may get numbers
			}
		}
		events <- e
	})
	j.leaveAlone(wait)
}

// leaveAlone notes how long the tracker asks not to be asked again.
func (j *job) leaveAlone(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wait = max(j.wait, d)
}

// rowOf makes a row of an answer.
func rowOf(a client.Answer) Row {
	r := Row{Status: client.OK, Counts: a.Counts, Elapsed: a.Elapsed}
	if a.Err != nil {
		r.Counts = Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}
		r.Status, r.Err = a.Err.Status, a.Err
	}
	return r
}
