package seed

import (
	"io"
	"net"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/maketorrent"
)

func TestRate(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("measures for seconds")
	}
	for _, peers := range []int{1, 10} {
		const rate = 2_700_000 // a turn is not a whole number of blocks
		r, tt, _ := one(t, Options{MaxUploadRate: rate, MaxUploads: 20}, maketorrent.FormatV1, 2<<20)
		began := time.Now()
		for range peers {
			go requestForever(r.join(t, tt).conn)
		}
		time.Sleep(500 * time.Millisecond)
		// A busy machine may upload less for a while, but never more than the limit and
		// one grant since the first peer came.
		share := 0.0
		for tries := 0; tries < 10 && share < 0.5; tries++ {
			from, begin := r.Uploaded(), time.Now()
			time.Sleep(4 * time.Second)
			share = float64(r.Uploaded()-from) / time.Since(begin).Seconds() / rate
			t.Logf("%d peers: %.1f %% of the limit", peers, 100*share)
			uploaded := float64(r.Uploaded())
			if most := 1.02*rate*time.Since(began).Seconds() + rate/20.0; uploaded > most {
				t.Errorf("%d peers: %.0f bytes, the limit allows %.0f", peers, uploaded, most)
			}
		}
		if share < 0.5 {
			t.Errorf("%d peers: never half of the limit", peers)
		}
		r.stop()
	}
}

// requestForever requests blocks, reads them and requests more, until the connection ends.
func requestForever(conn net.Conn) {
	const window = 500 // requests that wait for an answer
	var b []byte
	for i := range window {
		b = request(uint32(i%32), uint32(i%4)<<14, 16<<10).Append(b)
	}
	more := b[:len(b)/window*100]
	if _, err := conn.Write(b); err != nil {
		return
	}
	for {
		if _, err := io.CopyN(io.Discard, conn, 100*(16<<10+13)); err != nil {
			return
		}
		if _, err := conn.Write(more); err != nil {
			return
		}
	}
}

// A peer that requests blocks and disconnects does not use up the rate.
func TestRateOfLeavers(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{MaxUploadRate: 256 << 10}, maketorrent.FormatV1, 1<<20)
	for range 60 {
		l := r.join(t, tt)
		l.send(request(0, 0, 64<<10), request(1, 0, 64<<10))
		time.Sleep(3 * time.Millisecond)
		l.conn.Close()
	}
	r.empty(t)
	l := r.join(t, tt)
	begin := time.Now()
	l.send(request(0, 0, 16<<10))
	check(t, tt, root, l.await(peer.IDPiece))
	// To send what they requested would take half a minute.
	if waited := time.Since(begin); waited > 10*time.Second {
		t.Errorf("a block after %v", waited)
	}
}
