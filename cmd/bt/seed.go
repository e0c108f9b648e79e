package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/seed"
)

type seedFlags struct {
	recursive      bool
	data           option[string]
	announce       [][]string // tiers
	plan           planOption
	check          option[seed.Check]
	peers          peerFlags
	maxTorrentRate option[rate]
	superSeed      bool
	duration       option[time.Duration]
	untilRatio     option[float64]
	exit           bool
	status         statusOptions
}

func seedCommand(e *env) *cli.Command {
	var f seedFlags
	return &cli.Command{
		Name:      "seed",
		Usage:     "serve a torrent's data to peers, and announce it to trackers",
		UsageText: "bt seed TORRENT [PATH] [FLAGS]\nbt seed DIR [FLAGS]",
		ArgsUsage: pathHelp + " With a directory every torrent in it is seeded; torrents added later are picked up, and removed ones are dropped. An empty directory is not an error; one with content and no torrent is wrong usage, unless --data or --recursive is given or it was seeded before. Data that an earlier bt seed has checked, and that has not changed, is served at once. Peers connect to bt, and bt calls those that trackers, the DHT and peers name, and those on the local network; those of a private torrent are named by its trackers alone. Ctrl-C announces the stop to trackers and ends bt; a second one ends it at once.",
		Description: `bt seed movie.torrent
bt seed movie.torrent /srv/archive --max-upload-rate 2MiB/s
bt seed movie.torrent --plan movie.plan
bt seed movie.torrent --for 2d --until-ratio 3
bt seed /srv/torrents --data /srv/archive --status 8080
bt seed movie.torrent --json | jq 'select(.event == "peer")'`,
		Flags: slices.Concat([]cli.Flag{
			switchFlag(&f.recursive, "recursive", "for a directory: include its subdirectories", "r"),
			valueFlag(&f.data, nonEmpty("the path"), "data", "for a directory: the content is in `DIR`, not beside the torrents"),
			listFlag(&f.announce, tiers, "announce", "announce to the tracker `URL` too; again for each further tier, commas inside one tier; @FILE has a tier on each line", "a", "tracker"),
			f.plan.flag("serve the files that the plan `FILE` of bt verify names, wherever they are; other files are searched for at PATH"),
		}, f.flags(), []cli.Flag{
			e.options.jsonFlag("print events as JSON, one per line"),
			e.options.revealFlag("show passkeys and passwords, and peers' addresses on the status page"),
			e.options.maxSizeFlag("torrent"),
		}),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runSeed(ctx, u, args, &f) }),
	}
}

// flags declares the flags of bt seed that bt make --seed has too.
func (f *seedFlags) flags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		valueFlag(&f.check, oneOf(
			choice[seed.Check]{"full", seed.CheckFull},
			choice[seed.Check]{"quick", seed.CheckQuick},
			choice[seed.Check]{"none", seed.CheckNone},
		), "check", "check the data first: `HOW` is full, quick (sizes only) or none; quick and none trust that the data is good (default full)"),
		switchFlag(&f.exit, "exit", "for several torrents: end when every torrent has stopped by --for or --until-ratio"),
	}, f.peers.flags("auto unchokes all, or fewer if a rate limit is too low for all (default auto)", "default 2000"), f.seedingFlags())
}

// seedingFlags declares the flags of bt seed that bt get --seed has too, besides those about
// peers.
func (f *seedFlags) seedingFlags() []cli.Flag {
	return append([]cli.Flag{
		valueFlag(&f.maxTorrentRate, readRate, "max-torrent-rate", "send at most `RATE` of each torrent"),
		switchFlag(&f.superSeed, "super-seed", "send each piece once, until all have been sent (BEP 16)"),
		valueFlag(&f.duration, parseDuration, "for", "stop a torrent after seeding it for `DURATION`"),
		valueFlag(&f.untilRatio, ratio, "until-ratio", "stop a torrent after uploading `R` times its size"),
	}, f.status.flags()...)
}

func runSeed(ctx context.Context, u *ui, args []string, f *seedFlags) error {
	if len(args) > 0 {
		if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
			if f.plan.given {
				return failf(exitUsage, "--plan is for one torrent")
			}
			return runSeedMany(ctx, u, args, f)
		}
	}
	for _, flag := range []givenSwitch{{"recursive", f.recursive}, {"data", f.data.given}} {
		if flag.given {
			return failf(exitUsage, "--%s is for a directory of torrents", flag.name)
		}
	}
	name, at, err := torrentAndPath("seed", args)
	if err != nil {
		return err
	}
	u.subject, u.jsonl = u.shownArg(name), u.json // one event per line
	o, err := f.options(u)
	if err != nil {
		return err
	}
	u.env.boundsMemory = true // until the data is checked
	t, err := readTorrent(ctx, u.env, name)
	if err != nil {
		return notTorrentToSeed(name, err)
	}
	if err := at.check("seed", name, t); err != nil {
		return err
	}
	places, err := f.places(ctx, u, t, &o)
	if err != nil {
		return err
	}
	f.warnOfTrackers(u, t)
	if err := f.bind(u, &o); err != nil {
		return err
	}
	s := &seedScreen{ui: u}
	if s.page, err = f.status.open(); err != nil {
		closeNetwork(o.Listener, o.DHT)
		return err
	}
	return s.runOne(ctx, o, seed.Input{Torrent: t, Path: at.path, Places: places, Trackers: f.announce})
}

// warnOfTrackers warns if peers can't find a seed of the torrent, or if a private torrent is
// announced to trackers that are not its own.
func (f *seedFlags) warnOfTrackers(u *ui, t *seed.Metainfo) {
	if len(f.announce) == 0 && f.peers.isHidden(t) {
		u.warn("the torrent has no tracker, so peers can't find this seed; add one with --announce")
	}
	if foreign := seed.ForeignTrackers(t, f.announce); len(foreign) > 0 {
		u.warn("the torrent is private, but --announce names trackers that are not in it: %s", strings.Join(foreign, " "))
	}
}

// places returns where the files of a torrent are by --plan.
func (f *seedFlags) places(ctx context.Context, u *ui, t *seed.Metainfo, o *seed.Options) (map[int]string, error) {
	// A plan may be from elsewhere, and name any file of this machine.
	if f.plan.given && o.Check != seed.CheckFull {
		return nil, failf(exitUsage, "--plan: only files that prove to be those of the torrent are served, so --check must be full")
	}
	if err := f.plan.read(ctx, u.env); err != nil {
		return nil, err
	}
	return f.plan.places(t)
}

// options returns the seed options that the flags set.
func (f *seedFlags) options(u *ui) (seed.Options, error) {
	o := seed.Options{
		Client: "bt/" + version, MaxPeers: f.peers.maxPeers.value, MaxUploads: f.peers.maxUploads.value, SuperSeed: f.superSeed,
		MaxUploadRate: f.peers.maxUploadRate.value.perSecond, MaxTorrentRate: f.maxTorrentRate.value.perSecond, IPs: f.peers.ips,
		Check: f.check.value, Encryption: f.peers.encryption.value, NoPEX: f.peers.noPEX, For: f.duration.value, UntilRatio: f.untilRatio.value,
	}
	o.KnownDir = knownDir(u.env)
	if err := f.peers.check(u); err != nil {
		return o, err
	}
	f.maxTorrentRate.value.warn(u, "max-torrent-rate")
	if f.exit && !f.duration.given && !f.untilRatio.given {
		return o, failf(exitUsage, "--exit is for --for and --until-ratio: without them no torrent stops")
	}
	return o, nil
}

// bind opens the network of a seed.
func (f *seedFlags) bind(u *ui, o *seed.Options) error {
	n, err := f.peers.open(u)
	o.Listener, o.From, o.DHT, o.LSD = n.listener, n.from, n.dht, n.lsd
	return err
}

// ratio parses the value of --until-ratio.
func ratio(s string) (float64, error) {
	r, err := strconv.ParseFloat(s, 64)
	if err != nil || !(r > 0) || math.IsInf(r, 0) {
		return 0, fmt.Errorf("%q is not a number above 0", s)
	}
	return r, nil
}

// knownDir returns the directory for the results of earlier checks, or "" if
// there is none.
func knownDir(e *env) string {
	if e.dirs.cache == "" {
		return ""
	}
	return filepath.Join(e.dirs.cache, "known")
}
