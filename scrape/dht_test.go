package scrape_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"bt/internal/discover/dht"
	"bt/scrape"
)

// A dhtSwarm is a swarm that a node of the DHT announces.
type dhtSwarm struct{ seed bool }

func (s dhtSwarm) Seeds() bool            { return s.seed }
func (s dhtSwarm) Wanted() int            { return 0 }
func (s dhtSwarm) Found([]netip.AddrPort) {}

// startDHT starts so many nodes on this machine that know each other, and returns the
// address of the first. Some of them announce a torrent, one as a seed.
func startDHT(t *testing.T, n int, announced [20]byte, announces int) string {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	first := ""
	var nodes []*dht.Node
	for i := range n {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		o := dht.Options{Conns: []net.PacketConn{conn}, Port: uint16(5000 + i)}
		if first != "" {
			o.Bootstrap = []string{first}
		} else {
			first = conn.LocalAddr().String()
		}
		node := dht.New(o)
		nodes = append(nodes, node)
		wg.Go(func() { node.Run(ctx) })
	}
	for i, node := range nodes[1 : announces+1] {
		node.Add(announced, dhtSwarm{i == 0})
	}
	return first
}

func TestRunDHT(t *testing.T) {
	list := hashes(3)
	first := startDHT(t, 12, list[0], 3)
	private := target(nil, list[2])
	private.Private = true
	run := func() []scrape.TableTorrent {
		return scrape.Run(t.Context(), []scrape.Target{target(nil, list[0]), target(nil, list[1]), private, target(nil, list[2])},
			scrape.Options{Client: &scrape.Client{Network: "4"}, DHT: &scrape.DHT{Nodes: []string{first}}, Force: true}).Torrents
	}
	var torrents []scrape.TableTorrent
	for end := time.Now().Add(time.Minute); time.Now().Before(end); { // until all have announced, and answered in time
		torrents = run()
		a, b := torrents[0].Swarms[0].DHT, torrents[1].Swarms[0].DHT
		if a != nil && a.Peers == 3 && a.Counts.Seeders == 1 && b != nil && b.Nodes > 0 {
			break
		}
	}
	a := torrents[0].Swarms[0].DHT
	// The filters have addresses without ports, and there is one address.
	if a == nil || a.Err != nil || a.Peers != 3 || a.Nodes == 0 || a.Counts.Seeders != 1 || a.Counts.Completed != scrape.Unknown {
		t.Errorf("%+v", a)
	}
	if a := torrents[1].Swarms[0].DHT; a == nil || a.Err != nil || a.Peers != 0 || a.Nodes == 0 || a.Counts.Known() {
		t.Errorf("a swarm that is unknown: %+v", a)
	}
	for _, torrent := range torrents[2:] {
		if a := torrent.Swarms[0].DHT; a != nil {
			t.Errorf("a private torrent: %+v", a)
		}
	}
}
