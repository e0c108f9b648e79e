package main

import (
	"cmp"
	"context"
	"net/netip"
	"os"
	"slices"

	"bt/get"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// A getInput is the argument of bt get: a torrent or a magnet link.
type getInput struct {
	name    string // for errors, masked
	torrent *metainfo.Torrent
	magnet  *metainfo.Magnet // nil if torrent is not
	file    bool             // the torrent was no URL
}

// readGetInput reads the argument.
func readGetInput(ctx context.Context, u *ui, arg string, f *getFlags) (*getInput, error) {
	in := input{name: arg}
	if arg == stdinName {
		list := stdinInputs(ctx, u.env, torrentOrHashes)
		if in = list[0]; len(list) > 1 {
			return nil, failf(exitUsage, "standard input has %s, and get takes one", count(len(list), "magnet link"))
		}
	}
	if in.err != nil {
		return nil, in.err
	}
	g := &getInput{name: shown(in.name), file: true}
	if in.data == nil {
		var err error
		if g.magnet, err = magnetOf(in.name); g.magnet != nil || err != nil {
			if metainfo.IsMagnet(in.name) && err == nil {
				g.name = cmp.Or(g.magnet.Name, "the magnet link")
			}
			return g, err
		}
		if info, err := os.Stat(in.name); err == nil && info.IsDir() {
			return nil, failf(exitUsage, "%s: a directory, and get takes one torrent", in.name)
		}
		fetch := fetchFlags{command: "bt get", guarded: !f.allowLocal, timeout: f.timeout}
		if in.data, err = fetch.read(ctx, u.env, in.name, torrentInput); err != nil {
			return nil, err
		}
		g.file = in.data == nil
	}
	t, err := in.torrent(ctx, u.env)
	if err != nil {
		return nil, err
	}
	g.torrent = t
	return g, usable(g.name, checkContent(t))
}

// checkContent returns an error if the content of a torrent can't be downloaded.
func checkContent(t *metainfo.Torrent) error {
	_, err := t.Content()
	return err
}

// choose returns which files of a torrent --files or the magnet link chooses. It calls warn
// for globs that match nothing.
func (g *getInput) choose(t *metainfo.Torrent, f *getFlags, warn func(format string, args ...any)) (chosen func(file int) bool, err error) {
	if err := checkContent(t); err != nil {
		return nil, usable(g.name, err)
	}
	chosen, none := func(int) bool { return true }, failf(exitTorrent, "%s: the torrent has no files", g.name)
	switch {
	case f.files.globs != nil:
		list := f.files.choose(t)
		f.files.warnUnmatched(warn)
		chosen, none = func(file int) bool { return list[file] }, noFile(g.name)
	case g.magnet != nil && len(g.magnet.Select) > 0:
		chosen = func(file int) bool {
			return slices.ContainsFunc(g.magnet.Select, func(r metainfo.Range) bool { return r.First <= file && file <= r.Last })
		}
		none = withHint(failf(exitTorrent, "%s: the torrent has none of the files that the link chooses (so)", g.name), "--files GLOB chooses others")
	}
	n := 0
	for i := range t.Files {
		if !t.Files[i].Pad && chosen(i) {
			n++
		}
	}
	if n == 0 {
		return nil, none
	}
	return chosen, f.checkFiles(g.name, t, n)
}

// checkFiles returns an error if n files of a torrent can't be written where the flags say.
func (f *getFlags) checkFiles(name string, t *metainfo.Torrent, n int) error {
	switch {
	case f.list:
		return nil
	case !f.toStdout():
		return usable(name, t.CheckName())
	case n > 1:
		return withHint(failf(exitUsage, "--output - is for one file, and there are %s", term.Count(int64(n))), "--files GLOB chooses one; --list shows them")
	}
	return nil
}

// peers returns the addresses of the peers of --peer and of the magnet link.
func (g *getInput) peers(ctx context.Context, u *ui, f *getFlags) ([]netip.AddrPort, error) {
	return peerAddrs(ctx, u, f.peer, g.magnet, f.peers.binding.family, f.allowLocal)
}

// options returns the options of the download, except those of its input and output.
func (f *getFlags) options(u *ui) (get.Options, error) {
	f.maxDownloadRate.value.warn(u, "max-download-rate")
	return get.Options{
		Client: "bt/" + version, Dir: f.output.value, Sequential: f.sequential, Recheck: f.recheck, Force: f.force, Allocate: f.allocate.value,
		Reuse: f.from, Trackers: f.announce, WebSeeds: f.webSeeds.value, Proxy: proxies(u.env, nil), AllowLocal: f.allowLocal, Timeout: f.timeout.value,
		MaxPeers: f.peers.maxPeers.value, MaxUploads: f.peers.maxUploads.value,
		MaxUploadRate: f.peers.maxUploadRate.value.perSecond, MaxDownloadRate: f.maxDownloadRate.value.perSecond,
		MaxMetadata: u.env.inputLimit(), Encryption: f.peers.encryption.value, NoPEX: f.peers.noPEX, IPs: f.peers.ips,
	}, f.peers.check(u)
}
