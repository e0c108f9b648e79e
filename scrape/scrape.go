// Package scrape asks trackers about torrents: many torrents times their
// trackers, each tracker about all of its torrents at once, and makes a table
// of the answers, in which every failure has a name.
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

// What callers need of the packages below.
type (
	Client = client.Client
	Counts = tracker.Counts
	Status = client.Status
	Error  = client.Error
)

// Unknown stands for a count that no tracker told.
const Unknown = tracker.Unknown

// How asking a tracker ended. HTTP's own are "http-" and the code.
const (
	OK            = client.OK
	NotRegistered = client.NotRegistered // the tracker answers, and does not know the torrent
	BadURL        = client.BadURL
	Unsupported   = client.Unsupported // a scheme that is no tracker's (ErrScheme), or no scrape
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
	Failed        = client.Failed    // the tracker says so itself
	Truncated     = client.Truncated // the answer ends before its end
	Proxy         = client.Proxy
	Stopped       = client.Stopped // Run's context ended before there was an answer
)

// ErrScheme is wrapped by the error of a row whose URL has a scheme that no
// tracker has.
var ErrScheme = tracker.ErrScheme

// Options say how to ask. The zero value scrapes with a Client of its own.
type Options struct {
	Client *Client

	// AnnounceFallback registers with trackers that have no scrape, as a peer
	// that has nothing, and leaves again.
	AnnounceFallback bool

	// Peers announces to every tracker in order to list the peers.
	Peers bool

	// Force announces private torrents too.
	Force bool

	// Tick is called ten times a second from the goroutine that called Run, to
	// show the table as it fills; nil means it isn't.
	Tick func(*Table)

	// Previous is the table of an earlier run for the same torrents, or nil. Its
	// answers stay where a tracker wants to be left alone still.
	Previous *Table
}

// A Table is what the trackers said of the torrents.
type Table struct {
	Torrents []Torrent

	visits map[string]visit // by URL
}

// A Torrent has a place in the table for each of its swarms.
type Torrent struct {
	*Target
	Swarms []Swarm
}

// A Swarm is an info-hash and what each tracker said of it.
type Swarm struct {
	Hash
	Rows []Row // in the order of the tiers
}

// A Row is the answer of one tracker about one swarm.
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

// A Peer is one that a tracker told of.
type Peer struct {
	Addr   string // host:port
	Client string // by its peer id (BEP 20); empty: not known
}

// Best is the highest of each number that any tracker told: several trackers
// know the same peers, so a sum would count them twice.
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

// Answered counts the rows with numbers, and all.
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

// A visit is when a tracker was asked, and for how long it wants to be left
// alone then.
type visit struct {
	at   time.Time
	wait time.Duration
}

// maxWait bounds what a tracker can ask for.
const maxWait = 30 * time.Minute

const (
	// maxTrackers is how many trackers are asked at once: most of those that many
	// torrents name are dead, and nobody should wait behind them.
	maxTrackers = 256
)

// A job is one tracker, with the swarms to ask it about.
type job struct {
	url       string
	swarms    []*pending
	announces []event // what to announce after the scrape, with its answers

	// How long the tracker wants to be left alone. Run reads it when the job is done.
	mu   sync.Mutex
	wait time.Duration
}

// A pending swarm is asked about once, for all the rows that it stands in.
type pending struct {
	hash    [20]byte
	private bool // any of the torrents
	rows    []*Row
}

// An event is what a job has found out.
type event struct {
	swarm *pending
	row   Row // the answer; URL and Tier don't count
}

// Run asks all trackers of all targets and returns when all have answered or
// failed. What is open when ctx ends is stopped. Announces come after all scrapes,
// or some scrapes would count the peer that announces.
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

// fill takes what the jobs find out until all have ended.
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

// plan lays the table out, and what to ask whom in the order of the targets.
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
				return // perhaps the announce does better
			}
		}
		events <- e
	})
	j.leaveAlone(wait)
}

// leaveAlone notes how long the tracker wants not to be asked.
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
