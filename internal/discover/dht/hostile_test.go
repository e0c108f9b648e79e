package dht

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/discover/krpc"
)

// serve answers the packets that a socket gets, until it is closed. answer is called by
// one goroutine.
func serve(c *fakeConn, answer func(m krpc.Message, from netip.AddrPort)) {
	go func() {
		for {
			select {
			case <-c.closed:
				return
			case d := <-c.in:
				if m, err := krpc.Parse(d.b); err == nil {
					answer(m, d.from)
				}
			}
		}
	}()
}

func (c *fakeConn) reply(m *krpc.Message, to netip.AddrPort) {
	_, _ = c.WriteTo(m.Append(nil), udpAddr(to.String()))
}

// Hostile nodes do not keep us from the honest ones, nor into our table, and cost few
// packets.
func TestHostileNodes(t *testing.T) {
	response := func(m krpc.Message, id krpc.ID) *krpc.Message {
		return &krpc.Message{Kind: krpc.Response, Transaction: m.Transaction, ID: id, Token: "token"}
	}
	// near returns a node that claims to be nearer than any honest one.
	near := func(target krpc.ID, i int) krpc.Node {
		target[19] ^= byte(i)
		target[18] ^= byte(i >> 8)
		return krpc.Node{ID: target, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 66, byte(i >> 8), byte(i)}), 6881)}
	}
	for name, answer := range map[string]func(c *fakeConn, id krpc.ID, m krpc.Message, from netip.AddrPort){
		"another transaction": func(c *fakeConn, id krpc.ID, m krpc.Message, from netip.AddrPort) {
			r := response(m, id)
			r.Transaction = "xxxx"
			c.reply(r, from)
		},
		"garbage": func(c *fakeConn, _ krpc.ID, m krpc.Message, from netip.AddrPort) {
			_, _ = c.WriteTo([]byte("d1:t4:"+m.Transaction+"1:y1:r1:rd2:id1000:e"), udpAddr(from.String()))
		},
		"a huge packet": func(c *fakeConn, id krpc.ID, m krpc.Message, from netip.AddrPort) {
			r := response(m, id)
			r.Text = strings.Repeat("x", 1<<16)
			r.Kind = krpc.Error
			c.reply(r, from)
		},
		"errors": func(c *fakeConn, _ krpc.ID, m krpc.Message, from netip.AddrPort) {
			r := failure(krpc.CodeGeneric, "no")
			r.Transaction = m.Transaction
			c.reply(&r, from)
		},
		"many nodes that don't exist": func(c *fakeConn, id krpc.ID, m krpc.Message, from netip.AddrPort) {
			r := response(m, id)
			for i := range 140 {
				r.Nodes = append(r.Nodes, near(m.Target, rand.IntN(1<<16)+i))
			}
			c.reply(r, from)
		},
		"ever nearer nodes, which answer": func(c *fakeConn, id krpc.ID, m krpc.Message, from netip.AddrPort) {
			r := response(m, id)
			for range 16 {
				n := near(m.Target, rand.IntN(1<<16))
				n.Addr = netip.AddrPortFrom(c.public.Addr(), uint16(1+rand.IntN(1<<16-1)))
				r.Nodes = append(r.Nodes, n)
			}
			c.reply(r, from)
		},
		"our own contact, and impossible ones": func(c *fakeConn, id krpc.ID, m krpc.Message, from netip.AddrPort) {
			r := response(m, id)
			for _, a := range []string{from.String(), "0.0.0.0:1", "224.0.0.1:1", "255.255.255.255:1", "10.0.0.1:0", "127.0.0.1:6881"} {
				n := near(m.Target, 1)
				n.Addr = netip.MustParseAddrPort(a)
				r.Nodes = append(r.Nodes, n)
				r.Peers = append(r.Peers, n.Addr)
			}
			c.reply(r, from)
		},
		"our own id": func(c *fakeConn, _ krpc.ID, m krpc.Message, from netip.AddrPort) { c.reply(response(m, m.ID), from) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, net *fakeNet) {
				nodes := runMany(t, net, 30)
				nodes[3].Add(hashNumber(1), newSwarm(true, 0))
				time.Sleep(time.Minute)
				bootstrap := []string{address(0, false)}
				var asked atomic.Int64
				for i := range 10 {
					c := net.listen(fmt.Sprintf("10.5.0.%d:6881", i+1))
					defer c.Close()
					id := krpc.ID(hashNumber(100 + i))
					id[0] = ^hashNumber(1)[0] // or they could be the nearest
					serve(c, func(m krpc.Message, from netip.AddrPort) {
						if m.Kind == krpc.Query {
							asked.Add(1)
							answer(c, id, m, from)
						}
					})
					bootstrap = append(bootstrap, c.public.String())
				}
				n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Port: 1, Bootstrap: bootstrap})
				swarm := newSwarm(false, 10)
				n.Add(hashNumber(1), swarm)
				until(t, "the peer is found", 10*time.Minute, func() bool { return swarm.has("10.0.0.4:1003") })
				for _, p := range swarm.found() {
					if p.Port() < 1000 || p.Addr().As4()[0] != 10 {
						t.Errorf("found %s", p)
					}
				}
				time.Sleep(time.Hour)
				s := n.Status()
				t.Logf("%d packets sent in an hour, hostile nodes were asked %d times, %d nodes in the table", s.PacketsSent, asked.Load(), s.Families[0].Nodes)
				if s.PacketsSent > 2000 || s.Families[0].Nodes < k {
					t.Errorf("%+v", s)
				}
				for c := range n.table().all {
					a := c.Addr.Addr().As4()
					if a[1] == 66 || c.Addr == s.Families[0].Local || c.ID == krpc.ID(s.Families[0].ID) {
						t.Errorf("%s is in the table", c.Addr)
					}
				}
			})
		})
	}
}

// Nodes whose ids are nearest to an info-hash, but don't fit their addresses, can't hide
// the peers that others announced (BEP 42).
func TestNearIDs(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes, first := runGlobal(t, net, 40)
		nodes[20].Add(hashNumber(1), newSwarm(true, 0))
		bootstrap := first
		var announced atomic.Int64
		for i := range 20 {
			c := net.listen(address(200+i, true))
			defer c.Close()
			id := krpc.ID(hashNumber(1))
			id[19] ^= byte(i + 1)
			serve(c, func(m krpc.Message, from netip.AddrPort) {
				if m.Method == krpc.AnnouncePeer {
					announced.Add(1)
				}
				if m.Kind == krpc.Query {
					c.reply(&krpc.Message{Kind: krpc.Response, Transaction: m.Transaction, ID: id, Token: "token"}, from)
				}
			})
			bootstrap = append(bootstrap, c.public.String())
		}
		time.Sleep(time.Minute)
		n := run(t, Options{Conns: []fakePacketConn{net.listen(address(100, true))}, Port: 5, Bootstrap: bootstrap})
		swarm := newSwarm(false, 10)
		n.Add(hashNumber(1), swarm)
		until(t, "the peer is found", time.Minute, func() bool { return swarm.has("20.0.20.1:1020") })
		until(t, "it is announced", time.Minute, func() bool { return n.Status().Announces > 0 })
		if announced.Load() != 0 {
			t.Errorf("%d announces to nodes whose ids don't fit", announced.Load())
		}
		for c := range n.table().all {
			if c.Addr.Addr().As4()[2] >= 200 {
				t.Errorf("%s is in the table", c.Addr)
			}
		}
	})
}

// A response counts only from the address that was asked.
func TestSpoofedResponse(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		honest, other := net.listen("10.0.0.1:6881"), net.listen("10.0.0.2:6881")
		defer honest.Close()
		defer other.Close()
		serve(honest, func(m krpc.Message, from netip.AddrPort) {
			r := krpc.Message{Kind: krpc.Response, Transaction: m.Transaction, ID: hashNumber(9), External: from}
			other.reply(&r, from)
		})
		n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Bootstrap: []string{"10.0.0.1:6881"}})
		time.Sleep(time.Hour)
		s := n.Status()
		if s.PacketsReceived == 0 || s.Families[0].Nodes != 0 || s.Families[0].External.IsValid() {
			t.Errorf("%+v", s)
		}
	})
}

// A host gets few answers a second, and all of them together not many.
func TestFloods(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 30)
		victim := nodes[4]
		to := victim.Status().Families[0].Local
		flood := func(sources, each int) (answers int64) {
			before := victim.Status().PacketsSent
			ping := krpc.Message{Kind: krpc.Query, Transaction: "aa", Method: krpc.FindNode, HasTarget: true, ID: hashNumber(7)}
			for i := range sources {
				from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
				for port := range each {
					victim.receive(victim.families[0], ping.Append(nil), netip.AddrPortFrom(from.Addr(), uint16(port+1)))
				}
			}
			return victim.Status().PacketsSent - before
		}
		time.Sleep(sourceTime)
		if n := flood(1, 10_000); n < maxPerSource || n > maxPerSource+10 {
			t.Errorf("%d answers to one host", n)
		}
		time.Sleep(sourceTime)
		if n := flood(100_000, 1); n < 50 || n > defaultRate {
			t.Errorf("%d answers to many hosts", n)
		}
		victim.mu.Lock()
		if len(victim.sources.counts) > maxSources || len(victim.pings) > maxPings {
			t.Errorf("%d sources, %d pings", len(victim.sources.counts), len(victim.pings))
		}
		victim.unlock()
		time.Sleep(time.Minute)
		ask := asker(t, net.listen("10.5.0.1:1"), victim)
		if r := ask(krpc.Message{Method: krpc.Ping}); r == nil {
			t.Errorf("no answer from %s after the floods", to)
		}
	})
}

// Whatever packet arrives, a node goes on.
func FuzzReceive(f *testing.F) {
	for _, m := range []krpc.Message{
		{Kind: krpc.Query, Transaction: "aa", Method: krpc.Ping},
		{Kind: krpc.Query, Transaction: "aa", Method: krpc.FindNode, HasTarget: true, Want4: true, Want6: true},
		{Kind: krpc.Query, Transaction: "aa", Method: krpc.GetPeers, HasTarget: true, Scrape: true, NoSeeds: true},
		{Kind: krpc.Query, Transaction: "aa", Method: krpc.AnnouncePeer, HasTarget: true, Port: 1, Token: "xxxxxxxx"},
		{Kind: krpc.Response, Transaction: "aaaa", Nodes: []krpc.Node{{ID: hashNumber(3), Addr: netip.MustParseAddrPort("10.0.0.9:1")}}, Token: "x"},
		{Kind: krpc.Error, Transaction: "aaaa", Code: 203, Text: "no"},
	} {
		f.Add(m.Append(nil), uint32(10<<24+1), uint16(6881))
	}
	f.Fuzz(func(t *testing.T, packet []byte, ip uint32, port uint16) {
		synctest.Test(t, func(t *testing.T) {
			n := New(Options{Conns: []fakePacketConn{newFakeNet().listen("10.1.0.1:6881")}, Port: 1})
			n.bootstrap.done = true
			fam := n.families[0]
			fam.reachable = time.Now().Add(time.Hour)
			fam.table.insert(krpc.Node{ID: hashNumber(1), Addr: netip.MustParseAddrPort("10.0.0.1:6881")}, time.Now())
			n.Add(hashNumber(2), newSwarm(false, 5))
			n.mu.Lock()
			n.begin(time.Now())
			n.unlock()
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), port)
			for range 2 {
				n.receive(fam, packet, from)
			}
			// The same message as the response to the query that waits.
			m, err := krpc.Parse(packet)
			if err != nil || len(n.sent) == 0 {
				return
			}
			q := n.sent[0]
			m.Transaction = string([]byte{byte(q.number >> 24), byte(q.number >> 16), byte(q.number >> 8), byte(q.number)})
			n.receive(fam, m.Append(nil), q.to)
			if count := len(fam.table.closest(fam.id, 1000)); count > 2 {
				t.Errorf("%d nodes in the table", count)
			}
			if n.counters.PacketsSent > 200 {
				t.Errorf("%d packets sent", n.counters.PacketsSent)
			}
		})
	})
}
