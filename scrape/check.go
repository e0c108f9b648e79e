package scrape

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bt/internal/peerid"
	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// CheckOptions are the choices of [Check]. The zero value never announces.
type CheckOptions struct {
	Client *Client // nil means a zero Client that is closed at the end

	// AnnounceFallback also announces a random info-hash, started and then stopped. That
	// shows whether the tracker accepts torrents that are not registered with it.
	AnnounceFallback bool

	// Tick, if not nil, is called ten times a second with the result so far, from the
	// goroutine that called Check.
	Tick func([]Tracker)
}

// A Tracker is the state of a tracker, by its answers for a random info-hash, which no
// torrent has.
type Tracker struct {
	URL string // including any passkey

	// Status is StatusOK if the tracker answers with numbers, or has no scrape but
	// answers announces. For StatusNotRegistered and StatusFailed it works too: it says
	// so of the info-hash. The empty Status means that there is no answer yet.
	Status   Status
	Err      error // an *Error, or nil
	Families []Family

	Scrapes         Answered
	Limit           int           // torrents that it answers for in one scrape; 0: no limit was found
	Interval        time.Duration // between announces; 0: unknown
	MinInterval     time.Duration // between announces or scrapes; 0: unknown
	CertificateEnds time.Time     // zero: there is none, or it is unknown
	Unlisted        Answered      // whether it accepts torrents that are not registered with it
}

// Works reports whether the tracker answers as a tracker does.
func (t *Tracker) Works() bool { return isAnswer(t.Status) }

// isAnswer reports whether a status is that of a tracker that works.
func isAnswer(s Status) bool {
	return s == StatusOK || s == StatusNotRegistered || s == StatusFailed
}

// Answered is whether a question was answered with yes or no.
type Answered uint8

// The answers. The zero Answered is AnsweredNot.
const (
	AnsweredNot Answered = iota // there is no answer
	AnsweredYes
	AnsweredNo
)

// Check asks trackers about themselves, and returns when all have answered or failed. The
// result has one Tracker for each URL, in the same order. If ctx ends, those without an
// answer have [StatusStopped].
func Check(ctx context.Context, urls []string, o CheckOptions) []Tracker {
	if o.Client == nil {
		o.Client = new(Client)
		defer o.Client.Close()
	}
	c := &checker{
		client: o.Client, fallback: o.AnnounceFallback, trackers: make([]Tracker, len(urls)),
		announcer: announcer{options: new(Options), peerID: peerid.New(), key: mathrand.Uint32()},
	}
	for i, url := range urls {
		c.trackers[i].URL = url
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var g errgroup.Group
		g.SetLimit(maxTrackers)
		for i, url := range urls {
			g.Go(func() error {
				c.check(ctx, i, url)
				return nil
			})
		}
		_ = g.Wait()
	}()
	c.wait(done, o.Tick)
	return c.trackers
}

// A checker is the state of one call of Check.
type checker struct {
	client    *Client
	fallback  bool
	announcer announcer

	mu       sync.Mutex
	trackers []Tracker
}

// wait calls tick with copies of the trackers until all are checked.
func (c *checker) wait(done <-chan struct{}, tick func([]Tracker)) {
	ticks, stop := ticker(tick != nil)
	defer stop()
	for {
		select {
		case <-done:
			return
		case <-ticks:
			c.mu.Lock()
			snapshot := append([]Tracker(nil), c.trackers...)
			c.mu.Unlock()
			tick(snapshot)
		}
	}
}

// check checks the tracker with an index.
func (c *checker) check(ctx context.Context, i int, rawURL string) {
	t := Tracker{URL: rawURL}
	u, networks, err := reach(ctx, c.client, rawURL)
	if err != nil {
		t.Status, t.Err = err.Status, err
	} else {
		c.ask(ctx, u, networks, &t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trackers[i] = t
}

// ask asks a tracker over its address families, at the same time.
func (c *checker) ask(ctx context.Context, u *URL, networks []string, t *Tracker) {
	checks := make([]*check, len(networks))
	var g errgroup.Group
	for i, network := range networks {
		checks[i] = &check{client: c.client.Family(network), url: u, network: network}
		g.Go(func() error {
			checks[i].run(ctx)
			return nil
		})
	}
	_ = g.Wait()
	best := checks[0]
	for _, k := range checks {
		if k.answer.rank() < best.answer.rank() {
			best = k
		}
		if end := k.trace.CertificateEnds(); !end.IsZero() {
			t.CertificateEnds = end
		}
	}
	t.MinInterval = best.minInterval
	if best.scrapes == AnsweredYes {
		t.Limit = best.limit(ctx)
	}
	if c.fallback && (best.works() || best.lacksScrape) {
		c.announce(ctx, best, t)
	}
	for _, k := range checks {
		t.Families = append(t.Families, k.family())
	}
	t.Status, t.Err, t.Scrapes = best.answer.status, best.answer.err, best.scrapes
}

// announce announces a random info-hash over the family that works best.
func (c *checker) announce(ctx context.Context, k *check, t *Tracker) {
	began := time.Now()
	resp, r, err := c.announcer.enter(client.WithTrace(ctx, &k.trace), k.client, k.url, randomHash())
	switch {
	case err == nil:
		elapsed := time.Since(began)
		leave(ctx, k.client, k.url, r)
		t.Unlisted = AnsweredYes
		t.Interval, t.MinInterval = resp.Interval, max(t.MinInterval, resp.MinInterval)
		k.announced(elapsed)
	case err.Status == StatusFailed:
		t.Unlisted = AnsweredNo
		k.announced(time.Since(began))
	case !k.works():
		k.answer = answer{err.Status, unknown, err, time.Since(began)}
	}
}

// A check asks a tracker over one address family.
type check struct {
	client  *Client
	url     *URL
	network string
	trace   client.Trace

	answer      answer
	scrapes     Answered
	lacksScrape bool // by its answer to a scrape
	minInterval time.Duration
}

func (k *check) works() bool { return isAnswer(k.answer.status) }

func (k *check) family() Family {
	a := &k.answer
	return Family{k.network, k.trace.Addr(), a.status, a.counts, a.err, a.elapsed}
}

// run scrapes a random info-hash. If the tracker has no scrape, it finds out whether it
// answers otherwise.
func (k *check) run(ctx context.Context) {
	ctx = client.WithTrace(ctx, &k.trace)
	k.minInterval = k.client.Scrape(ctx, k.url, [][20]byte{randomHash()}, func(_ int, a client.Answer) { k.answer = answerOf(a) })
	switch s := k.answer.status; {
	case s == StatusOK || s == StatusNotRegistered:
		k.scrapes = AnsweredYes
	case s == StatusFailed: // of the info-hash, or of any scrape
	case client.Connects(k.answer.err): // over UDP
		k.lacksScrape = true
		k.announced(0)
	case k.answer.lacksScrape():
		k.lacksScrape = true
		if k.url.Scheme == "http" || k.url.Scheme == "https" {
			k.withoutScrape(ctx)
		}
	}
}

// withoutScrape asks an HTTP tracker that has no scrape whether it answers announces.
func (k *check) withoutScrape(ctx context.Context) {
	began := time.Now()
	e := k.client.Answers(ctx, k.url, randomHash())
	if ctx.Err() != nil {
		e = stopped
	}
	if e != nil {
		k.answer = answer{e.Status, unknown, e, time.Since(began)}
		return
	}
	k.announced(time.Since(began))
}

// announced records that the tracker answers announces. If it has no scrape, that is its
// answer.
func (k *check) announced(elapsed time.Duration) {
	if k.lacksScrape {
		k.scrapes = AnsweredNo
		k.answer = answer{StatusOK, unknown, nil, elapsed}
	}
}

// limit sends a long scrape of random info-hashes, to find out for how many of them the
// tracker answers.
func (k *check) limit(ctx context.Context) int {
	hashes := make([][20]byte, tracker.MaxScrapeUDP)
	for i := range hashes {
		hashes[i] = randomHash()
	}
	return k.client.ScrapeLimit(ctx, k.url, hashes)
}

func randomHash() (hash [20]byte) {
	_, _ = rand.Read(hash[:]) // never fails
	return hash
}
