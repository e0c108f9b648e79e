package main

import (
	"context"
	"os"
	"slices"

	"bt/internal/metainfo"
	"bt/scrape"
)

// stdinTrackers is the value of --tracker for a list on standard input.
const stdinTrackers = "@" + stdinName

// tiersOrStdin is tiers that also accepts stdinTrackers, which listedTrackers replaces.
func tiersOrStdin(s string) ([][]string, error) {
	if s == stdinTrackers {
		return [][]string{{s}}, nil
	}
	return tiers(s)
}

// listedTrackers replaces stdinTrackers by the tiers of standard input.
func listedTrackers(ctx context.Context, e *env, list [][]string) ([][]string, error) {
	var all [][]string
	for _, tier := range list {
		if tier[0] != stdinTrackers {
			all = append(all, tier)
			continue
		}
		b, err := readInput(ctx, e, stdinName, textInput)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for n, line := range listed(b) {
			more, err := tiers(line)
			if err != nil {
				return nil, failf(exitUsage, "--tracker: line %d: %w", n, err)
			}
			all = append(all, more...)
		}
		if len(all) == before {
			return nil, failf(exitUsage, "--tracker: standard input is empty")
		}
	}
	return all, nil
}

// readTargets reads the torrents, links and info-hashes of the arguments. It
// reports those that can't be read, and keeps the errors for the JSON document.
func (s *scraper) readTargets(ctx context.Context, args []string, trackers [][]string) ([]scrape.Target, error) {
	var targets []scrape.Target
	add := func(in input) error {
		t, err := s.readTarget(ctx, in)
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
		if len(t.Trackers) == 0 && len(t.Peers) == 0 && s.options.DHT == nil {
			s.warn("%s has no tracker; name one with --tracker", s.shownArg(in.name))
		}
		targets = append(targets, t)
		return nil
	}
	for _, arg := range args {
		names := func(yield func(int, string) bool) { yield(0, arg) }
		if arg == stdinName {
			b, err := listOnStdin(ctx, s.env)
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

// listOnStdin reads a list of torrents, links and info-hashes from standard input.
func listOnStdin(ctx context.Context, e *env) ([]byte, error) {
	b, err := readInput(ctx, e, stdinName, textInput)
	if err != nil {
		return nil, err
	}
	if _, err := metainfo.Parse(b); err == nil {
		return nil, withHint(failf(exitUsage, "standard input is a torrent, but a list is expected"), "name the .torrent file, or list names of torrents, one per line")
	}
	for range listed(b) {
		return b, nil
	}
	return nil, failf(exitRead, "standard input has no torrent, magnet link or info-hash")
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

// readTarget reads a torrent, link or info-hash and, with --availability, finds the peers
// that are named with it.
func (s *scraper) readTarget(ctx context.Context, in input) (scrape.Target, error) {
	t, m, err := targetOf(ctx, s.env, in)
	if err != nil || !s.options.Availability {
		return t, err
	}
	linked, err := peerAddrs(ctx, s.ui, nil, m, s.family, false)
	t.Peers = append(slices.Clone(s.named), linked...)
	return t, err
}

// targetOf returns the target of a torrent, link or info-hash, and the link if it is one.
func targetOf(ctx context.Context, e *env, in input) (scrape.Target, *metainfo.Magnet, error) {
	if in.err != nil {
		return scrape.Target{}, nil, in.err
	}
	if metainfo.IsMagnet(in.name) {
		m, err := metainfo.ParseMagnet(in.name)
		if err != nil {
			return scrape.Target{}, nil, failf(exitTorrent, "%s: %w", shown(in.name), err)
		}
		return scrape.MagnetTarget(m), m, nil
	}
	if target, err := scrape.InfoHashTarget(in.name); err == nil {
		if _, err := os.Stat(in.name); err != nil { // unless it is the name of a file
			return target, nil, nil
		}
	}
	t, err := in.torrent(ctx, e)
	if err != nil {
		return scrape.Target{}, nil, err
	}
	return scrape.TorrentTarget(t), nil, nil
}
