package scrape

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bt/internal/peerid"
	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// maxWait is the longest wait that a tracker can ask for.
const maxWait = 30 * time.Minute

// maxTrackers is the number of trackers that are asked at once. It is large because most
// trackers of old torrents are dead, and others should not wait for their timeouts.
const maxTrackers = 256

// A job is a tracker with the swarms to ask it about.
type job struct {
	url      string
	swarms   []*pending
	visitors []*visitor // set by scrape; nil if the tracker can't be asked
	families *families  // those of the visitors; not in the job, which the rows would keep alive; fill sets the addresses

	// Run reads these when the job is done.
	mu    sync.Mutex
	wait  time.Duration // before the next request
	limit int           // torrents in a scrape, 0 if no limit was found
}

// A visitor asks a tracker over one address family.
type visitor struct {
	*job
	client    *Client
	url       *tracker.URL
	at        int // index in visitors
	trace     client.Trace
	announces []event // swarms to announce after the scrape, with its answers
}

// A pending is a swarm to ask a tracker about, and all rows for its answer.
type pending struct {
	hash    [20]byte
	private bool // any of its torrents is private
	rows    []*Row
}

// An event is an answer for a swarm, over the family at of several. If those are nil, the
// tracker was not asked.
type event struct {
	swarm    *pending
	families *families // of the job
	at       int
	addr     netip.AddrPort // the address of the family
	answer   answer
	private  bool // not announced
	peers    []Peer
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
	if o.DHT != nil {
		t.askDHT(ctx, &o)
	}
	if o.Availability {
		t.askPeers(ctx, &o)
	}
	for _, j := range jobs {
		t.visits[j.url] = visit{time.Now(), min(j.wait, maxWait), j.limit}
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

// ticker returns a channel that signals ten times per second if that is wanted, else never.
func ticker(wanted bool) (ticks <-chan time.Time, stop func()) {
	if !wanted {
		return nil, func() {}
	}
	t := time.NewTicker(time.Second / 10)
	return t.C, t.Stop
}

// fill writes events to the table until all jobs have ended.
func (t *Table) fill(events <-chan event, tick func(*Table)) {
	ticks, stop := ticker(tick != nil)
	defer stop()
	for {
		select {
		case <-ticks:
			tick(t)
		case e, ok := <-events:
			if !ok {
				return
			}
			if e.families != nil {
				(*e.families.addresses)[e.at].addr = e.addr
			}
			for _, r := range e.swarm.rows {
				r.note(&e)
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
			swarm := Swarm{Hash: &target.Hashes[k]}
			known := make(map[string]bool)
			for tier, urls := range target.Trackers {
				for _, url := range urls {
					if known[url] {
						continue // in an earlier tier
					}
					known[url] = true
					swarm.Rows = append(swarm.Rows, Row{URL: url, Tier: tier + 1, Counts: unknown})
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

// scrape asks the tracker about all swarms, over each of its address families.
func (j *job) scrape(ctx context.Context, o *Options, events chan<- event) {
	u, networks, err := reach(ctx, o.Client, j.url)
	if err != nil {
		for _, s := range j.swarms {
			events <- event{swarm: s, answer: answerOf(client.Answer{Err: err})}
		}
		return
	}
	j.families = &families{addresses: new([]address)}
	for i, network := range networks {
		*j.families.addresses = append(*j.families.addresses, address{network: network})
		j.visitors = append(j.visitors, &visitor{job: j, client: o.Client.Family(network), url: u, at: i})
	}
	var g errgroup.Group
	for _, v := range j.visitors {
		g.Go(func() error {
			v.scrape(ctx, o, events)
			return nil
		})
	}
	_ = g.Wait()
}

// reach parses the URL of a tracker, and returns the address families of its host.
func reach(ctx context.Context, c *Client, rawURL string) (u *URL, networks []string, failed *Error) {
	u, err := tracker.ParseURL(rawURL)
	if err != nil {
		failed = &Error{Status: StatusBadURL, Msg: "its URL can't be used: " + err.Error(), Err: err}
		if errors.Is(err, tracker.ErrScheme) {
			failed.Status = StatusUnsupported
		}
		return nil, nil, failed
	}
	if networks, err = nil, ctx.Err(); err == nil {
		networks, err = c.Families(ctx, u)
	}
	if ctx.Err() != nil {
		return nil, nil, stopped
	}
	failed, _ = errors.AsType[*Error](err) // all errors of the client are
	return u, networks, failed
}

// stopped is the error of what was not answered before the context ended.
var stopped = &Error{Status: StatusStopped, Msg: "the run ended before it answered"}

// event returns an event of the visitor.
func (v *visitor) event(s *pending, a client.Answer) event {
	return event{swarm: s, families: v.families, at: v.at, addr: v.trace.Addr(), answer: answerOf(a)}
}

// scrape asks about all swarms.
func (v *visitor) scrape(ctx context.Context, o *Options, events chan<- event) {
	hashes := make([][20]byte, len(v.swarms))
	for i, s := range v.swarms {
		hashes[i] = s.hash
	}
	wait := v.client.Scrape(client.WithTrace(ctx, &v.trace), v.url, hashes, func(i int, a client.Answer) {
		e := v.event(v.swarms[i], a)
		if a.Err != nil {
			v.waitFor(a.Err.RetryIn)
		}
		if o.wantsAnnounce(&e) {
			v.announces = append(v.announces, e)
			if e.answer.status != StatusOK {
				return // the announce may get numbers
			}
		}
		events <- e
	})
	v.waitFor(wait)
	v.mu.Lock()
	defer v.mu.Unlock()
	if limit := v.trace.Limit(); limit > 0 && (v.limit == 0 || limit < v.limit) {
		v.limit = limit
	}
}

// waitFor records that the tracker asks to wait before the next request.
func (j *job) waitFor(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wait = max(j.wait, d)
}

func answerOf(a client.Answer) answer {
	if a.Err != nil {
		return answer{a.Err.Status, unknown, a.Err, a.Elapsed}
	}
	return answer{StatusOK, a.Counts, nil, a.Elapsed}
}
