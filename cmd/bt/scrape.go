package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
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
	proxy            option[*url.URL]
	insecure         bool
	family           familyOptions
}

func scrapeCommand(e *env) *cli.Command {
	var f scrapeFlags
	return &cli.Command{
		Name:      "scrape",
		Usage:     "ask trackers how many seeders and leechers there are",
		UsageText: "bt scrape X... [FLAGS]",
		ArgsUsage: "X is a torrent, a magnet link, an info-hash, a directory (all torrents in and under it), or - for a list of these on stdin, one per line. A hybrid torrent is two swarms; the numbers of several trackers are never added up, because they count the same peers.",
		Description: `bt scrape movie.torrent
bt scrape ~/torrents --watch 5m
bt scrape ~/torrents --json > monday.json; bt retracker ~/torrents --drop-dead sunday.json --drop-dead monday.json
bt scrape 0123456789abcdef0123456789abcdef01234567 --tracker udp://tracker.example:6969
bt scrape - --csv < hashes.txt --tracker https://tracker.example/announce
bt scrape movie.torrent --peers`,
		Flags: slices.Concat([]cli.Flag{
			listFlag(&f.trackers, tiers, "tracker", "ask only `URL`; again for further ones; @FILE has one on each line", "a", "announce"),
			e.options.jsonFlag("print the result as one JSON document, with --watch one per line"),
			switchFlag(&f.csv, "csv", "print the result as CSV, one line for each torrent and tracker"),
			valueFlag(&f.watch, watchInterval, "watch", "ask again every `DURATION` and show what changes"),
			valueFlag(&f.timeout, parseDuration, "timeout", "limit each request, including retries, to `DURATION` (default: 15s)"),
			valueFlag(&f.maxTime, parseDuration, "max-time", "end after `DURATION`, even if answers are missing"),
			valueFlag(&f.retries, numberFrom(0), "retries", "repeat a request without an answer `N` times, after 2, 4, 8 ... seconds (default: 2)"),
			switchFlag(&f.bep15, "bep15", "wait for UDP trackers as long as BEP 15 says: 15, 30, 60 ... seconds, regardless of --timeout"),
			switchFlag(&f.announceFallback, "announce-fallback", "where a tracker has no scrape, register with it and leave again"),
			switchFlag(&f.peers, "peers", "list the peers; this registers with the trackers and leaves again"),
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
	if len(args) == 0 {
		return failf(exitUsage, "no torrent given")
	}
	s, err := f.scraper(u)
	if err != nil {
		return err
	}
	defer s.options.Client.Close()
	u.env.boundsMemory = true
	targets, err := s.readTargets(ctx, args, f.trackers)
	if err != nil {
		return err
	}
	if s.options.Client.Insecure {
		// Printed even with -q, so that it does not become a habit.
		u.env.say(u.errPal.Yellow("warning:"), "certificates are not checked: attackers on the network can read and change everything, including passkeys")
	}
	if s.options.Peers && !s.options.Force {
		for _, t := range targets {
			if t.Private {
				u.warn("%s is private, so its peers are not requested; --force announces it", t.Name)
			}
		}
	}
	if s.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.maxTime)
		defer cancel()
	}
	return s.run(ctx, targets)
}

// scraper returns a scraper for the flags.
func (f *scrapeFlags) scraper(u *ui) (*scraper, error) {
	if err := oneFlag(givenSwitch{"json", u.env.options.json}, givenSwitch{"csv", f.csv}); err != nil {
		return nil, err
	}
	if err := f.family.check(); err != nil {
		return nil, err
	}
	s := &scraper{ui: u, csv: f.csv, interval: f.watch.value, maxTime: f.maxTime.value}
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
		Force:            f.force,
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

// readTargets reads the torrents, links and info-hashes of the arguments. It
// reports those that can't be read, and keeps the errors for the JSON document.
func (s *scraper) readTargets(ctx context.Context, args []string, trackers [][]string) ([]scrape.Target, error) {
	var targets []scrape.Target
	add := func(in input) error {
		t, err := readTarget(ctx, s.env, in)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.skipForeign(in, err):
			return nil
		case err != nil:
			s.report(err)
			s.failed = append(s.failed, s.failedInput(in.name, err))
			return nil
		}
		if len(trackers) > 0 {
			t.Trackers = trackers
		}
		if len(t.Trackers) == 0 {
			s.warn("%s has no tracker; name one with --tracker", s.shownArg(in.name))
		}
		targets = append(targets, t)
		return nil
	}
	for _, arg := range args {
		names := func(yield func(int, string) bool) { yield(0, arg) }
		if arg == stdinName {
			b, err := readInput(ctx, s.env, stdinName, textInput)
			if err != nil {
				return nil, err
			}
			names = listed(b)
		}
		for _, name := range names {
			for _, in := range targetInputs(name) {
				if err := add(in); err != nil {
					return nil, err
				}
			}
		}
	}
	s.env.limitMemory(18<<20 + targetMemory*int64(len(targets)))
	s.single = len(targets) == 1
	return targets, nil
}

// targetMemory is the approximate memory in bytes for an info-hash and the
// answers for it. boundMemory does not include it.
const targetMemory = 500

// targetInputs expands a directory to the torrents in and under it.
func targetInputs(name string) []input {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return torrentsIn(name)
	}
	return []input{{name: name}}
}

func readTarget(ctx context.Context, e *env, in input) (scrape.Target, error) {
	if in.err != nil {
		return scrape.Target{}, in.err
	}
	if metainfo.IsMagnet(in.name) {
		m, err := metainfo.ParseMagnet(in.name)
		if err != nil {
			return scrape.Target{}, failf(exitTorrent, "%s: %w", shown(in.name), err)
		}
		return scrape.MagnetTarget(m), nil
	}
	if target, err := scrape.InfoHashTarget(in.name); err == nil {
		if _, err := os.Stat(in.name); err != nil { // unless it is the name of a file
			return target, nil
		}
	}
	t, err := in.torrent(ctx, e)
	if err != nil {
		return scrape.Target{}, err
	}
	return scrape.TorrentTarget(t), nil
}
