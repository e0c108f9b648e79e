package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
	"bt/maketorrent"
	"bt/scrape"
)

type scrapeFlags struct {
	trackers         [][]string // tiers
	csv              bool
	watch            option[time.Duration]
	timeout, maxTime option[time.Duration]
	retries          option[int]
	bep15            bool
	announceFallback bool
	peers, force     bool
	availability     bool
	peer             []maketorrent.Node
	dht              bool
	dhtNodes         []maketorrent.Node
	proxy            option[*url.URL]
	insecure         bool
	family           familyOptions
}

func scrapeCommand(e *env) *cli.Command {
	var f scrapeFlags
	return &cli.Command{
		Name:      "scrape",
		Usage:     "ask trackers how many seeders and leechers there are",
		UsageText: "bt scrape X... [FLAGS]\n   bt scrape --tracker URL... [FLAGS]",
		ArgsUsage: "X is a torrent, a magnet link, an info-hash, a directory (all torrents in and under it), or - for a list of these on stdin, one per line. A hybrid torrent is two swarms; the numbers of several trackers, and of the two IP versions of one, are never added up, because they count the same peers. Without X, the trackers themselves are checked, by a random info-hash.",
		Description: `bt scrape movie.torrent
bt scrape ~/torrents --watch 5m
bt scrape ~/torrents --json > monday.json; bt retracker ~/torrents --drop-dead sunday.json --drop-dead monday.json
bt scrape 0123456789abcdef0123456789abcdef01234567 --tracker udp://tracker.example:6969
bt scrape - --csv < hashes.txt --tracker https://tracker.example/announce
bt scrape --tracker https://tracker.example/announce,udp://tracker.example:6969
bt scrape --tracker @trackers.txt --json --watch 10m
bt scrape movie.torrent --peers
bt scrape movie.torrent --availability
bt scrape 0123456789abcdef0123456789abcdef01234567 --dht --availability`,
		Flags: slices.Concat([]cli.Flag{
			listFlag(&f.trackers, tiersOrStdin, "tracker", "ask only `URL`; again for further ones; @FILE has one on each line, @- is standard input", "a", "announce"),
			e.options.jsonFlag("print the result as one JSON document, with --watch one per line"),
			switchFlag(&f.csv, "csv", "print the result as CSV, one line for each torrent and tracker"),
			valueFlag(&f.watch, watchInterval, "watch", "ask again every `DURATION` and show what changes"),
			valueFlag(&f.timeout, parseDuration, "timeout", "limit each request, including retries, to `DURATION` (default: 15s)"),
			valueFlag(&f.maxTime, parseDuration, "max-time", "end after `DURATION`, even if answers are missing"),
			valueFlag(&f.retries, numberFrom(0), "retries", "repeat a request without an answer `N` times, after 2, 4, 8 ... seconds (default: 2)"),
			switchFlag(&f.bep15, "bep15", "wait for UDP trackers as long as BEP 15 says: 15, 30, 60 ... seconds, regardless of --timeout"),
			switchFlag(&f.announceFallback, "announce-fallback", "where a tracker has no scrape, register with it and leave again; without a torrent, find out whether trackers accept torrents that are not registered"),
			switchFlag(&f.peers, "peers", "list the peers; this registers with the trackers and leaves again"),
			switchFlag(&f.availability, "availability", "ask the peers which pieces they have, and count the copies of each piece; this registers with the trackers and leaves again"),
			listFlag(&f.peer, nodes, "peer", "with --availability: ask the peer `HOST:PORT` too; again for more"),
			switchFlag(&f.dht, "dht", "look up the swarms in the DHT too: its peers, and estimates of their numbers; never private torrents"),
			dhtNodeFlag(&f.dhtNodes),
			switchFlag(&f.force, "force", "announce private torrents too", "f"),
			valueFlag(&f.proxy, proxyURL, "proxy", "ask through the proxy `URL`: http, https or socks5 (default: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)"),
			switchFlag(&f.insecure, "insecure", "accept any certificate"),
		}, f.family.flags(), []cli.Flag{
			e.options.revealFlag("show passkeys and passwords; JSON and CSV always have them"),
			e.options.maxSizeFlag("torrent or list"),
		}),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runScrape(ctx, u, args, &f) }),
	}
}

func runScrape(ctx context.Context, u *ui, args []string, f *scrapeFlags) error {
	if len(args) == 0 && len(f.trackers) == 0 {
		return withHint(failf(exitUsage, "no torrent given"), "--tracker URL without a torrent checks the tracker itself")
	}
	s, err := f.scraper(u)
	if err != nil {
		return err
	}
	defer s.options.Client.Close()
	u.env.boundsMemory = true
	trackers, err := listedTrackers(ctx, u.env, f.trackers)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return s.checkTrackers(ctx, trackers, f)
	}
	if s.named, err = peerAddrs(ctx, u, f.peer, nil, f.family, true); err != nil {
		return err
	}
	targets, err := s.readTargets(ctx, args, trackers)
	if err != nil {
		return err
	}
	s.warnInsecure()
	s.warnPrivate(targets)
	if len(targets) == 0 {
		return s.nothingAsked()
	}
	s.explain("asking about %s", count(len(targets), "torrent"))
	return s.within(ctx, s.torrentAsker(targets))
}

// checkTrackers checks trackers without a torrent.
func (s *scraper) checkTrackers(ctx context.Context, trackers [][]string, f *scrapeFlags) error {
	for _, flag := range []givenSwitch{{"peers", f.peers}, {"availability", f.availability}, {"dht", f.dht}} {
		if flag.given {
			return failf(exitUsage, "--%s: no torrent given", flag.name)
		}
	}
	s.warnInsecure()
	return s.within(ctx, s.checker(trackers))
}

// warnPrivate warns of what is not asked about private torrents.
func (s *scraper) warnPrivate(targets []scrape.Target) {
	for _, t := range targets {
		if !t.Private {
			continue
		}
		if (s.options.Peers || s.options.Availability) && !s.options.Force {
			s.warn("%s is private, so its peers are not requested; --force announces it", t.Name)
		}
		if s.options.DHT != nil {
			s.warn("%s is private, so it is not looked up in the DHT", t.Name)
		}
	}
}

// nothingAsked prints the result if no argument could be read.
func (s *scraper) nothingAsked() error {
	if s.json {
		if err := s.newJSON(false).item(s.resultOf(new(scrape.Table)).document(s.env.now())); err != nil {
			return err
		}
	}
	return errNo
}

// within runs the scraper for at most --max-time.
func (s *scraper) within(ctx context.Context, ask asker) error {
	if s.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.maxTime)
		defer cancel()
	}
	return s.run(ctx, ask)
}

// warnInsecure warns of --insecure, even with -q, so that it does not become a habit.
func (s *scraper) warnInsecure() {
	if s.options.Client.Insecure {
		s.env.say(s.errPal.Yellow("warning:"), "certificates are not checked: attackers on the network can read and change everything, including passkeys")
	}
}

// scraper returns a scraper for the flags.
func (f *scrapeFlags) scraper(u *ui) (*scraper, error) {
	if err := oneFlag(givenSwitch{"json", u.env.options.json}, givenSwitch{"csv", f.csv}); err != nil {
		return nil, err
	}
	if err := f.family.check(); err != nil {
		return nil, err
	}
	if err := f.checkPeers(); err != nil {
		return nil, err
	}
	s := &scraper{ui: u, family: f.family, csv: f.csv, interval: f.watch.value, maxTime: f.maxTime.value}
	s.options = scrape.Options{
		Client: &scrape.Client{
			Timeout:   cmp.Or(f.timeout.value, 15*time.Second),
			BEP15:     f.bep15,
			Insecure:  f.insecure,
			UserAgent: "bt/" + version,
			Proxy:     proxies(u.env, f.proxy.value),
		},
		AnnounceFallback: f.announceFallback,
		Peers:            f.peers,
		Availability:     f.availability,
		PeerTimeout:      min(f.timeout.value, maxPeerTimeout), // 0 means the default
		Force:            f.force,
	}
	if f.dht {
		list, err := u.env.dhtNodes(f.dhtNodes)
		if err != nil {
			return nil, err
		}
		s.options.DHT = &scrape.DHT{Nodes: list}
	}
	if f.retries.given {
		s.options.Client.Retries = cmp.Or(f.retries.value, -1) // in a Client, 0 means the default and -1 none
	}
	switch {
	case f.family.only4:
		s.options.Client.Network = "4"
	case f.family.only6:
		s.options.Client.Network = "6"
	}
	if f.watch.given {
		u.jsonl = u.json // one document per line
	}
	return s, nil
}

const (
	// maxPeerTimeout is the longest that --timeout lets a peer take for an answer.
	maxPeerTimeout = 5 * time.Second

	// minAvailabilityInterval is the shortest --watch with --availability: each round
	// announces to the trackers and connects to all peers.
	minAvailabilityInterval = time.Minute
)

// checkPeers returns an error if other flags contradict --availability or --dht.
func (f *scrapeFlags) checkPeers() error {
	switch {
	case !f.dht && len(f.dhtNodes) > 0:
		return failf(exitUsage, "--dht-node needs --dht")
	case f.dht && f.proxy.given:
		return failf(exitUsage, "--dht sends packets directly, and --proxy is for trackers only")
	case !f.availability && len(f.peer) > 0:
		return failf(exitUsage, "--peer needs --availability")
	case f.availability && f.proxy.given:
		return failf(exitUsage, "--availability connects to peers directly, and --proxy is for trackers only")
	case f.availability && f.watch.given && f.watch.value < minAvailabilityInterval:
		return failf(exitUsage, "--watch %s: --availability asks peers at most once a minute", term.Duration(f.watch.value))
	}
	return nil
}

// watchInterval parses the value of --watch.
func watchInterval(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && d < time.Second {
		err = fmt.Errorf("%s is too often", d)
	}
	return d, err
}

// familyOptions holds the flags that select the IP version.
type familyOptions struct{ only4, only6 bool }

func (o *familyOptions) flags() []cli.Flag {
	return []cli.Flag{
		switchFlag(&o.only4, "ipv4", "use IPv4 only", "4"),
		switchFlag(&o.only6, "ipv6", "use IPv6 only", "6"),
	}
}

func (o *familyOptions) check() error {
	if o.only4 && o.only6 {
		return failf(exitUsage, "-4, -6: only one of them")
	}
	return nil
}

// network returns the name of TCP in package net.
func (o familyOptions) network() string {
	switch {
	case o.only4:
		return "tcp4"
	case o.only6:
		return "tcp6"
	}
	return "tcp"
}

// allows reports whether an address, which is not an IPv4-mapped one, may be used.
func (o familyOptions) allows(addr netip.Addr) bool {
	return !o.only4 && !o.only6 || o.only4 == addr.Is4()
}
