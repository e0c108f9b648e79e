package dht

import (
	"testing"
	"time"
)

// Nodes that only know the first one find what another announced.
func TestAnnounceAndFind(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		net.loss = 0.02
		nodes := runMany(t, net, 100)
		nodes[30].Add(hashNumber(1), newSwarm(true, 0))
		time.Sleep(time.Minute)
		swarm := newSwarm(false, 10)
		nodes[70].Add(hashNumber(1), swarm)
		until(t, "the peer is found", time.Minute, func() bool { return swarm.has("10.0.0.31:1030") })
		time.Sleep(time.Minute)
		t.Logf("%+v", nodes[70].Status())
		t.Logf("%+v", nodes[0].Status())
		for i, n := range nodes {
			s := n.Status().Families[0]
			if s.Nodes < 2*k || s.ReadOnly || s.External != s.Local {
				t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}
