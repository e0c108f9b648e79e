// Package scrape asks trackers how many seeders and leechers torrents have.
//
// [Run] asks all trackers of all torrents at once, each tracker about all of its
// torrents together, and returns a [Table] with a row for each tracker of each
// torrent. A row has numbers, or the [Status] of what went wrong:
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
// A [Client] asks one tracker.
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

	// Peers announces to every tracker, to list the peers that it returns.
	Peers bool

	// Force announces private torrents (BEP 27) too; false never does.
	Force bool

	// Tick, if not nil, is called ten times a second with the table so far, from the
	// goroutine that called Run.
	Tick func(*Table)

	// Previous is the table of an earlier run for the same targets, or nil. Rows of
	// trackers that asked to be left alone until later are taken from it.
	Previous *Table
}

// A Table is the answers of the trackers of torrents.
type Table struct {
	Torrents []TableTorrent // one for each target, in the same order

	visits map[string]visit // by URL
}

// A TableTorrent is one target with its swarms.
type TableTorrent struct {
	*Target
	Swarms []Swarm // one for each hash, in the same order
}

// A Swarm is an info-hash, and what each tracker said of it.
type Swarm struct {
	Hash
	Rows []Row // one for each tracker, in the order of the tiers
}

// A Row is the answer of one tracker for one swarm.
type Row struct {
	URL  string // as the target has it, passkey included
	Tier int    // counted from 1

	Status  Status // "" if there is no answer yet
	Counts  Counts // Unknown where there are none
	Err     error  // an *Error, or nil; with Options.Peers it may be of the announce, while Status is OK
	Private bool   // it was not announced, because the torrent is private
	Elapsed time.Duration
	Peers   []Peer
}

// A Peer is a peer that a tracker returned.
type Peer struct {
	Addr   string // host:port
	Client string // the client that its peer id names (BEP 20); "" if it is not known
}

// Best returns the highest of each number that any tracker told. Trackers know the
// same peers, so a sum would count them twice.
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

// Answered returns the number of rows whose status is OK, and of all rows.
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

// Run asks all trackers of all targets, and returns when all have answered or
// failed. When ctx ends, rows without an answer get the status [Stopped].
//
// Announces, if there are any, come after all scrapes, because a scrape would count
// the peer that announces.
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
			j.leaveAlone(a.Err.RetryIn)
		}
		if o.wantsAnnounce(&e) {
			j.announces = append(j.announces, e)
			if e.row.Status != StatusOK {
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
	r := Row{Status: client.StatusOK, Counts: a.Counts, Elapsed: a.Elapsed}
	if a.Err != nil {
		r.Counts = Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}
		r.Status, r.Err = a.Err.Status, a.Err
	}
	return r
}
