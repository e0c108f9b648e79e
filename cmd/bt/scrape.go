package main

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/scrape"
)

func scrapeCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "scrape",
		Usage:     "ask trackers how many seeders and leechers there are",
		UsageText: "bt scrape X... [FLAGS]",
		ArgsUsage: "X is a torrent, a magnet link, an info-hash, a directory (all torrents in and under it), or - for a list of these on stdin, one per line. A hybrid torrent is two swarms; the numbers of several trackers are never added up, for they know the same peers.",
		Description: `bt scrape movie.torrent
bt scrape ~/torrents --watch 5m
bt scrape ~/torrents --json > monday.json; bt retracker ~/torrents --drop-dead sunday.json --drop-dead monday.json
bt scrape 0123456789abcdef0123456789abcdef01234567 --tracker udp://tracker.example:6969
bt scrape - --csv < hashes.txt --tracker https://tracker.example/announce
bt scrape movie.torrent --peers`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "tracker", Aliases: []string{"a", "announce"}, Usage: "ask only `URL`; again for further ones"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as one JSON document, with --watch one per line"},
			&cli.BoolFlag{Name: "csv", Usage: "print the result as CSV, one line for each torrent and tracker"},
			&cli.StringFlag{Name: "watch", Usage: "ask again every `DURATION` and show what changes"},
			&cli.StringFlag{Name: "timeout", Value: "15s", Usage: "give each request `DURATION`, its repetitions included (default: 15s)"},
			&cli.StringFlag{Name: "max-time", Usage: "end the asking after `DURATION`, whatever is open then"},
			&cli.IntFlag{Name: "retries", Usage: "repeat what is not answered `N` times, after 2, 4, 8 ... seconds (default: 2)"},
			&cli.BoolFlag{Name: "bep15", Usage: "wait for UDP trackers as long as BEP 15 says: 15, 30, 60 ... seconds, whatever --timeout is"},
			&cli.BoolFlag{Name: "announce-fallback", Usage: "where a tracker has no scrape, register with it and leave again"},
			&cli.BoolFlag{Name: "peers", Usage: "list the peers; this registers with the trackers and leaves again"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "announce private torrents too"},
			&cli.StringFlag{Name: "proxy", Usage: "ask through the proxy `URL`: http, https or socks5 (default: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)"},
			&cli.BoolFlag{Name: "insecure", Usage: "accept any certificate"},
			&cli.BoolFlag{Name: "ipv4", Aliases: []string{"4"}, Usage: "use IPv4 only"},
			&cli.BoolFlag{Name: "ipv6", Aliases: []string{"6"}, Usage: "use IPv6 only"},
			&cli.BoolFlag{Name: "reveal", Usage: "show passkeys and passwords; JSON and CSV have them unasked"},
			maxSizeFlag(),
		},
		Action: action(e, runScrape),
	}
}

func runScrape(ctx context.Context, u *ui, c *cli.Context) error {
	if c.NArg() == 0 {
		return failf(exitUsage, "no torrent given")
	}
	s, err := scrapeChoices(u, c)
	if err != nil {
		return err
	}
	defer s.options.Client.Close()
	u.env.lean = true
	targets, err := s.readTargets(ctx, c)
	if err != nil {
		return err
	}
	if s.options.Client.Insecure {
		// With -q too, for it must not become a habit.
		u.env.say(u.errPal.Yellow("warning:"), "certificates are not checked: any machine between here and a tracker can read and change everything, passkeys too")
	}
	if s.options.Peers && !s.options.Force {
		for _, t := range targets {
			if t.Private {
				u.warn("%s is private, so its peers are not asked for; --force announces it all the same", t.Name)
			}
		}
	}
	if s.most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.most)
		defer cancel()
	}
	return s.run(ctx, targets)
}

// scrapeChoices reads the flags.
func scrapeChoices(u *ui, c *cli.Context) (*scraper, error) {
	if c.Bool("json") && c.Bool("csv") {
		return nil, failf(exitUsage, "--json, --csv: only one of them")
	}
	if c.Bool("ipv4") && c.Bool("ipv6") {
		return nil, failf(exitUsage, "-4, -6: only one of them")
	}
	cl := &scrape.Client{
		BEP15:     c.Bool("bep15"),
		Insecure:  c.Bool("insecure"),
		UserAgent: "bt/" + version,
	}
	if c.IsSet("retries") {
		if cl.Retries = c.Int("retries"); cl.Retries < 0 {
			return nil, failf(exitUsage, "--retries: %d is less than 0", cl.Retries)
		}
		cl.Retries = cmp.Or(cl.Retries, -1) // a Client takes 0 for the default
	}
	switch {
	case c.Bool("ipv4"):
		cl.Network = "4"
	case c.Bool("ipv6"):
		cl.Network = "6"
	}
	var err error
	if cl.Timeout, err = parseDuration(c.String("timeout")); err != nil {
		return nil, failf(exitUsage, "--timeout: %w", err)
	}
	if cl.Proxy, err = proxies(u.env, c.String("proxy")); err != nil {
		return nil, err
	}
	s := &scraper{ui: u, csv: c.Bool("csv")}
	s.options = scrape.Options{
		Client:           cl,
		AnnounceFallback: c.Bool("announce-fallback"),
		Peers:            c.Bool("peers"),
		Force:            c.Bool("force"),
	}
	if c.IsSet("max-time") {
		if s.most, err = parseDuration(c.String("max-time")); err != nil {
			return nil, failf(exitUsage, "--max-time: %w", err)
		}
	}
	if c.IsSet("watch") {
		if s.every, err = parseDuration(c.String("watch")); err != nil {
			return nil, failf(exitUsage, "--watch: %w", err)
		}
		if s.every < time.Second {
			return nil, failf(exitUsage, "--watch: %s is too often", s.every)
		}
		u.jsonl = u.json // one line for each round
	}
	return s, nil
}

// readTargets reads what the arguments name. What can't be read is reported, and
// stands in the JSON document.
func (s *scraper) readTargets(ctx context.Context, c *cli.Context) ([]scrape.Target, error) {
	trackers, err := tierList(c, "tracker")
	if err != nil {
		return nil, err
	}
	var targets []scrape.Target
	add := func(in input) error {
		t, err := readTarget(ctx, s.env, in)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case s.passOver(in, err):
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
	for _, arg := range c.Args().Slice() {
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

// targetMemory is about how many bytes an info-hash takes with the answer about it,
// which is more than boundMemory allows for what was read.
const targetMemory = 500

// targetInputs replaces a directory by the torrents in and under it.
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
		if _, err := os.Stat(in.name); err != nil { // a file may be called so
			return target, nil
		}
	}
	t, err := in.torrent(ctx, e)
	if err != nil {
		return scrape.Target{}, err
	}
	return scrape.TorrentTarget(t), nil
}
