//go:build linux

package seed

import (
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/peer"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// needDescriptors skips a test that may not have as many.
func needDescriptors(t testing.TB, n uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n {
		testenv.Missing(t, fmt.Sprintf("%d descriptors (ulimit -n), and %d are allowed", n, limit.Cur))
	}
}

// counts are how many connections there are, and how many in their handshake.
func (r *running) counts() (open, halfOpen int) {
	r.limits.mu.Lock()
	defer r.limits.mu.Unlock()
	return r.limits.open, r.limits.halfOpen
}

func (r *running) awaitCounts(t *testing.T, open, halfOpen int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d connections, %d in their handshake", open, halfOpen), func() bool {
		o, h := r.counts()
		return o == open && h == halfOpen
	})
}

// startPatient seeds for peers that take their time for handshakes.
func startPatient(t *testing.T, o Options) (r *running, tt *Torrent, root string) {
	t.Helper()
	meta, root := makeContent(t, maketorrent.V1, 100_000)
	r = startWith(t, o, func(s *Seeder) { s.patience.handshake = 5 * time.Minute }, Input{Torrent: meta, Path: root})
	return r, r.find(meta.InfoHashV1), root
}

// crowd is many who have joined from an address.
func (r *running) crowd(t *testing.T, tt *Torrent, ip string, n int) []*leecher {
	t.Helper()
	var all []*leecher
	for range n {
		l := r.meets(t, tt, ip)
		l.conn.SetDeadline(time.Now().Add(5 * time.Minute))
		l.send(peer.Message{ID: peer.IDInterested})
		l.await(peer.IDUnchoke)
		all = append(all, l)
	}
	return all
}

func TestCrowdOfOneAddress(t *testing.T) {
	t.Parallel()
	needDescriptors(t, 4*maxPerAddress)
	const ip, other = "127.0.6.1", "127.0.6.2"
	r, tt, root := startPatient(t, Options{})
	crowd := r.crowd(t, tt, ip, maxPerAddress)
	for range 10 {
		r.refuses(t, tt, ip)
	}
	crowd = append(crowd, r.crowd(t, tt, other, 1)...)
	for _, l := range crowd {
		l.isServed(tt, root)
	}
	const leave = 7
	for _, l := range crowd[:leave] {
		l.conn.Close()
	}
	crowd = crowd[leave:]
	eventually(t, "they have left", func() bool { return r.visitorOf(ip).open == maxPerAddress-leave })
	crowd = append(crowd, r.crowd(t, tt, ip, leave)...)
	r.refuses(t, tt, ip)
	for _, l := range crowd {
		l.isServed(tt, root)
	}
	if v := r.visitorOf(ip); v.offences != 0 {
		t.Errorf("%d offences", v.offences)
	}
}

func TestMaxPeers(t *testing.T) {
	t.Parallel()
	const most = 7
	r, tt, root := startPatient(t, Options{MaxPeers: most})
	var crowd []*leecher
	for i := range most {
		crowd = append(crowd, r.crowd(t, tt, fmt.Sprintf("127.0.7.%d", i+1), 1)...)
	}
	for range 10 {
		r.refuses(t, tt, "127.0.7.1")
		r.refuses(t, tt, "127.0.7.100")
	}
	for _, l := range crowd {
		l.isServed(tt, root)
	}
	crowd[0].conn.Close()
	crowd[1].conn.Close()
	r.awaitCounts(t, most-2, 0)
	crowd = append(crowd[2:], r.crowd(t, tt, "127.0.7.200", 2)...)
	r.refuses(t, tt, "127.0.7.201")
	for _, l := range crowd {
		l.isServed(tt, root)
	}
}

// Those that never finish their handshakes keep out only others of their address,
// until they are too many.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	needDescriptors(t, 2*maxHalfOpen+200)
	const visitor = "127.0.9.1"
	r, tt, root := startPatient(t, Options{})
	honest := r.crowd(t, tt, visitor, 1)
	h := peer.Handshake{InfoHash: tt.swarms[0].hash}
	greeting := h.Append(nil)
	var half []*net.TCPConn
	address := func(i int) string { return fmt.Sprintf("127.0.8.%d", i+1) }
	for i := range maxHalfOpen / maxHalfOpenPerAddress {
		for range maxHalfOpenPerAddress {
			conn := r.dialFrom(t, address(i))
			conn.SetDeadline(time.Now().Add(5 * time.Minute))
			conn.Write(greeting[:40])
			half = append(half, conn)
		}
		r.awaitCounts(t, 1+len(half), len(half))
		r.refuses(t, tt, address(i))
		if i == 0 {
			honest = append(honest, r.crowd(t, tt, visitor, 1)...)
			honest[1].conn.Close()
			honest = honest[:1]
			r.awaitCounts(t, 1+len(half), len(half))
		}
	}
	r.refuses(t, tt, visitor)
	honest[0].isServed(tt, root)

	// One goes on with its handshake, and one leaves.
	if _, err := half[0].Write(greeting[40:]); err != nil {
		t.Fatal(err)
	}
	r.awaitCounts(t, 1+len(half), len(half)-1)
	r.crowd(t, tt, visitor, 1)
	half[1].Close()
	r.awaitCounts(t, 1+len(half), len(half)-2)
	r.crowd(t, tt, visitor, 1)
	honest[0].isServed(tt, root)
	if v := r.visitorOf(visitor); v.offences != 0 {
		t.Errorf("%d offences", v.offences)
	}
}
