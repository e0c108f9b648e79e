package dht

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"bt/internal/discover/krpc"
)

// asker returns a function that sends a query to a node and returns the answer, or nil.
func asker(t *testing.T, c *fakeConn, n runningNode) func(m krpc.Message) *krpc.Message {
	to := n.Status().Families[0].Local
	return func(m krpc.Message) *krpc.Message {
		t.Helper()
		m.Kind, m.Transaction = krpc.Query, "aa"
		if m.ID == (krpc.ID{}) {
			m.ID = hashNumber(77)
		}
		c.reply(&m, to)
		time.Sleep(time.Second)
		for {
			select {
			case d := <-c.in:
				r, err := krpc.Parse(d.b)
				if err != nil {
					t.Fatal(err)
				}
				if r.Kind != krpc.Query && r.Transaction == "aa" {
					if len(d.b) > maxAnswer {
						t.Errorf("an answer of %d bytes", len(d.b))
					}
					return &r
				}
			default:
				return nil
			}
		}
	}
}

// A peer is stored only with a token that its address got, in the last minutes.
func TestTokens(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 10)
		first, second := net.listen("10.5.0.1:1"), net.listen("10.5.0.2:1")
		ask, askOther := asker(t, first, nodes[4]), asker(t, second, nodes[4])
		get := krpc.Message{Method: krpc.GetPeers, HasTarget: true, Target: hashNumber(1)}
		announce := get
		announce.Method, announce.Port = krpc.AnnouncePeer, 55
		code := func(r *krpc.Message) int {
			if r == nil {
				t.Fatal("no answer")
			}
			return r.Code
		}
		announce.Token = ask(get).Token
		if got := code(askOther(announce)); got != krpc.CodeProtocol {
			t.Errorf("the token of another address: %d", got)
		}
		if got := code(ask(announce)); got != 0 {
			t.Errorf("its token: %d", got)
		}
		for _, token := range []string{"", "x", announce.Token[1:], announce.Token + "x", strings.Repeat("x", krpc.MaxToken)} {
			bad := announce
			bad.Token = token
			if got := code(ask(bad)); got != krpc.CodeProtocol {
				t.Errorf("token %q: %d", token, got)
			}
		}
		noPort := announce
		noPort.Port = 0
		if got := code(ask(noPort)); got != krpc.CodeProtocol {
			t.Errorf("no port: %d", got)
		}
		noPort.ImpliedPort = true
		if got := code(ask(noPort)); got != 0 {
			t.Errorf("an implied port: %d", got)
		}
		if r := askOther(get); len(r.Peers) != 1+1 { // hosts in local networks may have several
			t.Errorf("peers %v", r.Peers)
		}
		time.Sleep(tokenTime)
		if got := code(ask(announce)); got != 0 {
			t.Errorf("after one change of the secret: %d", got)
		}
		time.Sleep(tokenTime)
		if got := code(ask(announce)); got != krpc.CodeProtocol {
			t.Errorf("after two changes of the secret: %d", got)
		}
		time.Sleep(peerTime)
		if r := askOther(get); len(r.Peers) != 0 {
			t.Errorf("after %s: %v", peerTime, r.Peers)
		}
	})
}

// The answers to all kinds of queries.
func TestAnswers(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 30)
		c := net.listen("10.5.0.1:1")
		ask := asker(t, c, nodes[4])
		id := krpc.ID(nodes[4].Status().Families[0].ID)
		for name, tt := range map[string]struct {
			query krpc.Message
			nodes bool
			code  int
		}{
			"ping":                          {krpc.Message{Method: krpc.Ping}, false, 0},
			"find_node":                     {krpc.Message{Method: krpc.FindNode, HasTarget: true, Target: hashNumber(1)}, true, 0},
			"get_peers":                     {krpc.Message{Method: krpc.GetPeers, HasTarget: true, Target: hashNumber(1)}, true, 0},
			"get_peers for nodes of IPv6":   {krpc.Message{Method: krpc.GetPeers, HasTarget: true, Want6: true}, false, 0},
			"get_peers for both":            {krpc.Message{Method: krpc.GetPeers, HasTarget: true, Want4: true, Want6: true}, true, 0},
			"find_node without target":      {krpc.Message{Method: krpc.FindNode}, false, krpc.CodeProtocol},
			"get_peers without info-hash":   {krpc.Message{Method: krpc.GetPeers}, false, krpc.CodeProtocol},
			"announce_peer without token":   {krpc.Message{Method: krpc.AnnouncePeer, HasTarget: true, Port: 1}, false, krpc.CodeProtocol},
			"an unknown method":             {krpc.Message{Method: "vote"}, false, krpc.CodeMethod},
			"an unknown method of a target": {krpc.Message{Method: "get", HasTarget: true}, true, 0},
			"no method":                     {krpc.Message{}, false, krpc.CodeProtocol},
		} {
			r := ask(tt.query)
			if r == nil {
				t.Errorf("%s: no answer", name)
				continue
			}
			if r.Code != tt.code || r.External != c.public || (len(r.Nodes) > 0) != tt.nodes || len(r.Nodes6) != 0 || tt.code == 0 && r.ID != id {
				t.Errorf("%s: %+v", name, r)
			}
			if wantToken := tt.query.Method == krpc.GetPeers && tt.code == 0; (r.Token != "") != wantToken {
				t.Errorf("%s: token %q", name, r.Token)
			}
			if tt.nodes && len(r.Nodes) != k {
				t.Errorf("%s: %d nodes", name, len(r.Nodes))
			}
		}
		if r := ask(krpc.Message{Method: krpc.Ping, ID: id}); r != nil {
			t.Errorf("a query with our id: %+v", r)
		}
	})
}

// No answer is too long, whatever is stored, and its peers are a random sample.
func TestAnswerSize(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 30)
		ask := asker(t, net.listen("10.5.0.1:1"), nodes[4])
		n := nodes[4]
		n.mu.Lock()
		for i := range 3000 {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, 1, byte(i >> 8), byte(i)}), 1)
			n.store.add(krpc.ID{}, hashNumber(1), storedPeer{addr, i%2 == 0, time.Now().Add(time.Hour)})
		}
		n.unlock()
		get := krpc.Message{Method: krpc.GetPeers, HasTarget: true, Target: hashNumber(1)}
		seen := map[netip.AddrPort]bool{}
		for range 40 {
			r := ask(get)
			if len(r.Peers) < 50 {
				t.Fatalf("%d peers", len(r.Peers))
			}
			for _, p := range r.Peers {
				seen[p] = true
			}
		}
		if len(seen) < maxPeersPerSwarm*9/10 {
			t.Errorf("%d peers in 40 answers", len(seen))
		}
		get.NoSeeds = true
		for _, p := range ask(get).Peers {
			if p.Addr().As4()[3]%2 == 0 {
				t.Fatalf("the seed %s", p)
			}
		}
		get.Scrape, get.Want4, get.Want6 = true, true, true
		r := ask(get)
		if r.SeedFilter == nil || r.PeerFilter == nil || len(r.Nodes) != k || len(r.Peers) == 0 {
			t.Errorf("%+v", r)
		}
	})
}
