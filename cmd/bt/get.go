package main

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bt/get"
	"bt/maketorrent"
)

type getFlags struct {
	output          option[string]
	force           bool
	files           fileChoice
	list            bool
	metadataOnly    bool
	sequential      bool
	allocate        option[bool]
	recheck         bool
	from            []string
	peer            []maketorrent.Node
	announce        [][]string // tiers
	webSeeds        option[get.WebSeeds]
	allowLocal      bool
	timeout         option[time.Duration]
	maxDownloadRate option[rate]
	peers           peerFlags
	seed            bool
	seeding         seedFlags
}

func getCommand(e *env) *cli.Command {
	var f getFlags
	return &cli.Command{
		Name:      "get",
		Usage:     "download a torrent from peers and web seeds",
		UsageText: "bt get TORRENT|MAGNET|URL|INFOHASH [FLAGS]",
		ArgsUsage: "The argument is a torrent, a magnet link, an http(s) URL of a torrent, or an info-hash; with - a torrent or a magnet link is read from stdin. An info-hash names no trackers: its peers are found by the DHT, on the local network, or with --peer or --announce. Web seeds of the torrent or magnet link (BEP 17, 19; http and https) are used beside peers, or alone if there are none. Each piece is verified before it is written. Files that are not complete have names that end in .part. A file that has its final name already is verified, and never written to. The same command again goes on where an earlier one stopped, however that ended.",
		Description: `bt get movie.torrent
bt get 'magnet:?xt=urn:btih:...' -o downloads
bt get https://t.example/release.torrent --seed --until-ratio 2
bt get movie.torrent --web-seeds only
bt get movie.torrent --list
bt get movie.torrent --files '*.srt' --files readme.txt
bt get movie.torrent --files '*.mkv' -o - | sha256sum
bt get 0123456789abcdef0123456789abcdef01234567 --peer 192.0.2.1:6881
bt get 'magnet:?xt=urn:btih:...' --metadata-only`,
		Flags: slices.Concat([]cli.Flag{
			valueFlag(&f.output, nonEmpty("the directory"), "output", "write to the directory `DIR`; with - write the only file that is chosen to stdout, in order (default: the current directory)", "o"),
			f.files.flag("download only files that match `GLOB`, as in bt make --include; again for more"),
			switchFlag(&f.list, "list", "list the files, with their sizes, and download none"),
			switchFlag(&f.metadataOnly, "metadata-only", "write NAME.torrent and download no files"),
			switchFlag(&f.sequential, "sequential", "download pieces in order"),
			valueFlag(&f.allocate, oneOf(choice[bool]{"sparse", false}, choice[bool]{"full", true}), "allocate", "reserve space for files: `HOW` is sparse (as they are written) or full (before) (default sparse)"),
			switchFlag(&f.recheck, "recheck", "do not believe the state of an earlier run, but hash its data again"),
			listFlag(&f.from, nonEmpties("the directory"), "from", "take files that prove to be the same, such as those of an older release, from `DIR`; again for more"),
			switchFlag(&f.force, "force", "replace files that are there and are not those of the torrent, once the right ones are complete", "f"),
			listFlag(&f.peer, nodes, "peer", "call the peer `HOST:PORT`; again for more"),
			listFlag(&f.announce, tiers, "announce", "announce to the tracker `URL` too; again for each further tier, commas inside one tier; @FILE has a tier on each line", "a", "tracker"),
			valueFlag(&f.webSeeds, oneOf(choice[get.WebSeeds]{"only", get.WebSeedsOnly}, choice[get.WebSeeds]{"off", get.WebSeedsOff}), "web-seeds", "`USE` of web seeds: only downloads from them alone, and contacts no trackers and no peers; off uses none (default: both)"),
			switchFlag(&f.allowLocal, "allow-local", "follow URLs of the torrent or magnet link to private addresses, and call peers there that they name"),
			valueFlag(&f.timeout, parseDuration, "timeout", "give up if no data has arrived for `DURATION`"),
			valueFlag(&f.maxDownloadRate, readRate, "max-download-rate", "receive at most `RATE`, such as 2MiB/s or 16mbit"),
		}, f.peers.flags("auto is 8 (default auto)", "default 100"), []cli.Flag{
			switchFlag(&f.seed, "seed", "then seed it, as bt seed does and with its flags below"),
		}, f.seeding.seedingFlags(), []cli.Flag{
			e.options.jsonFlag("print events as JSON, one per line"),
			e.options.revealFlag("show passkeys and passwords"),
			e.options.maxSizeFlag("torrent"),
		}),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runGet(ctx, u, args, &f) }),
	}
}

// toStdout reports whether the content, or with --metadata-only the torrent, is written to
// stdout.
func (f *getFlags) toStdout() bool { return f.output.value == stdinName }

// check returns an error if flags exclude each other, or if there is not one argument.
func (f *getFlags) check(u *ui, args []string) error {
	if len(args) != 1 {
		err := failf(exitUsage, "get takes a torrent, a magnet link, a URL or an info-hash, not %s", count(len(args), "argument"))
		if len(args) > 1 {
			err = withHint(err, "the directory to write to is --output DIR")
		}
		return err
	}
	if err := oneFlag(givenSwitch{"list", f.list}, givenSwitch{"metadata-only", f.metadataOnly}, givenSwitch{"seed", f.seed}); err != nil {
		return err
	}
	only := f.webSeeds.value == get.WebSeedsOnly
	if err := oneFlag(givenSwitch{"web-seeds only", only}, givenSwitch{"peer", len(f.peer) > 0}); err != nil {
		return err
	}
	if err := oneFlag(givenSwitch{"web-seeds only", only && !f.seed}, givenSwitch{"announce", len(f.announce) > 0}); err != nil {
		return err
	}
	for _, g := range u.env.given {
		if !f.seed && findFlag(f.seeding.seedingFlags(), g.name) != nil {
			return failf(exitUsage, "--%s is for --seed", g.name)
		}
	}
	if f.toStdout() {
		return f.checkStdout(u)
	}
	return nil
}

// checkStdout returns an error if flags exclude --output -.
func (f *getFlags) checkStdout(u *ui) error {
	what := "the content of a file"
	if f.metadataOnly {
		what = "a torrent"
	}
	switch {
	case f.list:
		return failf(exitUsage, "--output and --list: only one of them")
	case f.seed:
		return failf(exitUsage, "--seed seeds files that were written, and excludes --output -")
	case u.json:
		return failf(exitUsage, "--output - and --json both want stdout")
	case len(f.from) > 0 || f.recheck || f.allocate.given:
		return failf(exitUsage, "--from, --recheck and --allocate are for files on disk, and exclude --output -")
	case u.env.stdoutTerminal:
		return withHint(failf(exitUsage, "--output -: %s can't be printed to a terminal", what), "redirect it, or name a directory")
	}
	return nil
}

func runGet(ctx context.Context, u *ui, args []string, f *getFlags) error {
	if err := f.check(u, args); err != nil {
		return err
	}
	u.subject, u.jsonl = u.shownArg(args[0]), u.json // one event per line
	u.env.boundsMemory = true                        // until the torrent is read
	o, err := f.options(u)
	if err != nil {
		return err
	}
	var later *laterSeeding
	if f.seed {
		f.seeding.peers = f.peers
		if later, err = newLaterSeeding(u, &f.seeding); err != nil {
			return err
		}
	}
	in, err := readGetInput(ctx, u, args[0], f)
	if err != nil {
		return err
	}
	if in.torrent != nil && (f.list || f.metadataOnly) {
		return f.withoutPeers(u, in)
	}
	g := getRun{ui: u, flags: f, in: in, options: o}
	if err := g.prepare(ctx); err != nil {
		return err
	}
	if err := g.download(ctx); err != nil || later == nil {
		return err
	}
	return g.seed(ctx, later)
}

// withoutPeers does what --list and --metadata-only ask for, with a torrent that was read.
func (f *getFlags) withoutPeers(u *ui, in *getInput) error {
	if f.metadataOnly && in.file {
		return failf(exitUsage, "--metadata-only: %s is a torrent already", in.name)
	}
	if f.list {
		chosen, err := in.choose(in.torrent, f, u.warn)
		if err != nil {
			return err
		}
		files := chosenFiles(in.torrent, chosen)
		if u.json {
			return u.printJSON(listEvent(u, in.torrent, files))
		}
		return stdoutError(u.printFileLines(in.torrent, files))
	}
	began := u.env.now()
	path, err := f.writeTorrent(u, in.name, in.torrent)
	switch {
	case err != nil || f.toStdout():
		return err
	case u.json:
		d, seconds := torrentEvent(u, "complete", in.torrent), u.env.now().Sub(began).Seconds()
		d.Path, d.Seconds = path, &seconds
		return u.printJSON(d)
	}
	return printTorrentPath(u, in.torrent, path)
}
