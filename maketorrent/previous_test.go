package maketorrent

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bt/inspect"
	"bt/internal/metainfo"
)

// A releaseTree is the content of a release: files by their paths below its directory.
type releaseTree map[string][]byte

func (r releaseTree) write(t *testing.T) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "release")
	for path, data := range r {
		path = filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// A releaser makes random releases.
type releaser struct {
	*rand.Rand
	pieceLength int64
	last        int // to make names unique
}

func (r *releaser) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// size returns a size, more often one near a multiple of the piece length.
func (r *releaser) size() int {
	n := int(r.pieceLength)
	switch r.IntN(6) {
	case 0:
		return r.IntN(2)
	case 1:
		return r.IntN(n/8) + 1
	case 2:
		return n * r.IntN(4)
	case 3:
		return max(n*r.IntN(4)+r.IntN(3)-1, 0)
	}
	return r.IntN(25 * n)
}

func (r *releaser) path() string {
	r.last++
	return []string{"", "a/", "b/", "b/c/", "d/"}[r.IntN(5)] + fmt.Sprintf("%c%d", 'a'+r.IntN(26), r.last)
}

func (r *releaser) tree() releaseTree {
	tree := make(releaseTree)
	for range 2 + r.IntN(14) {
		tree[r.path()] = r.bytes(r.size())
	}
	tree["last"] = r.bytes(1 + r.size()) // not all are empty
	return tree
}

// change returns the next release.
func (r *releaser) change(old releaseTree) releaseTree {
	next := make(releaseTree)
	quiet := r.IntN(3) > 0 // few changes
	for _, path := range slices.Sorted(maps.Keys(old)) {
		data := bytes.Clone(old[path])
		if path == "last" && len(data) == 0 || quiet && r.IntN(3) > 0 {
			next[path] = data
			continue
		}
		switch r.IntN(10) {
		case 0: // changed in place, but not where only a sample of the pieces is compared
			for range 1 + r.IntN(3) {
				if len(data) > 0 && len(data) < leastReused*int(r.pieceLength) {
					data[r.IntN(len(data))]++
				}
			}
		case 1: // another file of the same size
			data = r.bytes(len(data))
		case 2:
			data = append(data, r.bytes(1+r.IntN(int(2*r.pieceLength)))...)
		case 3:
			data = data[:len(data)/2]
		case 4:
			if path != "last" {
				continue // removed
			}
		case 5:
			if path != "last" {
				path = r.path() // renamed
			}
		case 6:
			next[r.path()] = r.bytes(r.size())
		}
		next[path] = data
	}
	return next
}

// A releaseFile is a file of a torrent that is not empty.
type releaseFile struct {
	path       string
	order      int // among the files that are not empty
	start, end int64
}

// releaseFiles returns the files and pad files of a torrent.
func releaseFiles(t *Torrent) (files []releaseFile, pads [][2]int64) {
	l := t.Layout()
	for i := range t.Files {
		f := &t.Files[i]
		start, end := l.Offset(i), l.Offset(i)+f.Length
		switch {
		case f.Pad:
			pads = append(pads, [2]int64{start, end})
		case f.Length > 0:
			files = append(files, releaseFile{display(f.Path()), len(files), start, end})
		}
	}
	return files, pads
}

// unchangedFiles returns the file of the new torrent for each unchanged file of the old
// one: one of the same path, or that was renamed if only it has its size.
func unchangedFiles(old, next releaseTree, oldFiles, newFiles []releaseFile) map[string]releaseFile {
	byPath := make(map[string]releaseFile)
	for _, f := range newFiles {
		byPath[f.path] = f
	}
	sizes := make(map[int]int)
	for _, tree := range []releaseTree{old, next} {
		for _, data := range tree {
			sizes[len(data)]++
		}
	}
	same := make(map[string]releaseFile)
	for _, f := range oldFiles {
		data := old[f.path]
		if f2, ok := byPath[f.path]; ok {
			if bytes.Equal(next[f.path], data) {
				same[f.path] = f2
			}
			continue
		}
		for _, f2 := range newFiles {
			if sizes[len(data)] == 2 && bytes.Equal(next[f2.path], data) {
				same[f.path] = f2
			}
		}
	}
	return same
}

// mustKeep returns the pieces of the old torrent that are in unchanged files only, which
// follow each other in the new torrent too. If aligned, a piece may end in padding.
func mustKeep(old *Torrent, oldFiles, newFiles []releaseFile, same map[string]releaseFile, aligned bool) (pieces []int) {
	n := old.PieceLength
	for p := range old.PieceCount() {
		from, to := int64(p)*n, min(int64(p+1)*n, old.Layout().Total())
		bytes, keep := int64(0), true
		var last *releaseFile
		for i := range oldFiles {
			f := &oldFiles[i]
			if f.end <= from || f.start >= to {
				continue
			}
			bytes += min(f.end, to) - max(f.start, from)
			now, ok := same[f.path]
			keep = keep && ok && (last == nil || now.order == last.order+1)
			last = &now
		}
		switch {
		case last == nil || !keep:
		case bytes < to-from && !aligned: // it has padding
		case to-from < n && last.order < len(newFiles)-1: // a short piece is the last one
		default:
			pieces = append(pieces, p)
		}
	}
	return pieces
}

// naiveHashes returns the hashes of the pieces of a v1 torrent of a tree.
func naiveHashes(t *Torrent, tree releaseTree) (hashes []byte) {
	var stream []byte
	for i := range t.Files {
		f := &t.Files[i]
		if f.Pad {
			stream = append(stream, make([]byte, f.Length)...)
		} else {
			stream = append(stream, tree[display(f.Path())]...)
		}
	}
	for p := range slices.Chunk(stream, int(t.PieceLength)) {
		sum := sha1.Sum(p)
		hashes = append(hashes, sum[:]...)
	}
	return hashes
}

// A series of random releases, packed and aligned: the pieces of unchanged files are kept,
// with the least number of pad files.
func TestPreviousKeepsPieces(t *testing.T) {
	kept, padded, aligned := 0, 0, 0
	for seed := range uint64(200) {
		r := &releaser{Rand: rand.New(rand.NewPCG(seed, 1)), pieceLength: []int64{512, 1000, 4096}[seed%3]}
		tree := r.tree()
		old := mustMake(t, Options{Path: tree.write(t), PieceLength: r.pieceLength, Align: seed%4 == 3}).Torrent
		for release := range 2 {
			next := r.change(tree)
			root := next.write(t)
			made := mustMake(t, Options{Path: root, Previous: old})
			now := made.Torrent
			name := fmt.Sprintf("tree %d, release %d", seed, release)
			if now.PieceLength != old.PieceLength || !bytes.Equal(now.Pieces, naiveHashes(now, next)) {
				t.Fatalf("%s: other hashes than of the content", name)
			}
			checkVerifies(t, name, now, root)
			oldFiles, _ := releaseFiles(old)
			newFiles, pads := releaseFiles(now)
			same := unchangedFiles(tree, next, oldFiles, newFiles)
			has := make(map[string]bool)
			for sum := range slices.Chunk(now.Pieces, 20) {
				has[string(sum)] = true
			}
			for _, p := range mustKeep(old, oldFiles, newFiles, same, made.Aligned) {
				if kept++; !has[string(old.Pieces[20*p:20*p+20])] {
					t.Errorf("%s: piece %d of the old torrent is not in the new one", name, p)
				}
			}
			if made.Aligned {
				aligned++
			} else {
				if made.Pads != len(pads) {
					t.Errorf("%s: %d pad files, and %d counted", name, len(pads), made.Pads)
				}
				padded += len(pads)
				checkPads(t, name, old, now, pads)
			}
			planned := mustMake(t, Options{Path: root, Previous: old, DryRun: true})
			if p := planned.Plan; p.PieceCount != now.PieceCount() || p.TorrentSize != len(now.Bytes()) || planned.Pads != made.Pads || planned.Aligned != made.Aligned {
				t.Errorf("%s: a dry run has %d pieces, %d bytes and %d pad files", name, p.PieceCount, p.TorrentSize, planned.Pads)
			}
			if t.Failed() {
				return
			}
			tree, old = next, now
		}
	}
	t.Logf("%d pieces kept, %d pad files, %d aligned torrents", kept, padded, aligned)
	if kept < 5000 || padded < 300 || aligned < 80 {
		t.Errorf("only %d pieces kept, %d pad files, %d aligned torrents", kept, padded, aligned)
	}
}

// checkPads checks that each pad file is needed: without it, at least one piece of the old
// torrent would not be in the new one.
func checkPads(t *testing.T, name string, old, now *Torrent, pads [][2]int64) {
	t.Helper()
	had := make(map[string]bool)
	for sum := range slices.Chunk(old.Pieces, 20) {
		had[string(sum)] = true
	}
	n := now.PieceLength
	for i, pad := range pads {
		end := now.Layout().Total()
		if i+1 < len(pads) {
			end = pads[i+1][0]
		}
		useful := false
		for at := (pad[1] + n - 1) / n * n; at < end && (at+n <= end || end == now.Layout().Total()); at += n {
			useful = useful || had[string(now.Pieces[at/n*20:at/n*20+20])]
		}
		if !useful || pad[1]-pad[0] >= n {
			t.Errorf("%s: a pad file of %d bytes keeps no piece", name, pad[1]-pad[0])
		}
	}
}

func checkVerifies(t *testing.T, name string, tor *Torrent, root string) {
	t.Helper()
	v, err := inspect.Verify(context.Background(), tor, root, inspect.VerifyOptions{})
	if err != nil || !v.OK {
		t.Errorf("%s: it does not verify: %+v, %v", name, v, err)
	}
	for _, f := range tor.Findings {
		if f.Severity != metainfo.SeverityNote && f.Code != metainfo.CodeSmallPieces && f.Code != metainfo.CodeOddPieceLength {
			t.Errorf("%s: %v", name, f)
		}
	}
}
