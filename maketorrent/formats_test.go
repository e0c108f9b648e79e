package maketorrent

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const block = 16 << 10

// dataOf returns the content of a file of a size, which differs for each size.
func dataOf(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(size*31 + i*7 + i/100)
	}
	return data
}

// sizedTree writes files of the given sizes, named 00, 01 and so on.
func sizedTree(t *testing.T, sizes ...int) string {
	t.Helper()
	root := tree(t)
	for i, n := range sizes {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("%02d", i)), dataOf(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// hashTree returns the root of the tree over a number of blocks (BEP 52), with zeros
// beyond the data.
func hashTree(data []byte, blocks int) [32]byte {
	if blocks == 1 {
		if len(data) == 0 {
			return [32]byte{}
		}
		return sha256.Sum256(data)
	}
	half := min(blocks/2*block, len(data))
	left, right := hashTree(data[:half], blocks/2), hashTree(data[half:], blocks/2)
	return sha256.Sum256(append(left[:], right[:]...))
}

var formats = map[string]Format{"v1": FormatV1, "v2": FormatV2, "hybrid": FormatHybrid}

// Sizes around blocks and pieces, with empty files in between, and two files with the
// same content.
func TestHashes(t *testing.T) {
	for _, pieceLength := range []int{block, 4 * block} {
		sizes := []int{
			0, 1, block - 1, block, block + 1, 0, 3*block + 5, 4*block - 1, 4 * block, 4*block + 1, 0,
			5 * block, 8 * block, 9*block + 1, 12 * block, 5 * block, 0,
		}
		root := sizedTree(t, sizes...)
		for name, format := range formats {
			for _, read := range []ReadMode{ReadParallel, ReadSequential} {
				name := fmt.Sprintf("%s by %d, read in mode %d", name, pieceLength, read)
				r, err := Make(context.Background(), Options{Path: root, Format: format, PieceLength: int64(pieceLength), Read: read})
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				tor := r.Torrent
				if tor.V1 != (format != FormatV2) || tor.V2 != (format != FormatV1) || len(tor.Findings) > 0 || tor.FileCount() != len(sizes) {
					t.Errorf("%s: %s of %d files, findings %v", name, tor.Format(), tor.FileCount(), tor.Findings)
				}
				var stream []byte // of v1
				file := 0
				for _, f := range tor.Files {
					if f.Pad {
						stream = append(stream, make([]byte, f.Length)...)
						continue
					}
					data := dataOf(sizes[file])
					file++
					stream = append(stream, data...)
					if format == FormatV1 || len(data) == 0 {
						if f.PiecesRoot != nil {
							t.Errorf("%s: %s has a root", name, f.Path())
						}
						continue
					}
					checkRoot(t, fmt.Sprint(name, ": ", f.Path()), r, data, pieceLength, f.PiecesRoot)
				}
				var want []byte
				for p := range slices.Chunk(stream, pieceLength) {
					sum := sha1.Sum(p)
					want = append(want, sum[:]...)
				}
				if format != FormatV2 && !bytes.Equal(tor.Pieces, want) {
					t.Errorf("%s: other v1 hashes", name)
				}
			}
		}
	}
}

// checkRoot compares the root and the piece layer of a file with the expected ones.
func checkRoot(t *testing.T, name string, r *Result, data []byte, pieceLength int, root *[32]byte) {
	t.Helper()
	blocks := 1
	for blocks*block < len(data) {
		blocks *= 2
	}
	if want := hashTree(data, blocks); root == nil || *root != want {
		t.Errorf("%s: the root is %x, want %x", name, root, want)
		return
	}
	var want []byte
	if len(data) > pieceLength {
		for p := range slices.Chunk(data, pieceLength) {
			hash := hashTree(p, pieceLength/block)
			want = append(want, hash[:]...)
		}
	}
	if got := r.Torrent.PieceLayer(root); !bytes.Equal(got, want) {
		t.Errorf("%s: the layer is %x, want %x", name, got, want)
	}
}

// A torrent of one file is a special case: a hybrid has no pad file then.
func TestSingleFile(t *testing.T) {
	root := sizedTree(t, 2*block+5)
	for name, format := range formats {
		r, err := Make(context.Background(), Options{Path: filepath.Join(root, "00"), Format: format, PieceLength: block})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tor := r.Torrent; !tor.Single || len(tor.Files) != 1 || tor.Name != "00" || tor.PieceCount() != 3 || len(tor.Findings) > 0 {
			t.Errorf("%s: single %v, %d files, %d pieces, findings %v", name, tor.Single, len(tor.Files), tor.PieceCount(), tor.Findings)
		}
	}
}

// Options that v2 does not allow are refused before hashing.
func TestPieceLengthOfV2(t *testing.T) {
	root := sizedTree(t, 5*block)
	for _, n := range []int64{1, 1000, 8 << 10, block - 1, block + 1, 20000, 3 * block, 1 << 30} {
		for _, format := range []Format{FormatV2, FormatHybrid} {
			_, err := Make(context.Background(), Options{Path: root, Format: format, PieceLength: n, Progress: func(int64, int64) {
				t.Errorf("pieces of %d: hashed", n)
			}})
			var bad *OptionError
			if !errors.As(err, &bad) || bad.Option != "piece length" {
				t.Errorf("pieces of %d: %v", n, err)
			}
		}
	}
}
