package main

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"bt/internal/discover/dht"
)

// A fakeDHTSwarm is a swarm that a node of the DHT announces as a seed.
type fakeDHTSwarm struct{}

func (fakeDHTSwarm) Seeds() bool            { return true }
func (fakeDHTSwarm) Wanted() int            { return 0 }
func (fakeDHTSwarm) Found([]netip.AddrPort) {}

// startDHTNodes is the script command "dht NAME HASH": it starts nodes of a DHT until the script
// ends, of which one announces HASH, and sets $NAME to the address of another.
func startDHTNodes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dht NAME HASH")
	}
	hash, err := hex.DecodeString(args[1])
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	ts.Defer(func() { cancel(); wg.Wait() })
	for i := range 3 {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		ts.Check(err)
		o := dht.Options{Conns: []net.PacketConn{conn}, Port: uint16(5000 + i)}
		if i == 0 {
			ts.Setenv(args[0], conn.LocalAddr().String())
		} else {
			o.Bootstrap = []string{ts.Getenv(args[0])}
		}
		node := dht.New(o)
		wg.Go(func() { _ = node.Run(ctx) })
		if i == 2 {
			node.Add([20]byte(hash), fakeDHTSwarm{})
		}
	}
}
