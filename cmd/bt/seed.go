package main

import (
	"context"
	"fmt"
	"math"
	"net/netip"
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
	recursive                     bool
	data                          option[string]
	binding                       bindingOptions
	ips                           []netip.Addr
	announce                      [][]string // tiers
	maxUploadRate, maxTorrentRate option[rate]
	maxUploads, maxPeers          option[int]
	superSeed                     bool
	check                         option[seed.Check]
	encryption                    option[seed.Encryption]
	duration                      option[time.Duration]
	untilRatio                    option[float64]
	exit                          bool
	status                        statusOptions
	plan                          planOption

	noDHT, noPEX, noLSD, noPortMap bool // accepted, but not implemented yet
}

func seedCommand(e *env) *cli.Command {
	var f seedFlags
	return &cli.Command{
		Name:      "seed",
		Usage:     "serve a torrent's data to peers, and announce it to trackers",
		UsageText: "bt seed TORRENT [PATH] [FLAGS]\nbt seed DIR [FLAGS]",
		ArgsUsage: pathHelp + " With a directory every torrent in it is seeded; torrents added later are picked up, and removed ones are dropped. An empty directory is not an error; one with content and no torrent is wrong usage, unless --data or --recursive is given or it was seeded before. Data that an earlier bt seed has checked, and that has not changed, is served at once. Peers connect to bt, and bt calls those that trackers name. Ctrl-C announces the stop to trackers and ends bt; a second one ends it at once.",
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
	return slices.Concat(f.binding.flags(), []cli.Flag{
		listFlag(&f.ips, addresses, "ip", "announce the address `ADDR`; again for the other IP version"),
		valueFlag(&f.maxUploadRate, readRate, "max-upload-rate", "send at most `RATE`, such as 2MiB/s or 16mbit"),
		valueFlag(&f.maxTorrentRate, readRate, "max-torrent-rate", "send at most `RATE` of each torrent"),
		valueFlag(&f.maxUploads, wordOr("auto", uploads), "max-uploads", "unchoke at most `N` peers at once; auto unchokes all, or fewer if a rate limit is too low for all (default auto)"),
		valueFlag(&f.maxPeers, numberFrom(1), "max-peers", "keep at most `N` connections (default 2000)"),
		switchFlag(&f.superSeed, "super-seed", "send each piece once, until all have been sent (BEP 16)"),
		valueFlag(&f.check, oneOf(
			choice[seed.Check]{"full", seed.CheckFull},
			choice[seed.Check]{"quick", seed.CheckQuick},
			choice[seed.Check]{"none", seed.CheckNone},
		), "check", "check the data first: `HOW` is full, quick (sizes only) or none; quick and none trust that the data is good (default full)"),
		valueFlag(&f.encryption, oneOf(
			choice[seed.Encryption]{"prefer", seed.EncryptionPrefer},
			choice[seed.Encryption]{"require", seed.EncryptionRequire},
			choice[seed.Encryption]{"off", seed.EncryptionOff},
		), "encryption", "encryption: `CHOICE` is prefer (calls try it first, a peer that connects chooses), require or off (default prefer)"),
		valueFlag(&f.duration, parseDuration, "for", "stop a torrent after seeding it for `DURATION`"),
		valueFlag(&f.untilRatio, ratio, "until-ratio", "stop a torrent after uploading `R` times its size"),
		switchFlag(&f.exit, "exit", "for several torrents: end when every torrent has stopped by --for or --until-ratio"),
	}, f.status.flags(), []cli.Flag{
		switchFlag(&f.noDHT, "no-dht", "accepted: there is no DHT yet"),
		switchFlag(&f.noPEX, "no-pex", "accepted: there is no peer exchange yet"),
		switchFlag(&f.noLSD, "no-lsd", "accepted: there is no local discovery yet"),
		switchFlag(&f.noPortMap, "no-port-map", "accepted: there is no port mapping yet"),
	})
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
	trackers := f.announce
	if len(trackers)+len(t.Trackers()) == 0 {
		u.warn("the torrent has no tracker, so peers can't find this seed; add one with --announce")
	}
	if foreign := seed.ForeignTrackers(t, trackers); len(foreign) > 0 {
		u.warn("the torrent is private, but --announce names trackers that are not in it: %s", strings.Join(foreign, " "))
	}
	if err := f.binding.bind(u, &o); err != nil {
		return err
	}
	s := &seedScreen{ui: u}
	if s.page, err = f.status.open(); err != nil {
		o.Listener.Close()
		return err
	}
	return s.runOne(ctx, o, seed.Input{Torrent: t, Path: at.path, Places: places, Trackers: trackers})
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
		Client: "bt/" + version, MaxPeers: f.maxPeers.value, MaxUploads: f.maxUploads.value, SuperSeed: f.superSeed,
		MaxUploadRate: f.maxUploadRate.value.perSecond, MaxTorrentRate: f.maxTorrentRate.value.perSecond,
		Check: f.check.value, Encryption: f.encryption.value, For: f.duration.value, UntilRatio: f.untilRatio.value,
	}
	o.KnownDir = knownDir(u.env)
	f.maxUploadRate.value.warn(u, "max-upload-rate")
	f.maxTorrentRate.value.warn(u, "max-torrent-rate")
	for _, ip := range f.ips {
		if slices.ContainsFunc(o.IPs, func(other netip.Addr) bool { return other.Is4() == ip.Is4() }) {
			return o, failf(exitUsage, "--ip: %s is the second address of %s", ip, family(ip.Is4()))
		}
		o.IPs = append(o.IPs, ip)
	}
	if f.exit && !f.duration.given && !f.untilRatio.given {
		return o, failf(exitUsage, "--exit is for --for and --until-ratio: without them no torrent stops")
	}
	return o, nil
}

// addresses parses an IP address.
func addresses(s string) ([]netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address", s)
	}
	return []netip.Addr{ip.Unmap().WithZone("")}, nil
}

// uploads parses the number of --max-uploads.
func uploads(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is neither a number from 1 nor auto", s)
	}
	return n, nil
}

// ratio parses the value of --until-ratio.
func ratio(s string) (float64, error) {
	r, err := strconv.ParseFloat(s, 64)
	if err != nil || !(r > 0) || math.IsInf(r, 0) {
		return 0, fmt.Errorf("%q is not a number above 0", s)
	}
	return r, nil
}

// A rate is the value of a flag that limits a rate.
type rate struct {
	perSecond int64 // bytes
	text      string
}

func readRate(s string) (rate, error) {
	n, err := parseRate(s)
	return rate{n, s}, err
}

// warn prints a warning if a rate is too low to be meant: other tools count in KiB.
func (r rate) warn(u *ui, flag string) {
	if r.perSecond == 0 || r.perSecond >= 1<<10 {
		return
	}
	meant := "K stands for KiB, M for MiB"
	if _, err := strconv.ParseUint(r.text, 10, 64); err == nil {
		meant = fmt.Sprintf("%sK is KiB, %sM is MiB a second", r.text, r.text)
	}
	u.warn("--%s %s: that is %s a second; %s", flag, r.text, count(int(r.perSecond), "byte"), meant)
}

// knownDir returns the directory for the results of earlier checks, or "" if
// there is none.
func knownDir(e *env) string {
	if e.dirs.cache == "" {
		return ""
	}
	return filepath.Join(e.dirs.cache, "known")
}
