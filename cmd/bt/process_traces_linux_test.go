package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"sync"
	"testing"

	"bt/internal/testenv"
)

// What a host can send, or receive, where a swarm is made known.
const (
	traceHeard     = "the info-hash in a packet of UDP that it receives"
	traceUDP       = "a packet of UDP"
	traceDHT       = "a packet of the DHT"
	traceHash      = "the info-hash in a packet of UDP that it sends"
	traceSearch    = "a message of local discovery"
	traceDHTBit    = "the DHT in a handshake"
	tracePort      = "the port of its DHT node"
	traceOffersPEX = "that it exchanges peers"
	traceSendsPEX  = "peers"
)

// traces is what a host has sent and received so far.
type traces struct {
	mu      sync.Mutex
	seen    map[string]bool
	streams map[[2]netip.AddrPort][]byte // what it has sent over TCP, by both ends
}

// trace follows what a host sends and receives from now on about a torrent.
func trace(t *testing.T, h *testenv.Host, hash [20]byte) *traces {
	t.Helper()
	tr := &traces{seen: make(map[string]bool), streams: make(map[[2]netip.AddrPort][]byte)}
	h.Capture(t, func(p testenv.Packet) {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		if !p.TCP {
			tr.packet(p, hash)
		} else if p.Sent {
			tr.segment(p)
		}
	})
	return tr
}

// include reports whether all of these were seen.
func (tr *traces) include(want []string) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return !slices.ContainsFunc(want, func(trace string) bool { return !tr.seen[trace] })
}

// list returns what was seen, in order.
func (tr *traces) list() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Sorted(maps.Keys(tr.seen))
}

// are checks that these were seen, and no others.
func (tr *traces) are(t *testing.T, command string, want []string) {
	t.Helper()
	seen := tr.list()
	for _, trace := range want {
		if !slices.Contains(seen, trace) {
			t.Errorf("bt %s: there is not %s", command, trace)
		}
	}
	for _, trace := range seen {
		if !slices.Contains(want, trace) {
			t.Errorf("bt %s: there is %s", command, trace)
		}
	}
}

func (tr *traces) packet(p testenv.Packet, hash [20]byte) {
	named := bytes.Contains(p.Data, hash[:]) || bytes.Contains(bytes.ToLower(p.Data), fmt.Appendf(nil, "%x", hash))
	if !p.Sent {
		if named {
			tr.seen[traceHeard] = true
		}
		return
	}
	tr.seen[traceUDP] = true
	if named {
		tr.seen[traceHash] = true
	}
	switch {
	case bytes.HasPrefix(p.Data, []byte("BT-SEARCH ")):
		tr.seen[traceSearch] = true
	case bytes.HasPrefix(p.Data, []byte("d1:")):
		tr.seen[traceDHT] = true
	}
}

var (
	pexOffer    = regexp.MustCompile(`6:ut_pexi[1-9]`)
	portMessage = []byte("\x00\x00\x00\x03\x09")
)

// segment looks at what was sent over a connection, which must not be encrypted. Segments
// are rarely sent twice between hosts of one machine, and then nothing is missed but at
// their edges.
func (tr *traces) segment(p testenv.Packet) {
	const protocol, most = "\x13BitTorrent protocol", 8 << 10
	key := [2]netip.AddrPort{p.From, p.To}
	b := append(tr.streams[key], p.Data...)
	for trace, found := range map[string]bool{
		traceDHTBit:    bytes.HasPrefix(b, []byte(protocol)) && len(b) >= 28 && b[27]&1 != 0,
		traceOffersPEX: pexOffer.Match(b),
		traceSendsPEX:  bytes.Contains(b, []byte("5:added")),
		tracePort:      bytes.Contains(b, portMessage),
	} {
		if found {
			tr.seen[trace] = true
		}
	}
	tr.streams[key] = b[max(0, len(b)-most):]
}
