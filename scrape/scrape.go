// Package scrape asks trackers how many seeders and leechers torrents have.
//
// [Run] scrapes all trackers of all torrents concurrently. It asks each tracker about
// all of its torrents together. It returns a [Table] with a row for each tracker of each
// torrent. A row has the numbers, or a [Status] that describes the error:
//
//	torrent, err := inspect.ReadFile("release.torrent")
//	if err != nil {
//		return err
//	}
//	table := scrape.Run(ctx, []scrape.Target{scrape.TorrentTarget(torrent)}, scrape.Options{})
//	for _, swarm := range table.Torrents[0].Swarms {
//		for _, row := range swarm.Rows {
//			fmt.Println(row.URL, row.Status, row.Counts.Seeders)
//		}
//	}
//
// A [Client] sends requests to a single tracker.
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

// Options are the choices of [Run]. The zero value only scrapes.
type Options struct {
	Client *Client // nil means a zero Client that is closed at the end

	// AnnounceFallback announces to trackers that have no scrape, as a peer that has
	// no data: started, then stopped.
	AnnounceFallback bool

	// Peers announces to every tracker, to get its list of peers.
	Peers bool

	// Force also announces private torrents (BEP 27), which otherwise are never
	// announced.
	Force bool

	// Tick, if not nil, is called ten times a second with the table so far, from the
	// goroutine that called Run.
	Tick func(*Table)

	// Previous is the table of an earlier run for the same targets, or nil. Trackers that
	// asked to wait longer are not asked again; their rows are copied from it.
	Previous *Table
}

// A Table holds the answers of trackers.
type Table struct {
	Torrents []TableTorrent // one for each target, in the same order

	visits map[string]visit // by tracker URL
}

// A TableTorrent is one target with its swarms.
type TableTorrent struct {
	*Target
	Swarms []Swarm // one for each hash, in the same order
}

// A Swarm is an info-hash, and the answer of each tracker for it.
type Swarm struct {
	Hash
	Rows []Row // one for each tracker, in the order of the tiers
}

// A Row is the answer of one tracker for one swarm.
type Row struct {
	URL  string // as in the target, including any passkey
	Tier int    // counted from 1

	Status  Status // "" if there is no answer yet
	Counts  Counts // Unknown if there is no number
	Err     error  // an *Error, or nil; with Options.Peers, if Status is StatusOK, the error of the announce
	Private bool   // not announced because the torrent is private
	Elapsed time.Duration
	Peers   []Peer
}

// A Peer is a peer that a tracker returned.
type Peer struct {
	Addr   string // host:port
	Client string // the client, by the peer id (BEP 20); "" if it is unknown
}

// Best returns the maximum of each number over all trackers. Trackers know the same
// peers, so a sum would count peers twice.
func (s *Swarm) Best() Counts {
	best := Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}
	for _, r := range s.Rows {
		if r.Status == client.StatusOK {
			best.Seeders = max(best.Seeders, r.Counts.Seeders)
			best.Leechers = max(best.Leechers, r.Counts.Leechers)
			best.Completed = max(best.Completed, r.Counts.Completed)
		}
	}
	return best
}

// Answered returns the number of rows with StatusOK, and of all rows.
func (t *Table) Answered() (ok, all int) {
	for _, torrent := range t.Torrents {
		for _, s := range torrent.Swarms {
			for _, r := range s.Rows {
				if all++; r.Status == client.StatusOK {
					ok++
				}
			}
		}
	}
	return ok, all
}

// A visit is the time of a request to a tracker, and the time to wait until the next.
type visit struct {
	at   time.Time
	wait time.Duration
}

// maxWait is the longest wait that a tracker can ask for.
const maxWait = 30 * time.Minute

// maxTrackers is the number of trackers that are asked at once. It is large because most
// trackers of old torrents are dead, and others should not wait for their timeouts.
const maxTrackers = 256

// A job is a tracker with the swarms to ask it about.
type job struct {
	url       string
	swarms    []*pending
	announces []event // swarms to announce after the scrape, with its answers

	// wait is the time to wait before the next request. Run reads it when the job is done.
	mu   sync.Mutex
	wait time.Duration
}

// A pending is a swarm to ask a tracker about, and all rows for its answer.
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

// Run asks all trackers of all targets, and returns when all have answered or
// failed. When ctx ends, rows without an answer get [StatusStopped].
//
// Announces are sent after all scrapes, because a scrape would count the peer that
// announces.
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

// each calls f concurrently for all jobs, and waits for them.
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
	t := &Table{Torrents: make([]TableTorrent, len(targets)), visits: make(map[string]visit)}
	var jobs []*job
	byURL := make(map[string]*job)
	bySwarm := make(map[string]map[[20]byte]*pending)
	for i := range targets {
		target := &targets[i]
		torrent := TableTorrent{Target: target}
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
		e := &client.Error{Status: client.StatusBadURL, Msg: "its URL can't be used: " + err.Error(), Err: err}
		if errors.Is(err, tracker.ErrScheme) {
			e.Status = client.StatusUnsupported
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
			j.waitFor(a.Err.RetryIn)
		}
		if o.wantsAnnounce(&e) {
			j.announces = append(j.announces, e)
			if e.row.Status != StatusOK {
				return // the announce may get numbers
			}
		}
		events <- e
	})
	j.waitFor(wait)
}

// waitFor records that the tracker asks to wait before the next request.
func (j *job) waitFor(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wait = max(j.wait, d)
}

// rowOf returns the row for an answer.
func rowOf(a client.Answer) Row {
	r := Row{Status: client.StatusOK, Counts: a.Counts, Elapsed: a.Elapsed}
	if a.Err != nil {
		r.Counts = Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}
		r.Status, r.Err = a.Err.Status, a.Err
	}
	return r
}
