package scrape_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/testenv"
	"bt/internal/tracker"
	"bt/scrape"
)

// seedAt starts a peer that accepts a connection for any torrent, and says that it has all
// pieces.
func seedAt(t *testing.T, addr string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		testenv.Missing(t, fmt.Sprintf("the address %s: %v", addr, err))
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer tcp.Close()
				opening, err := link.Accept(t.Context(), tcp.(*net.TCPConn), link.AcceptOptions{Encryption: link.EncryptionOff, Timeouts: &link.DefaultTimeouts})
				if err != nil {
					return
				}
				ours := peer.Handshake{InfoHash: opening.Theirs.InfoHash}
				copy(ours.PeerID[:], "-TR4060-"+l.Addr().String())
				ours.Set(peer.FeatureFast)
				if _, _, err := opening.Complete(ours); err == nil {
					tcp.Write(peer.Message{ID: peer.IDHaveAll}.Append(nil))
					tcp.Read(make([]byte, 1)) // until we have left
					time.Sleep(10 * time.Millisecond)
				}
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// peerTracker starts a tracker that names peers.
func peerTracker(t *testing.T, addrs ...netip.AddrPort) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/announce" {
			http.NotFound(w, r)
			return
		}
		resp := tracker.AnnounceResponse{Interval: time.Hour, Counts: tracker.Counts{Seeders: 1}}
		for _, a := range addrs {
			resp.Peers = append(resp.Peers, tracker.Peer{Addr: a})
		}
		w.Write(resp.AppendHTTP(nil, true))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/announce"
}

func TestRunAvailability(t *testing.T) {
	four, six := seedAt(t, "127.0.0.1:0"), seedAt(t, "[::1]:0")
	url := peerTracker(t, four, six)
	named := seedAt(t, "127.0.0.1:0")
	hash := hashes(1)[0]
	for name, tt := range map[string]struct {
		network string
		o       scrape.Options
		private bool
		pieces  int
		want    *scrape.Availability
	}{
		"not asked for": {"", scrape.Options{}, false, 7, nil},
		"both families": {"", scrape.Options{Availability: true}, false, 7, &scrape.Availability{Peers: 3, Asked: 3, Answered: 3, Seeds: 3, Pieces: 7, Copies: 3, Rarest: scrape.Rarest{Copies: 3, Pieces: 7}}},
		"4":             {"4", scrape.Options{Availability: true}, false, 7, &scrape.Availability{Peers: 2, Asked: 2, Answered: 2, Seeds: 2, Pieces: 7, Copies: 2, Rarest: scrape.Rarest{Copies: 2, Pieces: 7}}},
		"private":       {"", scrape.Options{Availability: true}, true, 7, &scrape.Availability{Peers: 1, Asked: 1, Answered: 1, Seeds: 1, Pieces: 7, Copies: 1, Rarest: scrape.Rarest{Copies: 1, Pieces: 7}}},
		"by force":      {"", scrape.Options{Availability: true, Force: true}, true, 7, &scrape.Availability{Peers: 3, Asked: 3, Answered: 3, Seeds: 3, Pieces: 7, Copies: 3, Rarest: scrape.Rarest{Copies: 3, Pieces: 7}}},
		"unknown":       {"", scrape.Options{Availability: true}, false, 0, &scrape.Availability{Peers: 3, Asked: 3, Answered: 3, Seeds: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			target := target([]string{url}, hash)
			target.Private, target.Pieces, target.Peers = tt.private, tt.pieces, []netip.AddrPort{named}
			tt.o.Client = &scrape.Client{Network: tt.network}
			defer tt.o.Client.Close()
			swarm := &scrape.Run(t.Context(), []scrape.Target{target}, tt.o).Torrents[0].Swarms[0]
			got := swarm.Availability
			if got == nil || tt.want == nil {
				if got != tt.want {
					t.Errorf("%+v, want %+v", got, tt.want)
				}
				return
			}
			clients := got.Clients
			got.Clients = nil
			if got.Peers != tt.want.Peers || got.Asked != tt.want.Asked || got.Answered != tt.want.Answered || got.Seeds != tt.want.Seeds ||
				got.Pieces != tt.want.Pieces || got.Copies != tt.want.Copies || got.Rarest != tt.want.Rarest {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if clients[named] != "Transmission 4.0.6" {
				t.Errorf("clients: %v", clients)
			}
			for _, p := range swarm.Rows[0].Peers {
				if a := netip.MustParseAddrPort(p.Addr); a == four && p.Client != "Transmission 4.0.6" {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}
