package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"bt/maketorrent"
	"bt/seed"
)

// peerFlags holds the flags about connections to peers, which bt seed and bt get share.
type peerFlags struct {
	binding              bindingOptions
	ips                  []netip.Addr
	maxUploadRate        option[rate]
	maxUploads, maxPeers option[int]
	encryption           option[seed.Encryption]

	noDHT, noPEX, noLSD bool
	dhtNodes            []maketorrent.Node
	noPortMap           bool // accepted, but not implemented yet
}

// flags declares the flags. uploads and peers describe the defaults of --max-uploads and
// --max-peers.
func (f *peerFlags) flags(uploads, peers string) []cli.Flag {
	return slices.Concat(f.binding.flags(), []cli.Flag{
		listFlag(&f.ips, addresses, "ip", "announce the address `ADDR`; again for the other IP version"),
		valueFlag(&f.maxUploadRate, readRate, "max-upload-rate", "send at most `RATE`, such as 2MiB/s or 16mbit"),
		valueFlag(&f.maxUploads, wordOr("auto", readUploads), "max-uploads", "unchoke at most `N` peers at once; "+uploads),
		valueFlag(&f.maxPeers, numberFrom(1), "max-peers", "keep at most `N` connections ("+peers+")"),
		valueFlag(&f.encryption, oneOf(
			choice[seed.Encryption]{"prefer", seed.EncryptionPrefer},
			choice[seed.Encryption]{"require", seed.EncryptionRequire},
			choice[seed.Encryption]{"off", seed.EncryptionOff},
		), "encryption", "encryption: `CHOICE` is prefer (calls try it first, a peer that connects chooses), require or off (default prefer)"),
		dhtNodeFlag(&f.dhtNodes),
		switchFlag(&f.noDHT, "no-dht", "do not use the DHT (BEP 5)"),
		switchFlag(&f.noPEX, "no-pex", "do not exchange peers' addresses with peers (BEP 11)"),
		switchFlag(&f.noLSD, "no-lsd", "do not search for peers on the local network (BEP 14)"),
		switchFlag(&f.noPortMap, "no-port-map", "accepted: there is no port mapping yet"),
	})
}

// check returns an error if two values of --ip contradict each other, and warns of a rate
// that is too low to be meant.
func (f *peerFlags) check(u *ui) error {
	f.maxUploadRate.value.warn(u, "max-upload-rate")
	for i, ip := range f.ips {
		if slices.ContainsFunc(f.ips[:i], func(other netip.Addr) bool { return other.Is4() == ip.Is4() }) {
			return failf(exitUsage, "--ip: %s is the second address of %s", ip, family(ip.Is4()))
		}
	}
	return nil
}

// isHidden reports whether neither a tracker of the torrent nor the DHT names its peers.
func (f *peerFlags) isHidden(t *seed.Metainfo) bool {
	return len(t.Trackers()) == 0 && (t.Private || f.noDHT)
}

// addresses parses an IP address.
func addresses(s string) ([]netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address", s)
	}
	return []netip.Addr{ip.Unmap().WithZone("")}, nil
}

// readUploads parses the number of --max-uploads.
func readUploads(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is neither a number from 1 nor auto", s)
	}
	return n, nil
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
