package repair

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"bt/internal/piece"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// A disk with blocks that can't be read: they come from the copy, and all else, also close
// to them, from the disk. The same where the copy is on such a disk.
func TestBadDisk(t *testing.T) {
	const pieceLength, size, blocks = 16 << 10, 4<<20 + 5000, 1 << 10
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid} {
		r := rand.New(rand.NewPCG(1, uint64(format)))
		original := content{"a": randomBytes(r, size), "b": randomBytes(r, 3000), "c": randomBytes(r, 100)}
		disk, other := testenv.NewDisk(t, t.TempDir(), 32<<20), t.TempDir()
		original.write(t, filepath.Join(disk.Dir, "content"))
		original.write(t, filepath.Join(other, "content"))
		tor := makeTorrent(t, other, maketorrent.Options{Format: format, PieceLength: pieceLength})
		// Blocks of a fail on the disk. The copy has damage in other pieces of a and, in v1
		// in the same piece as the end of a, in c.
		var fails []testenv.BadBlock
		var onDisk, inCopy []int
		for block := 5; block < blocks-8; block += 127 {
			fails = append(fails, testenv.BadBlock{Path: "content/a", Offset: int64(block) << 12})
			onDisk = append(onDisk, block/4)
			inCopy = append(inCopy, block/4+1)
			flip(t, filepath.Join(other, "content", "a"), int64(block/4+1)*pieceLength)
		}
		last := size / pieceLength
		fails, onDisk = append(fails, testenv.BadBlock{Path: "content/a", Offset: int64(last) * pieceLength}), append(onDisk, last)
		flip(t, filepath.Join(other, "content", "c"), 50)
		if format == maketorrent.FormatV1 {
			inCopy = append(inCopy, last)
		} else {
			inCopy = append(inCopy, last+2)
		}
		for _, test := range []struct {
			root, from string
			bad        []int
		}{
			{disk.Dir, other, onDisk}, // before it mends what the other test needs
			{other, disk.Dir, inCopy},
		} {
			root := filepath.Join(test.root, "content")
			disk.Fail(fails...)
			o := Options{Read: piece.ReadSequential} // a page fault would stop the process, which serves the disk
			report, err := Repair(t.Context(), tor, root, test.bad, []Source{{Path: test.from}}, o)
			if err != nil || len(report.Refused) > 0 || report.Pieces != len(test.bad) {
				t.Fatalf("%v from %s: %+v, %v", format, test.from, report, err)
			}
			if got := read(t, root); !maps.EqualFunc(got, original, bytes.Equal) {
				t.Errorf("%v from %s: the content is not that of the torrent", format, test.from)
			}
		}
	}
}
