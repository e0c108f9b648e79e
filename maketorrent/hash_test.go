package maketorrent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/piece"
	"bt/internal/testenv"
)

// A file with several names is hashed once. The torrent is the same as for copies.
func TestDuplicates(t *testing.T) {
	write := func(linked bool) string {
		root := filepath.Join(t.TempDir(), "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		rnd := rand.NewChaCha8([32]byte{3})
		for i, size := range []int{1 << 20, 3<<20 + 5, 100, 1<<20 + 40_000} {
			b := make([]byte, size)
			rnd.Read(b)
			for _, dir := range []string{"a", "b", "c"} {
				path := filepath.Join(root, fmt.Sprint(dir, i))
				var err error
				switch original := filepath.Join(root, fmt.Sprint("a", i)); {
				case dir == "a" || !linked:
					err = os.WriteFile(path, b, 0o644)
				case dir == "b":
					err = os.Link(original, path)
				case dir == "c":
					err = os.Symlink(original, path)
				}
				if errors.Is(err, errors.ErrUnsupported) {
					testenv.Missing(t, fmt.Sprint("links: ", err))
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		return root
	}
	copies, links := write(false), write(true)
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		for _, pieceLength := range []int64{16 << 10, 1 << 20, 4 << 20} {
			for _, read := range []ReadMode{ReadParallel, ReadSequential} {
				var made [2][]byte
				for i, path := range []string{copies, links} {
					r, err := Make(context.Background(), Options{Path: path, Format: format, PieceLength: pieceLength, Read: read})
					if err != nil {
						t.Fatal(err)
					}
					made[i] = r.Torrent.Bytes()
				}
				if !bytes.Equal(made[0], made[1]) {
					t.Errorf("format %d, pieces of %d, read mode %d: links make another torrent than copies", format, pieceLength, read)
				}
			}
		}
	}
}

func TestHasRepeats(t *testing.T) {
	file := func(ino uint64, size int64) piece.Identity {
		return piece.Identity{Dev: 1, Ino: ino, Size: size}
	}
	for _, tt := range []struct {
		name  string
		files []piece.Identity
		want  bool
	}{
		{"none", nil, false},
		{"other files", []piece.Identity{file(1, 5<<20), file(2, 5<<20)}, false},
		{"a link", []piece.Identity{file(1, 5<<20), file(2, 5<<20), file(1, 5<<20)}, true},
		{"a small link", []piece.Identity{file(3, 100), file(3, 100)}, false},
		{"no inodes", []piece.Identity{file(0, 5<<20), file(0, 5<<20)}, false},
	} {
		tree := &piece.Tree{Files: make([]piece.Source, len(tt.files))}
		tree.SetIDs(tt.files)
		if got := hasRepeats(tree); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
