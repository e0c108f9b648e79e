package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// A dualDocument is the JSON of bt scrape for one info-hash at one tracker, or for that
// tracker alone.
type dualDocument struct {
	Torrents []struct {
		Swarms []struct{ Trackers []dualTracker }
	}
	Trackers []dualTracker
}

type dualTracker struct {
	Status   string
	Error    string
	Seeders  *int64
	MS       int64
	Families []struct {
		Family, Addr, Status string
		Seeders              *int64
		MS                   int64
	}
}

// A tracker has addresses of both IP versions, and the packets of one are dropped: the other
// one counts, and both are shown.
func TestProcessScrapeDeadFamily(t *testing.T) {
	t.Parallel()
	const name, port, seeders = "tracker.test", 6969, 12
	families := []string{"ipv4", "ipv6"}
	for _, dropped := range [][]string{{"ip"}, {"ip6"}, {"ip", "ip6"}} {
		t.Run(strings.Join(dropped, "+"), func(t *testing.T) {
			t.Parallel()
			client, server := testenv.DualHosts(t)
			addrs := []netip.Addr{server.Addr, server.Addr6}
			hash, err := hex.DecodeString(anyHash)
			if err != nil {
				t.Fatal(err)
			}
			f := &fakeTracker{swarms: map[[20]byte]tracker.Counts{[20]byte(hash): {Seeders: seeders}}}
			for _, addr := range addrs {
				l, c, err := server.Listen(netip.AddrPortFrom(addr, port))
				if err != nil {
					t.Fatal(err)
				}
				web := &http.Server{Handler: f}
				go web.Serve(l)
				go f.serveUDP(c)
				t.Cleanup(func() { web.Close(); c.Close() })
			}
			dns := client.StartDNS(t, map[string][]netip.Addr{name: addrs})
			dead := make(map[string]bool)
			for _, family := range dropped {
				server.Drop(t, family)
				dead[map[string]string{"ip": "ipv4", "ip6": "ipv6"}[family]] = true
			}

			// A tracker has 5 s, and not the 2 s of one attempt: a busy machine may need them.
			start := func(args ...string) (wait func() dualTracker) {
				t.Helper()
				line := client.Command("bt", append([]string{"scrape", "--timeout", "5s", "--retries", "1", "--json"}, args...)...)
				cmd := processCommand(t, line[0], line[1:]...)
				cmd.Env = append(cmd.Env, "BT_TEST_DNS="+dns.String())
				code := exitOK
				if len(dead) == len(families) {
					code = exitNo
				}
				end := processStart(t, cmd)
				return func() dualTracker {
					t.Helper()
					var doc dualDocument
					end().exits(code).document(&doc)
					if len(doc.Torrents) > 0 {
						return doc.Torrents[0].Swarms[0].Trackers[0]
					}
					return doc.Trackers[0]
				}
			}
			type run struct{ torrent, alone func() dualTracker }
			runs := make(map[string]run)
			for _, url := range []string{"udp://%s:%d", "http://%s:%d/announce"} {
				url := fmt.Sprintf(url, name, port)
				runs[url] = run{start(anyHash, "--tracker", url), start("--tracker", url)}
			}
			for url, r := range runs {
				torrent, alone := r.torrent(), r.alone()
				for _, got := range []dualTracker{torrent, alone} {
					if len(got.Families) != 2 {
						t.Fatalf("%s: %+v", url, got)
					}
					for i, family := range got.Families {
						status := "timeout"
						if !dead[families[i]] {
							status = got.Status // as the tracker itself
						}
						if family.Family != families[i] || family.Addr != netip.AddrPortFrom(addrs[i], port).String() || family.Status != status {
							t.Errorf("%s: %+v", url, family)
						}
						if dead[families[i]] && family.MS < 4900 || !dead[families[i]] && family.MS >= got.Families[1-i].MS {
							t.Errorf("%s: %+v: the one that is dead must use up the timeout, and not the other's", url, got.Families)
						}
					}
					if wrong := got.Status == "timeout"; wrong != (len(dead) == len(families)) || wrong && got.Error != "no answer in time" {
						t.Errorf("%s: %s %q", url, got.Status, got.Error)
					}
				}
				for i, family := range torrent.Families {
					if known := family.Seeders != nil; known == dead[families[i]] || known && *family.Seeders != seeders {
						t.Errorf("%s: %+v", url, family)
					}
				}
				if known := torrent.Seeders != nil; known != (torrent.Status == "ok") || known && *torrent.Seeders != seeders {
					t.Errorf("%s: %+v", url, torrent)
				}
			}
		})
	}
}
