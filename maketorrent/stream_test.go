package maketorrent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"bt/internal/testenv"
)

// The torrent of a stream is that of a file with the same name and bytes.
func TestStream(t *testing.T) {
	for _, size := range []int{1, 16 << 10, 100_000, 4 << 20, 5<<20 + 3, 21 << 20} {
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{7}).Read(data)
		path := filepath.Join(t.TempDir(), "image.iso")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
			for _, known := range []bool{true, false} {
				o := Options{
					Path: path, Format: format, Trackers: [][]string{{"http://t.example/announce"}},
					WebSeeds: []string{"http://w.example/image.iso"}, Source: "S",
				}
				if !known {
					o.PieceLength = StreamPieceLength
				}
				file, err := Make(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				o.Path, o.Name, o.PieceLength = "", "image.iso", 0
				o.Stream = &Stream{Content: bytes.NewReader(data)}
				if known {
					o.Stream.Size = int64(size)
				}
				var last [2]int64
				o.Progress = func(done, total int64) { last = [2]int64{done, total} }
				stream, err := Make(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(file.Torrent.Bytes(), stream.Torrent.Bytes()) {
					t.Errorf("%d bytes, %v, size known: %v: another torrent than that of a file", size, format, known)
				}
				if want := map[bool]Choice{true: file.Choice, false: ChoiceUnknown}[known]; stream.Choice != want {
					t.Errorf("%d bytes, size known: %v: choice %d, want %d", size, known, stream.Choice, want)
				}
				if want := [2]int64{int64(size), o.Stream.Size}; last != want {
					t.Errorf("%d bytes, size known: %v: progress %d, want %d", size, known, last, want)
				}
			}
		}
	}
}

func TestStreamPieceLength(t *testing.T) {
	for _, test := range []struct{ given, limit, want int64 }{
		{0, 0, 4 << 20},
		{0, 1 << 20, 1 << 20},
		{0, 3 << 20, 2 << 20},
		{0, 64 << 20, 4 << 20},
		{0, 16 << 10, 16 << 10},
		{64 << 10, 16 << 10, 64 << 10},
		{128 << 20, 0, 128 << 20},
	} {
		r, err := Make(context.Background(), Options{
			Name: "x", PieceLength: test.given, MaxPieceLength: test.limit, Stream: &Stream{Content: bytes.NewReader([]byte("x"))},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Torrent.PieceLength; got != test.want {
			t.Errorf("given %d, limit %d: pieces of %d, want %d", test.given, test.limit, got, test.want)
		}
	}
}

func TestStreamErrors(t *testing.T) {
	broken := errors.New("broken")
	some := []byte("some bytes")
	for _, test := range []struct {
		name string
		o    Options
		want string
	}{
		{"no name", Options{Stream: &Stream{Content: bytes.NewReader(some)}}, "a stream has no name of its own"},
		{"a bad name", Options{Name: "a/b", Stream: &Stream{Content: bytes.NewReader(some)}}, `the name "a/b" holds a path separator`},
		{"too long pieces", Options{Name: "x", PieceLength: 256 << 20, Stream: &Stream{Content: bytes.NewReader(some)}},
			"a piece length of 268435456 bytes; the most for content that is not on disk is 134217728"},
		{"a sample", Options{Name: "x", DryRun: true, Stream: &Stream{Content: bytes.NewReader(some)}}, "a stream can't be sampled: it is read once"},
		{"a target", Options{Name: "x", TargetPieces: 5, Stream: &Stream{Content: bytes.NewReader(some)}},
			"the size of the content is not known, by which pieces would be chosen"},
		{"a largest torrent", Options{Name: "x", MaxTorrentSize: 5000, Stream: &Stream{Content: bytes.NewReader(some)}},
			"the size of the content is not known, by which pieces would be chosen"},
		{"nothing", Options{Name: "x", Stream: &Stream{Content: bytes.NewReader(nil)}}, ErrEmpty.Error()},
		{"nothing of a known size", Options{Name: "x", Stream: &Stream{Content: bytes.NewReader(nil), Size: 3}}, ErrEmpty.Error()},
		{"too short", Options{Name: "x", Stream: &Stream{Content: bytes.NewReader(some), Size: 11}}, "the content ended after 10 of 11 bytes"},
		{"too long", Options{Name: "x", Stream: &Stream{Content: bytes.NewReader(some), Size: 9}}, "the content has more than its 9 bytes"},
		{"broken", Options{Name: "x", Stream: &Stream{Content: iotest.ErrReader(broken)}}, "broken"},
	} {
		if r, err := Make(context.Background(), test.o); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, %v, want %q", test.name, r, err, test.want)
		}
	}
}

// A stream of more pieces than a torrent holds is not read to its end.
func TestStreamOfTooManyPieces(t *testing.T) {
	testenv.Large(t)
	_, err := Make(context.Background(), Options{Name: "x", PieceLength: 1, Stream: &Stream{Content: endless{}}})
	if want := fmt.Sprintf("the content has more than %d pieces of 1 bytes", mostStreamPieces); err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// A stream is read once, for torrents with pieces of one length.
func TestStreamOfSeveral(t *testing.T) {
	for _, size := range []int{1, 64 << 10, 3<<20 + 5} {
		path := filepath.Join(t.TempDir(), "content")
		writeRandom(t, path, size)
		for _, known := range []int64{0, int64(size)} {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			stream := &Stream{Content: f, Size: known}
			var all []Options
			for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
				for _, source := range []string{"A", "B"} {
					all = append(all, Options{Stream: stream, Name: "content", Format: format, PieceLength: 64 << 10, Source: source, Date: time.Unix(1, 0)})
				}
			}
			other := all[0]
			other.PieceLength = 32 << 10
			all = append(all, other)
			for i, made := range MakeAll(context.Background(), all) {
				if i == len(all)-1 {
					if made.Err == nil || !strings.Contains(made.Err.Error(), "pieces of one length") {
						t.Errorf("another piece length: %v", made.Err)
					}
					continue
				}
				if made.Err != nil {
					t.Fatal(made.Err)
				}
				o := all[i]
				o.Stream, o.Path = nil, path
				want, err := Make(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(made.Result.Torrent.Bytes(), want.Torrent.Bytes()) {
					t.Errorf("%d bytes, known %d, torrent %d: other than of the file", size, known, i)
				}
			}
		}
	}
}

// endless is a stream without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
