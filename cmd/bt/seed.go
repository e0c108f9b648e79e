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

	"github.com/urfave/cli/v2"

	"bt/maketorrent"
	"bt/seed"
)

func seedCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "seed",
		Usage:     "serve a torrent's data to peers, and tell its trackers",
		UsageText: "bt seed TORRENT [PATH] [FLAGS]\nbt seed DIR [FLAGS]",
		ArgsUsage: pathHelp + " Of a directory every torrent is seeded, also one that is added later; one that is removed is no longer seeded. One that is empty is waited for; one that holds content and no torrent is wrong usage, unless --data or --recursive is given or it was seeded before. Data that an earlier bt seed has checked, and that has not changed, is served at once. Ctrl-C tells the trackers and leaves; a second one leaves at once.",
		Description: `bt seed movie.torrent
bt seed movie.torrent /srv/archive --max-upload-rate 2MiB/s
bt seed movie.torrent --for 2d --until-ratio 3
bt seed /srv/torrents --data /srv/archive --status 8080
bt seed movie.torrent --json | jq 'select(.event == "peer")'`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"r"}, Usage: "of a directory: also the torrents below it"},
			&cli.StringFlag{Name: "data", Usage: "of a directory: the content is in `DIR`, and not beside the torrents"},
			&cli.StringFlag{Name: "port", Usage: "listen on port `N`, or on the first that is free of N-M (default 6881-6999)"},
			&cli.StringFlag{Name: "bind", Usage: "listen on, and announce from, the address or the addresses of the network interface `ADDR` alone; 0.0.0.0 is all of IPv4"},
			&cli.StringSliceFlag{Name: "ip", Usage: "tell trackers that peers reach us at `ADDR`; again for the other IP version"},
			&cli.BoolFlag{Name: "ipv4", Aliases: []string{"4"}, Usage: "use IPv4 only"},
			&cli.BoolFlag{Name: "ipv6", Aliases: []string{"6"}, Usage: "use IPv6 only"},
			&cli.StringSliceFlag{Name: "announce", Aliases: []string{"a", "tracker"}, Usage: "announce to the tracker `URL` too; again for each further tier, commas inside one tier"},
			&cli.StringFlag{Name: "max-upload-rate", Usage: "send at most `RATE`, such as 2MiB/s or 16mbit"},
			&cli.StringFlag{Name: "max-torrent-rate", Usage: "send at most `RATE` of each torrent"},
			&cli.StringFlag{Name: "max-uploads", Usage: "serve at most `N` peers at once; auto serves all, unless a rate is too little for that (default auto)"},
			&cli.IntFlag{Name: "max-peers", Usage: "keep at most `N` connections (default 2000)"},
			&cli.BoolFlag{Name: "super-seed", Usage: "send each piece once, until all of them are with others (BEP 16)"},
			&cli.StringFlag{Name: "check", Usage: "check the data first: `HOW` is full, quick (sizes only) or none; the last two take your word (default full)"},
			&cli.StringFlag{Name: "encryption", Usage: "`CHOICE` of prefer (what the peer wants), require and off (default prefer)"},
			&cli.StringFlag{Name: "for", Usage: "stop a torrent that was seeded for `DURATION`"},
			&cli.StringFlag{Name: "until-ratio", Usage: "stop a torrent whose size was uploaded `R` times"},
			&cli.BoolFlag{Name: "exit", Usage: "of a directory: end when every torrent has stopped by --for or --until-ratio"},
			&cli.StringFlag{Name: "status", Usage: "serve a page, JSON and Prometheus figures at `ADDR`: a port of this host, or HOST:PORT"},
			&cli.StringSliceFlag{Name: "status-host", Usage: "let that page be asked by the further host `NAME`, of a proxy before it"},
			&cli.BoolFlag{Name: "no-dht", Usage: "accepted: there is no DHT yet"},
			&cli.BoolFlag{Name: "no-pex", Usage: "accepted: there is no peer exchange yet"},
			&cli.BoolFlag{Name: "no-lsd", Usage: "accepted: there is no local discovery yet"},
			&cli.BoolFlag{Name: "no-port-map", Usage: "accepted: there is no port mapping yet"},
			&cli.BoolFlag{Name: "json", Usage: "print what happens as JSON, one event on each line"},
			&cli.BoolFlag{Name: "reveal", Usage: "show passkeys and passwords, and on the page peers' addresses"},
			maxSizeFlag(),
		},
		Action: action(e, runSeed),
	}
}

func runSeed(ctx context.Context, u *ui, c *cli.Context) error {
	if info, err := os.Stat(c.Args().First()); err == nil && info.IsDir() {
		return runSeedMany(ctx, u, c)
	}
	for _, flag := range []string{"recursive", "data"} {
		if c.IsSet(flag) {
			return failf(exitUsage, "--%s is for a directory of torrents", flag)
		}
	}
	name, at, err := torrentAndPath("seed", c.Args().Slice())
	if err != nil {
		return err
	}
	u.subject, u.jsonl = u.shownArg(name), u.json // an event a line
	o, err := seedChoices(u, c)
	if err != nil {
		return err
	}
	u.env.lean = true // until the data is checked
	t, err := readTorrent(ctx, u.env, name)
	if err != nil {
		return seedsContent(name, err)
	}
	if err := at.check("seed", name, t); err != nil {
		return err
	}
	trackers, err := tierList(c, "announce")
	if err != nil {
		return err
	}
	if len(trackers)+len(t.Trackers()) == 0 {
		u.warn("the torrent has no tracker, so nobody will find this seed; --announce names one")
	}
	if foreign := seed.ForeignTrackers(t, trackers); len(foreign) > 0 {
		u.warn("the torrent is private, and --announce tells trackers of it that are not its own: %s", strings.Join(foreign, " "))
	}
	if err := bind(u, c, &o); err != nil {
		return err
	}
	s := &seedScreen{ui: u}
	if s.page, err = openStatus(c); err != nil {
		o.Listener.Close()
		return err
	}
	return s.runOne(ctx, o, seed.Input{Torrent: t, Path: at.path, Trackers: trackers})
}

// seedChoices reads the flags.
func seedChoices(u *ui, c *cli.Context) (o seed.Options, err error) {
	o.Client = "bt/" + version
	o.MaxPeers = c.Int("max-peers")
	o.SuperSeed = c.Bool("super-seed")
	if c.IsSet("max-peers") && o.MaxPeers < 1 {
		return o, failf(exitUsage, "--max-peers: %d is less than 1", o.MaxPeers)
	}
	if s := c.String("max-uploads"); c.IsSet("max-uploads") && s != "auto" {
		if o.MaxUploads, err = strconv.Atoi(s); err != nil || o.MaxUploads < 1 {
			return o, failf(exitUsage, "--max-uploads: %q is neither a number from 1 nor auto", s)
		}
	}
	if o.MaxUploadRate, err = rate(u, c, "max-upload-rate"); err != nil {
		return o, err
	}
	if o.MaxTorrentRate, err = rate(u, c, "max-torrent-rate"); err != nil {
		return o, err
	}
	for _, s := range c.StringSlice("ip") {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return o, failf(exitUsage, "--ip: %q is no address", s)
		}
		ip = ip.Unmap().WithZone("")
		if slices.ContainsFunc(o.IPs, func(other netip.Addr) bool { return other.Is4() == ip.Is4() }) {
			return o, failf(exitUsage, "--ip: %s is the second address of %s", s, family(ip.Is4()))
		}
		o.IPs = append(o.IPs, ip)
	}
	if o.Check, err = choice(c, "check", map[string]seed.Check{"full": seed.CheckFull, "quick": seed.CheckQuick, "none": seed.CheckNone}); err != nil {
		return o, err
	}
	if o.Encryption, err = choice(c, "encryption", map[string]seed.Encryption{"prefer": seed.EncryptionPrefer, "require": seed.EncryptionRequire, "off": seed.EncryptionOff}); err != nil {
		return o, err
	}
	if c.IsSet("for") {
		if o.For, err = parseDuration(c.String("for")); err != nil {
			return o, failf(exitUsage, "--for: %w", err)
		}
	}
	if c.IsSet("until-ratio") {
		if o.UntilRatio, err = strconv.ParseFloat(c.String("until-ratio"), 64); err != nil || !(o.UntilRatio > 0) || math.IsInf(o.UntilRatio, 0) {
			return o, failf(exitUsage, "--until-ratio: %q is not a number above 0", c.String("until-ratio"))
		}
	}
	if c.Bool("exit") && o.For == 0 && o.UntilRatio == 0 {
		return o, failf(exitUsage, "--exit is for --for and --until-ratio: without them no torrent stops")
	}
	o.Known.Dir = knownDir(u.env)
	return o, nil
}

// rate reads a flag that has a rate; not given is 0. A rate so low that nobody can
// want it is a warning: other tools count in KiB.
func rate(u *ui, c *cli.Context, flag string) (int64, error) {
	if !c.IsSet(flag) {
		return 0, nil
	}
	text := c.String(flag)
	n, err := parseRate(text)
	if err != nil {
		return 0, failf(exitUsage, "--%s: %w", flag, err)
	}
	if n < 1<<10 {
		meant := "K stands for KiB, M for MiB"
		if _, err := strconv.ParseUint(text, 10, 64); err == nil {
			meant = fmt.Sprintf("%sK is KiB, %sM is MiB a second", text, text)
		}
		u.warn("--%s %s: that is %s a second; %s", flag, text, count(int(n), "byte"), meant)
	}
	return n, nil
}

// seedMade serves a torrent that was made just now.
func seedMade(ctx context.Context, u *ui, r *maketorrent.Result) error {
	l, err := binding{network: "tcp", addrs: []netip.Addr{netip.IPv6Unspecified()}}.listen("")
	if err != nil {
		return err
	}
	s := &seedScreen{ui: u}
	o := seed.Options{Client: "bt/" + version, Listener: l}
	o.Known.Dir = knownDir(u.env)
	return s.runOne(ctx, o, seed.Input{Torrent: r.Torrent, Path: r.Content, Hashed: true})
}

// choice reads a flag that has one of a few words; not given is the zero value.
func choice[T any](c *cli.Context, flag string, words map[string]T) (T, error) {
	value, ok := words[c.String(flag)]
	if c.IsSet(flag) && !ok {
		var all []string
		for word := range words {
			all = append(all, word)
		}
		slices.Sort(all)
		return value, failf(exitUsage, "--%s: %q is none of %s", flag, c.String(flag), strings.Join(all, ", "))
	}
	return value, nil
}

// knownDir is where a seed keeps what it has checked: among what can be deleted
// at any time (XDG base directory specification). Empty: nowhere.
func knownDir(e *env) string {
	dir := e.getenv("XDG_CACHE_HOME")
	if home := e.getenv("HOME"); !filepath.IsAbs(dir) && home != "" {
		dir = filepath.Join(home, ".cache")
	}
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "bt", "known")
}
