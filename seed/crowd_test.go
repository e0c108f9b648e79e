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

// Limits of package swarm.
const (
	maxPerAddress = 100
	maxStrikes    = 5
	rankPause     = 100 * time.Millisecond
	introTime     = 10 * time.Second
	pendingTime   = 10 * time.Second
)

// needDescriptors skips the test if it can't open n descriptors.
func needDescriptors(t testing.TB, n uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n {
		testenv.Missing(t, fmt.Sprintf("%d descriptors (ulimit -n), and %d are allowed", n, limit.Cur))
	}
}

// counts returns the number of connections, and of those in their handshake.
func (r *running) counts() (open, halfOpen int) {
	return r.hub.Connections()
}

func (r *running) awaitCounts(t *testing.T, open, halfOpen int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d connections, %d in their handshake", open, halfOpen), func() bool {
		o, h := r.counts()
		return o == open && h == halfOpen
	})
}

// startWithLongTimeouts seeds with a long handshake timeout.
func startWithLongTimeouts(t *testing.T, o Options) (r *running, tt *Torrent, root string) {
	t.Helper()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	r = startWith(t, o, func(s *Seeder) { s.timeouts.Handshake = 5 * time.Minute }, Input{Torrent: meta, Path: root})
	return r, r.find(meta.InfoHashV1), root
}

// crowd connects many peers from an address.
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
	r, tt, root := startWithLongTimeouts(t, Options{})
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
	eventually(t, "they have left", func() bool { return r.openOf(ip) == maxPerAddress-leave })
	crowd = append(crowd, r.crowd(t, tt, ip, leave)...)
	r.refuses(t, tt, ip)
	for _, l := range crowd {
		l.isServed(tt, root)
	}
	if n := r.strikesOf(ip); n != 0 {
		t.Errorf("%d strikes", n)
	}
}

// asks requests a block and receives it.
func (l *leecher) asks() {
	l.t.Helper()
	l.send(request(0, 0, 16))
	l.await(peer.IDPiece)
}

// At the limit, a peer that is being served is not evicted for a newcomer, even if it
// receives blocks only now and then.
func TestMaxPeers(t *testing.T) {
	t.Parallel()
	const most = 7
	r, tt, root := startWithLongTimeouts(t, Options{MaxPeers: most})
	var crowd []*leecher
	for i := range most {
		crowd = append(crowd, r.crowd(t, tt, fmt.Sprintf("127.0.7.%d", i+1), 1)...)
		crowd[i].asks()
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
	for _, l := range crowd[most-2:] {
		l.asks()
	}
	r.refuses(t, tt, "127.0.7.201")
	for _, l := range crowd {
		l.isServed(tt, root)
	}
}

// At the limit, the least useful peer is evicted for each newcomer: first those that
// were never interested, then those that have been idle longest.
func TestEvictLeastUseful(t *testing.T) {
	t.Parallel()
	const most = 6
	r, tt, root := startWithLongTimeouts(t, Options{MaxPeers: most})
	served := r.crowd(t, tt, "127.0.22.1", 2)
	for _, l := range served {
		l.asks()
	}
	idle := r.crowd(t, tt, "127.0.23.1", 2)
	deaf := []*leecher{r.meets(t, tt, "127.0.24.1"), r.meets(t, tt, "127.0.25.1")}
	r.awaitCounts(t, most, 0)
	time.Sleep(introTime)
	for i, goes := range []*leecher{deaf[0], deaf[1], idle[0], idle[1]} {
		time.Sleep(rankPause)
		l := r.crowd(t, tt, fmt.Sprintf("127.0.26.%d", i+1), 1)[0]
		l.asks()
		goes.ends()
		served = append(served, l)
		r.awaitCounts(t, most, 0)
	}
	r.refuses(t, tt, "127.0.27.1")
	for _, l := range served {
		l.isServed(tt, root)
	}
}

// Many idle peers, interested or not, do not keep others out: newcomers connect, get
// what they request, and are not evicted for more idle ones.
func TestIdleCrowd(t *testing.T) {
	t.Parallel()
	const most = 60
	needDescriptors(t, 10*most)
	r, tt, root := startWithLongTimeouts(t, Options{MaxPeers: most})
	join := func(i int) {
		l := r.meets(t, tt, fmt.Sprintf("127.0.28.%d", i%most+1))
		if i%2 == 0 {
			l.send(peer.Message{ID: peer.IDInterested})
		}
	}
	for i := range most {
		join(i)
	}
	r.awaitCounts(t, most, 0)
	var honest []*leecher
	for i := range most / 4 {
		l := r.crowd(t, tt, fmt.Sprintf("127.1.%d.1", i), 1)[0] // and asks for nothing yet
		honest = append(honest, l)
		join(most + 2*i)
		join(most + 2*i + 1)
		time.Sleep(rankPause / 4)
	}
	for _, l := range honest {
		l.isServed(tt, root)
	}
}

// At the limit, a peer that cancels all its requests, again and again, is evicted for
// a newcomer.
func TestCrowdThatCancels(t *testing.T) {
	t.Parallel()
	const most = 4
	r, tt, root := startWithLongTimeouts(t, Options{MaxPeers: most})
	var crowd []*leecher
	for i := range most {
		crowd = append(crowd, r.crowd(t, tt, fmt.Sprintf("127.3.%d.1", i), 1)...)
	}
	cancels := func() {
		for _, l := range crowd {
			m := request(0, 0, 16)
			l.send(m, peer.Message{ID: peer.IDCancel, Index: m.Index, Begin: m.Begin, Length: m.Length})
			l.await(peer.IDReject)
		}
	}
	cancels()
	r.refuses(t, tt, "127.4.0.1")
	time.Sleep(pendingTime)
	cancels()
	time.Sleep(rankPause)
	r.crowd(t, tt, "127.4.0.1", 1)[0].isServed(tt, root)
}

// Connections from a few networks that never finish their handshake keep no other
// peer out.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	const most = 60
	needDescriptors(t, 10*most)
	r, tt, root := startWithLongTimeouts(t, Options{MaxPeers: 2 * most})
	honest := r.crowd(t, tt, "127.0.9.1", 1)
	h := peer.Handshake{InfoHash: tt.swarms[0].hash}
	greeting := h.Append(nil)
	var half []*net.TCPConn
	for i := range 2 * most {
		conn := r.dialFrom(t, fmt.Sprintf("127.0.8.%d", i/4+1))
		conn.SetDeadline(time.Now().Add(5 * time.Minute))
		conn.Write(greeting[:40])
		half = append(half, conn)
	}
	r.awaitCounts(t, 1+most, most)
	for i := range 5 {
		honest = append(honest, r.crowd(t, tt, fmt.Sprintf("127.2.%d.1", i), 1)...)
	}
	for _, l := range honest {
		l.isServed(tt, root)
	}
	for _, conn := range half {
		conn.Close()
	}
	r.awaitCounts(t, len(honest), 0)
	if n := r.strikesOf("127.0.9.1"); n != 0 {
		t.Errorf("%d strikes", n)
	}
}
