package layerfetch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/internal/inflight"
	"bt/internal/metainfo"
	"bt/internal/peer"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// A tree has the layers of a file's hash tree from the piece layer to the root, padded
// with the roots of trees of zeros.
type tree struct {
	pieces int
	layers [][][32]byte
}

// newTree returns a tree of random pieces, of so many blocks of 16 KiB each.
func newTree(rng *rand.ChaCha8, pieces, pieceLayer int) *tree {
	var zeros [32]byte
	for range pieceLayer {
		zeros = sha256.Sum256(append(zeros[:], zeros[:]...))
	}
	layer := make([][32]byte, pieces)
	for i := range layer {
		rng.Read(layer[i][:])
	}
	for n := len(layer); n&(n-1) != 0; n++ {
		layer = append(layer, zeros)
	}
	x := &tree{pieces, [][][32]byte{layer}}
	for len(layer) > 1 {
		var above [][32]byte
		for pair := range slices.Chunk(layer, 2) {
			above = append(above, sha256.Sum256(append(pair[0][:], pair[1][:]...)))
		}
		layer = above
		x.layers = append(x.layers, layer)
	}
	return x
}

func (x *tree) root() [32]byte { return x.layers[len(x.layers)-1][0] }

// answer returns the hashes and uncles for a request at the piece layer.
func (x *tree) answer(r *peer.HashRequest) (hashes []byte) {
	for i := range r.Length {
		hashes = append(hashes, x.layers[0][r.Index+i][:]...)
	}
	first, n := r.Uncles()
	for i := range n {
		layer := first - int(r.BaseLayer) + i
		hashes = append(hashes, x.layers[layer][int(r.Index)>>layer^1][:]...)
	}
	return hashes
}

// A publication is a torrent whose piece layers are known to its peers.
type publication struct {
	t     *metainfo.Torrent // without piece layers
	raw   []byte            // with them
	trees map[[32]byte]*tree
}

// publish makes a torrent of files with so many pieces each. A negative number is that of
// an earlier file of the same content, counted from the end.
func publish(t testing.TB, pieceLength int64, pieces ...int) *publication {
	t.Helper()
	rng := rand.NewChaCha8([32]byte{byte(len(pieces)), byte(pieceLength >> 14)})
	pieceLayer := metainfo.PieceHeight(pieceLength)
	p := &publication{trees: make(map[[32]byte]*tree)}
	b := metainfo.Builder{V2: true, Name: "x", PieceLength: pieceLength}
	var trees []*tree
	for i, n := range pieces {
		var x *tree
		if n < 0 {
			x = trees[len(trees)+n]
		} else {
			x = newTree(rng, n, pieceLayer)
		}
		trees = append(trees, x)
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{fmt.Sprintf("%06d", i)}, Length: int64(x.pieces)*pieceLength - 1})
		b.PiecesRoots = append(b.PiecesRoots, x.root())
		if x.pieces > 1 {
			p.trees[x.root()] = x
			for _, h := range x.layers[0][:x.pieces] {
				b.PieceLayers = append(b.PieceLayers, h[:]...)
			}
		}
	}
	raw, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := metainfo.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := whole.Content(); err != nil {
		t.Fatal(err)
	}
	p.raw = raw
	if p.t, err = metainfo.FromInfo(whole.InfoBytes(), nil, &metainfo.Outside{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *publication) fetch(t testing.TB) *Fetch[string] {
	t.Helper()
	f, err := New[string](p.t)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// compare compares the torrent that has the layers that were fetched.
func (p *publication) compare(t testing.TB, layers []metainfo.PieceLayer) {
	t.Helper()
	got, err := metainfo.FromInfo(p.t.InfoBytes(), layers, &metainfo.Outside{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), p.raw) {
		t.Error("another torrent")
	}
}

// Files of all kinds of lengths, some of them the same, are fetched from several peers.
func TestFetch(t *testing.T) {
	many := make([]int, 300)
	for i := range many {
		many[i] = 2 + i%7
	}
	for _, test := range []struct {
		pieceLength int64
		pieces      []int
		requests    int
	}{
		{16 << 10, []int{1}, 0},
		{16 << 10, []int{2}, 1},
		{32 << 10, []int{3, 1, 2}, 2},
		{16 << 10, []int{511, 512, 513, 514, 1023, 1024, 1025}, 1 + 1 + 2 + 2 + 2 + 2 + 3},
		{64 << 10, []int{5000, -1, 4, -1, -3, 2048}, 10 + 1 + 4},
		{16 << 10, many, 300},
	} {
		p := publish(t, test.pieceLength, test.pieces...)
		f := p.fetch(t)
		names := []string{"a", "b", "c"}
		for _, name := range names {
			f.Join(name)
		}
		answered := make(map[string]int)
		total := 0
		for now := start; !f.Done(); now = now.Add(time.Millisecond) {
			requests := f.Requests(now)
			if len(requests) == 0 {
				t.Fatal("it stops")
			}
			for _, r := range requests {
				x := p.trees[r.PiecesRoot]
				blocks := int64(x.pieces) * test.pieceLength / metainfo.BlockLength
				if err := r.Check(blocks, metainfo.PieceHeight(test.pieceLength)); err != nil {
					t.Fatalf("%+v: %v", r, err)
				}
				if n := r.Length; n < 2 || n&(n-1) != 0 || r.Index%n != 0 {
					t.Fatalf("%+v is not as BEP 52 wants it", r)
				}
				if err := f.Hashes(r.Peer, &r.HashRequest, x.answer(&r.HashRequest), now); err != nil {
					t.Fatal(err)
				}
				answered[r.Peer]++
				total++
			}
		}
		_, all := f.Progress()
		if all != test.requests || total > max(2*all, minPicks) {
			t.Errorf("%v: %d requests, %d needed, want %d", test.pieces, total, all, test.requests)
		}
		if all > len(names) && len(answered) < len(names) {
			t.Errorf("%v: the peers are asked %v times", test.pieces, answered)
		}
		if f.Requests(start) != nil {
			t.Error("it goes on")
		}
		p.compare(t, f.Layers())
	}
}

// Only the layers are fetched that the torrent lacks.
func TestPart(t *testing.T) {
	p := publish(t, 16<<10, 3, 700)
	whole, err := metainfo.Parse(p.raw)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New[string](whole)
	if err != nil || !f.Done() || f.Requests(start) != nil || len(f.Layers()) != 0 {
		t.Errorf("a torrent that has all: %v, done %v", err, f.Done())
	}
	root := whole.Files[1].PiecesRoot
	part, err := metainfo.FromInfo(p.t.InfoBytes(), []metainfo.PieceLayer{{Root: *root, Hashes: whole.PieceLayer(root)}}, &metainfo.Outside{})
	if err != nil {
		t.Fatal(err)
	}
	if f, err = New[string](part); err != nil {
		t.Fatal(err)
	}
	f.Join("a")
	r := f.Requests(start)
	if len(r) != 1 || r[0].PiecesRoot != *whole.Files[0].PiecesRoot {
		t.Errorf("requests for a part: %v", r)
	}
}

// Torrents that can't be used are refused, and so are files of different lengths with one
// pieces root, which can't be.
func TestNewRefuses(t *testing.T) {
	if _, err := New[string](new(metainfo.Torrent)); err == nil {
		t.Error("an empty torrent")
	}
	b := metainfo.Builder{
		V2: true, Name: "x", PieceLength: 16 << 10,
		Files:  []metainfo.BuildFile{{Path: []string{"a"}, Length: 20_000}, {Path: []string{"b"}, Length: 40_000}},
		Hashes: metainfo.Hashes{PiecesRoots: [][32]byte{{1}, {1}}, PieceLayers: make([]byte, 5*32)},
	}
	raw, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := metainfo.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := metainfo.FromInfo(whole.InfoBytes(), nil, &metainfo.Outside{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New[string](bare); err == nil {
		t.Error("one root for two lengths")
	}
}

// Each bit of an answer counts.
func TestWrong(t *testing.T) {
	p := publish(t, 16<<10, 1500)
	for i := 0; ; i++ {
		f := p.fetch(t)
		f.Join("liar")
		r := f.Requests(start)[1]
		hashes := p.trees[r.PiecesRoot].answer(&r.HashRequest)
		if i == len(hashes)/32 {
			if i != 512+2 {
				t.Fatalf("%d hashes", i)
			}
			break
		}
		hashes[32*i+i%32] ^= 1 << (i % 8)
		if err := f.Hashes("liar", &r.HashRequest, hashes, start); !errors.Is(err, ErrWrong) {
			t.Fatalf("hash %d: %v", i, err)
		}
		if f.Requests(start.Add(time.Hour)) != nil {
			t.Fatal("a liar is asked again")
		}
		f.Join("liar")
		if f.Requests(start.Add(time.Hour)) != nil {
			t.Fatal("a liar that joins again is asked again")
		}
		if f.missing != f.spans {
			t.Fatal("a wrong answer is kept")
		}
	}
}

func TestWrongLength(t *testing.T) {
	p := publish(t, 16<<10, 1500)
	for _, change := range []func([]byte) []byte{
		func(b []byte) []byte { return nil },
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return b[:len(b)-32] },
		func(b []byte) []byte { return append(b, make([]byte, 32)...) },
	} {
		f := p.fetch(t)
		f.Join("a")
		r := f.Requests(start)[0]
		if err := f.Hashes("a", &r.HashRequest, change(p.trees[r.PiecesRoot].answer(&r.HashRequest)), start); !errors.Is(err, ErrWrong) {
			t.Error(err)
		}
	}
}

// What was not requested is not taken, and no header of an answer makes trouble.
func TestUnrequested(t *testing.T) {
	p := publish(t, 16<<10, 1500, 3)
	f := p.fetch(t)
	f.Join("a")
	f.Join("b")
	all := f.Requests(start)
	r := all[0].HashRequest
	owner := all[0].Peer
	f.Join("late")
	hashes := p.trees[r.PiecesRoot].answer(&r)
	for name, change := range map[string]func(*peer.HashRequest){
		"root":   func(r *peer.HashRequest) { r.PiecesRoot[0]++ },
		"base":   func(r *peer.HashRequest) { r.BaseLayer++ },
		"index":  func(r *peer.HashRequest) { r.Index++ },
		"far":    func(r *peer.HashRequest) { r.Index = 1<<32 - 1 },
		"length": func(r *peer.HashRequest) { r.Length *= 2 },
		"none":   func(r *peer.HashRequest) { r.Length = 0 },
		"proof":  func(r *peer.HashRequest) { r.ProofLayers++ },
	} {
		r := r
		change(&r)
		if err := f.Hashes(owner, &r, hashes, start); !errors.Is(err, ErrUnrequested) {
			t.Errorf("%s: %v", name, err)
		}
		if err := f.Reject(owner, &r, start); !errors.Is(err, ErrUnrequested) {
			t.Errorf("%s: reject: %v", name, err)
		}
	}
	for _, name := range []string{"late", "stranger"} {
		if err := f.Hashes(name, &r, hashes, start); !errors.Is(err, ErrUnrequested) {
			t.Errorf("from %s: %v", name, err)
		}
		if err := f.Reject(name, &r, start); !errors.Is(err, ErrUnrequested) {
			t.Errorf("a reject from %s: %v", name, err)
		}
	}
	if !f.Owes(owner) || f.Owes("stranger") {
		t.Error("who owes hashes")
	}
	for i := range 2 {
		if err := f.Hashes(owner, &r, hashes, start); (err == nil) != (i == 0) {
			t.Errorf("time %d: %v", i, err)
		}
	}
	f.Leave(owner)
	f.Leave(owner)
	if f.Owes(owner) {
		t.Error("a peer that has left owes something")
	}
}

// What one peer rejects goes to another, and back to it after a time.
func TestReject(t *testing.T) {
	p := publish(t, 16<<10, 1025)
	f := p.fetch(t)
	f.Join("a")
	first := f.Requests(start)
	if len(first) != 3 {
		t.Fatalf("%d requests", len(first))
	}
	for _, r := range first {
		if err := f.Reject("a", &r.HashRequest, start); err != nil {
			t.Fatal(err)
		}
	}
	if r := f.Requests(start.Add(rejectTime - 1)); r != nil {
		t.Errorf("it is asked for %v again", r)
	}
	f.Join("b")
	if r := f.Requests(start.Add(rejectTime - 1)); len(r) != 3 || r[0].Peer != "b" {
		t.Errorf("the other is asked for %v", r)
	}
	f.Leave("b")
	if r := f.Requests(start.Add(rejectTime)); len(r) != 3 || r[0].Peer != "a" {
		t.Errorf("after a time, it is asked for %v", r)
	}
}

// A peer that rejects everything is not asked for everything.
func TestRejectAll(t *testing.T) {
	pieces := make([]int, 1000)
	for i := range pieces {
		pieces[i] = 2
	}
	f := publish(t, 16<<10, pieces...).fetch(t)
	f.Join("a")
	n := 0
	for range 100 {
		for _, r := range f.Requests(start) {
			n++
			if err := f.Reject(r.Peer, &r.HashRequest, start); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n != maxRejects {
		t.Errorf("%d requests, want %d", n, maxRejects)
	}
}

// The number of hashes in flight is limited, and so is that of requests.
func TestInFlight(t *testing.T) {
	small := make([]int, 1000)
	for i := range small {
		small[i] = 2
	}
	for _, test := range []struct {
		pieces []int
		want   int
	}{{[]int{100_000}, maxHashes / 512}, {small, maxRequests}} {
		f := publish(t, 16<<10, test.pieces...).fetch(t)
		f.Join("a")
		if n := len(f.Requests(start)); n != test.want {
			t.Errorf("%d requests, want %d", n, test.want)
		}
		if n := len(f.Requests(start)); n != 0 {
			t.Errorf("%d more", n)
		}
	}
}

// What a silent peer owes goes to others; a late answer is used.
func TestSilent(t *testing.T) {
	p := publish(t, 16<<10, 100)
	f := p.fetch(t)
	f.Join("slow")
	r := f.Requests(start)[0].HashRequest
	late := start.Add(inflight.Timeout)
	if got := f.Requests(late); got != nil {
		t.Errorf("it is asked again at once: %v", got)
	}
	f.Join("b")
	if got := f.Requests(late); len(got) != 1 || got[0].Peer != "b" {
		t.Errorf("%v, want a request to the other", got)
	}
	if err := f.Hashes("slow", &r, p.trees[r.PiecesRoot].answer(&r), late); err != nil || !f.Done() {
		t.Errorf("a late answer: %v", err)
	}
	if err := f.Hashes("b", &r, nil, late); err != nil {
		t.Errorf("an answer that is not needed any more: %v", err)
	}
}

// A peer that rejects the only span does not use up the requests for others.
func TestRejecting(t *testing.T) {
	f := publish(t, 16<<10, 100).fetch(t)
	f.Join("rejects")
	if err := f.Reject("rejects", &f.Requests(start)[0].HashRequest, start); err != nil {
		t.Fatal(err)
	}
	if got := f.Requests(start); got != nil {
		t.Errorf("%v of a peer that has rejected it", got)
	}
	for i := range minPicks {
		f.Join(fmt.Sprint(i))
		if got := f.Requests(start); len(got) != 1 {
			t.Errorf("peer %d beside silent ones: %v", i, got)
		}
	}
}
