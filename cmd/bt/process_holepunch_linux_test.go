package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// bothClosed is a packet filter for two addresses of a host, as if each was behind a
// firewall of its own: neither lets a packet of UDP in from where none was sent to, and
// connections of TCP are refused.
const bothClosed = `
table ip punch {
	set open {
		type ipv4_addr . ipv4_addr
		flags dynamic,timeout
		timeout 20s
		size 100
	}
	chain out {
		type filter hook output priority 0
		ip saddr ONE ip daddr OTHER meta l4proto udp update @open { ip saddr . ip daddr }
		ip saddr OTHER ip daddr ONE meta l4proto udp update @open { ip saddr . ip daddr }
	}
	chain in {
		type filter hook input priority 0
		ip saddr { ONE, OTHER } ip daddr { ONE, OTHER } jump closed
	}
	chain closed {
		meta l4proto tcp reject with tcp reset
		ip daddr . ip saddr @open accept
		meta l4proto udp drop
	}
}`

// bt seed arranges a connection between two libtorrent peers that accept none (BEP 55).
func TestProcessHolepunch(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "nft")
	python := testenv.Python(t, "libtorrent")
	s := swarmOf(t, 8<<20)
	addrs := s.getAddrs(2)
	rules := filepath.Join(t.TempDir(), "rules")
	filter := strings.NewReplacer("ONE", addrs[0], "OTHER", addrs[1]).Replace(bothClosed)
	if err := os.WriteFile(rules, []byte(filter), 0o644); err != nil {
		t.Fatal(err)
	}
	line := s.b.Command("nft", "-f", rules)
	processStart(t, processCommand(t, line[0], line[1:]...))().exits(exitOK)
	seed := s.seed("--max-upload-rate", "16K")
	s.seedsAre("1")
	script, err := filepath.Abs("testdata/interop/punch.py")
	if err != nil {
		t.Fatal(err)
	}
	p := s.run(s.b, python, script, s.torrent, t.TempDir(), addrs[0], addrs[1], s.a.Addr.String(), fmt.Sprint(swarmSeedPort))
	p.exits(0)
	if out := p.output(); !slices.Contains(out, "punched") {
		t.Errorf("%q", out)
	}
	seed.kill()
}
