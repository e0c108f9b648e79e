package dht

import (
	"testing"
	"testing/synctest"
	"time"
)

// Two nodes at one loopback address, which begin with each other, find each other.
func TestOneLoopbackAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newFakeNet()
		addrs := []string{"[::1]:6881", "[::1]:6882"}
		var nodes []runningNode
		for _, addr := range addrs {
			nodes = append(nodes, run(t, Options{Conns: []fakePacketConn{network.listen(addr)}, Port: 1000, Bootstrap: addrs}))
		}
		time.Sleep(time.Minute)
		for i, n := range nodes {
			if s := n.Status().Families[0]; s.Nodes != 1 || s.ReadOnly {
				t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}
