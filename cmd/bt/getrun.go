package main

import (
	"context"
	"os"
	"strings"

	"bt/get"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/seed"
)

// A getRun is one run of bt get.
type getRun struct {
	*ui
	flags   *getFlags
	in      *getInput
	options get.Options
	screen  *getScreen
	chosen  func(file int) bool // known when the torrent is
}

// prepare sets the options that depend on the input, checks the directories, and opens the
// listener.
func (g *getRun) prepare(ctx context.Context) (err error) {
	f, o := g.flags, &g.options
	o.Torrent, o.Magnet, o.MetadataOnly = g.in.torrent, g.in.magnet, f.list || f.metadataOnly
	if o.Choose = g.choose; o.Torrent != nil {
		if g.chosen, err = g.in.choose(o.Torrent, f, g.warn); err != nil {
			return err
		}
		if foreign := seed.ForeignTrackers(o.Torrent, f.announce); len(foreign) > 0 {
			g.warn("the torrent is private, but --announce names trackers that are not in it: %s", strings.Join(foreign, " "))
		}
	}
	if err := g.checkDirectories(); err != nil {
		return err
	}
	if o.Peers, err = g.in.peers(ctx, g.ui, f); err != nil {
		return err
	}
	if o.WebSeeds == get.WebSeedsOnly {
		return nil
	}
	n, err := f.peers.open(g.ui)
	o.Listener, o.From, o.DHT, o.LSD = n.listener, n.from, n.dht, n.lsd
	return err
}

// checkDirectories checks the directories of the flags. That of --output need not exist.
func (g *getRun) checkDirectories() error {
	for _, dir := range g.flags.from {
		if _, err := os.ReadDir(dir); err != nil {
			return readError(dir, err)
		}
	}
	if g.flags.toStdout() {
		g.options.Dir, g.options.Stream = "", g.env.stdout
		return nil
	}
	if info, err := os.Stat(g.options.Dir); err == nil && !info.IsDir() {
		return failf(exitWrite, "%s: it is not a directory", g.options.Dir)
	}
	return nil
}

// choose is Options.Choose.
func (g *getRun) choose(t *metainfo.Torrent) (wanted func(file int) bool, err error) {
	if g.chosen == nil {
		g.chosen, err = g.in.choose(t, g.flags, g.screen.warning)
	}
	return g.chosen, err
}

// download downloads what the flags ask for, and prints the result.
func (g *getRun) download(ctx context.Context) error {
	freeMemory()
	g.screen = newGetScreen(g.ui, g.in, g.flags)
	if g.options.MetadataOnly {
		return g.metadata(ctx)
	}
	if err := g.screen.run(ctx, g.options); err != nil {
		return err
	}
	return g.screen.printDownloaded()
}

// metadata fetches the torrent that a magnet link stands for, and writes it or lists its
// files.
func (g *getRun) metadata(ctx context.Context) error {
	s := g.screen
	var path string
	var files term.TreeFiles
	s.fetched = func(t *metainfo.Torrent) (err error) {
		if g.flags.list {
			if _, err = g.choose(t); err == nil {
				files = chosenFiles(t, g.chosen)
				s.show(listEvent(g.ui, t, files))
			}
			return err
		}
		if path, err = g.flags.writeTorrent(g.ui, g.in.name, t); err == nil {
			s.event(s.stopped.time, get.EventComplete{Path: path, Elapsed: s.stopped.time.Sub(s.began)})
		}
		return err
	}
	err := s.run(ctx, g.options)
	switch t := s.torrent(); {
	case err != nil || g.json || g.flags.toStdout():
		return err
	case g.flags.list:
		return stdoutError(g.printFileLines(t, files))
	default:
		return printTorrentPath(g.ui, t, path)
	}
}

// seed seeds what was downloaded, on the same port if there was one.
func (g *getRun) seed(ctx context.Context, later *laterSeeding) error {
	if err := stdoutError(g.out.Flush()); err != nil {
		return err
	}
	if l := g.options.Listener; l != nil {
		port := addrOf(l.Addr().String()).Port()
		later.flags.peers.binding.port = option[portRange]{portRange{port, port}, true}
	}
	s, err := later.open()
	if err != nil {
		return err
	}
	all := true
	t := g.screen.torrent()
	for i := range t.Files {
		all = all && (t.Files[i].Pad || g.chosen(i))
	}
	return s.runOne(ctx, later.options, seed.Input{Torrent: t, Path: g.screen.complete.Path, Hashed: all, Trackers: g.flags.announce})
}
