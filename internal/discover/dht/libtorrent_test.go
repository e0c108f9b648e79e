package dht

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
)

// libtorrents runs sessions of libtorrent as nodes of a DHT, at 127.0.1.1 and so on. It
// returns their address, and a channel of the lines that they print.
func libtorrents(t *testing.T, count int, hash [20]byte, role string) (addrs []netip.AddrPort, lines <-chan string) {
	t.Helper()
	cmd := exec.Command(testenv.Python(t, "libtorrent"), "testdata/dhtnodes.py", strconv.Itoa(count), hex.EncodeToString(hash[:]), role, t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := make(chan string, 100)
	go func() {
		defer close(printed)
		for s := bufio.NewScanner(out); s.Scan(); {
			printed <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close() // which ends it
		for range printed {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("libtorrent: %v: %s", err, stderr.String())
		}
	})
	for range count {
		line, ok := <-printed
		addr, err := netip.ParseAddrPort(line)
		if !ok || err != nil {
			t.Fatalf("libtorrent printed %q", line)
		}
		addrs = append(addrs, addr)
	}
	return addrs, printed
}

// realNodes runs nodes with real sockets at 127.0.2.1 and so on, which begin with the
// given addresses.
func realNodes(t *testing.T, count int, begin []netip.AddrPort) (nodes []runningNode) {
	t.Helper()
	var bootstrap []string
	for _, a := range begin {
		bootstrap = append(bootstrap, a.String())
	}
	for i := range count {
		c, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.2.%d:0", i+1))
		if err != nil {
			testenv.Missing(t, "addresses in 127.0.0.0/8")
		}
		nodes = append(nodes, run(t, Options{Conns: []net.PacketConn{c}, Port: uint16(7000 + i), Bootstrap: bootstrap}))
	}
	return nodes
}

// eventually waits for a condition in real time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// libtorrent finds a peer that we announced, in a DHT of its nodes and ours.
func TestLibtorrentFinds(t *testing.T) {
	t.Parallel()
	addrs, lines := libtorrents(t, 5, hashNumber(1), "find")
	nodes := realNodes(t, 5, addrs[:1])
	nodes[3].Add(hashNumber(1), newSwarm(true, 0))
	eventually(t, "it is announced", func() bool { return nodes[3].Status().Announces > 0 })
	var mu sync.Mutex
	found := false
	go func() {
		for line := range lines {
			mu.Lock()
			found = found || line == "127.0.2.4:7003"
			mu.Unlock()
		}
	}()
	eventually(t, "libtorrent finds the peer", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return found
	})
	for i, n := range nodes {
		eventually(t, "the node is in the DHT", func() bool {
			s := n.Status().Families[0]
			return s.Nodes >= 5 && !s.ReadOnly && s.External == s.Local
		})
		t.Logf("node %d: %+v", i, n.Status())
	}
}

// We find a peer that libtorrent announced.
func TestLibtorrentAnnounces(t *testing.T) {
	t.Parallel()
	addrs, _ := libtorrents(t, 5, hashNumber(2), "announce")
	nodes := realNodes(t, 5, addrs[:1])
	swarm := newSwarm(false, 10)
	eventually(t, "a scrape finds the peer", func() bool {
		r, err := nodes[4].Scrape(t.Context(), hashNumber(2))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(r.Found, addrs[4])
	})
	nodes[2].Add(hashNumber(2), swarm)
	eventually(t, "the swarm has it", func() bool { return swarm.has(addrs[4].String()) })
}
