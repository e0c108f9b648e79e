package get

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/webseed"
	"bt/maketorrent"
)

// A pieceServer is an HTTP seed (BEP 17).
func pieceServer(t testing.TB, meta *Metainfo, root string, overloaded int) *webServer {
	content, err := meta.Content()
	if err != nil {
		t.Fatal(err)
	}
	s := &webServer{root: root}
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		piece, err := strconv.Atoi(r.URL.Query().Get("piece"))
		switch {
		case err != nil || r.URL.Query().Get("info_hash") != string(meta.InfoHashV1[:]):
			http.NotFound(w, r)
			return true
		case n <= overloaded:
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "1")
			return true
		}
		var body []byte
		for _, span := range content.Layout.Spans(piece, piece) {
			part := make([]byte, span.Length)
			if span.File != metainfo.Gap && !content.Files[span.File].Pad {
				b, err := os.ReadFile(filepath.Join(append([]string{root}, content.Files[span.File].Path()...)...))
				if err != nil && !content.Single {
					t.Error(err)
				} else if content.Single {
					b, _ = os.ReadFile(root)
				}
				copy(part, b[span.Offset:])
			}
			body = append(body, part...)
		}
		if ranges := r.URL.Query().Get("ranges"); ranges != "" {
			body = inRanges(body, ranges)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		countingWriter{w, &s.sent}.Write(body)
		return true
	}
	return s
}

// An HTTP seed sends pieces of v1 and hybrid torrents, after a while if it is overloaded.
func TestHTTPSeed(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "hybrid": maketorrent.FormatHybrid} {
		for _, sizes := range [][]int{{300_001}, webSizes} {
			t.Run(fmt.Sprint(name, len(sizes)), func(t *testing.T) {
				t.Parallel()
				meta, root := makeContent(t, format, sizes...)
				s, dir := pieceServer(t, meta, root, 2), t.TempDir()
				o := only(meta, dir)
				meta.HTTPSeeds = []string{s.start(t)}
				run(t, o).succeeds(t, dir, root)
				if n := s.sent.Load(); n < meta.Size() || n > meta.Size()+6*pieceLength {
					t.Errorf("%d bytes were sent, of %d", n, meta.Size())
				}
			})
		}
	}
	meta, _ := makeContent(t, maketorrent.FormatV2, 100)
	meta.HTTPSeeds = []string{"http://127.0.0.1:1/"}
	if r := run(t, only(meta, t.TempDir())); !errors.Is(r.err, ErrNoWebSeed) || len(r.dropped()) != 1 || r.dropped()[0].Err != errByPiece {
		t.Errorf("v2: %v, dropped: %v", r.err, r.dropped())
	}
}

// inRanges returns the bytes of a piece in ranges, such as 0-9,20-29.
func inRanges(piece []byte, ranges string) (part []byte) {
	for r := range strings.SplitSeq(ranges, ",") {
		var first, last int
		fmt.Sscanf(r, "%d-%d", &first, &last)
		part = append(part, piece[first:last+1]...)
	}
	return part
}

// An HTTP seed is asked for the ranges of a piece that are missing, and if it refuses or
// ignores that for whole pieces.
func TestHTTPSeedRanges(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 3*pieceLength+5)
	content, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	const ranges = "&ranges=16384-32767,49152-65535"
	for name, test := range map[string]struct {
		handle func(w http.ResponseWriter, r *http.Request) bool
		want   []string // the ends of the requests
	}{
		"ranges": {nil, []string{"piece=0" + ranges, "piece=1", "piece=2&ranges=0-16383", "piece=3"}},
		"refused": {func(w http.ResponseWriter, r *http.Request) bool {
			refuses := r.URL.Query().Has("ranges")
			if refuses {
				http.NotFound(w, r)
			}
			return refuses
		}, []string{"piece=0" + ranges, "piece=0", "piece=1", "piece=2", "piece=3"}},
		"ignored": {func(w http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			q.Del("ranges")
			r.URL.RawQuery = q.Encode()
			w.Header().Set("Content-Length", strconv.Itoa(map[bool]int{false: pieceLength, true: 5}[q.Get("piece") == "3"]))
			return false
		}, []string{"piece=0" + ranges, "piece=1", "piece=2&ranges=0-16383", "piece=3"}},
		"ignored, without a length": {func(w http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			q.Del("ranges")
			r.URL.RawQuery = q.Encode()
			http.NewResponseController(w).Flush()
			return false
		}, []string{"piece=0" + ranges, "piece=0", "piece=1", "piece=2", "piece=3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pieceServer(t, meta, root, 0)
			if sends := s.handle; test.handle != nil {
				s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool { return test.handle(w, r) || sends(w, r, n) }
			}
			g, err := New(Options{Torrent: meta, WebSeeds: WebSeedsOnly})
			if err != nil {
				t.Fatal(err)
			}
			p, err := g.newPieces(meta, nil)
			if err != nil {
				t.Fatal(err)
			}
			client := webseed.New(webseed.Options{})
			defer client.Close()
			source := &pieceSource{seed: &webSeed{getter: g, pieces: p, url: s.start(t), client: client}}
			blocks := []picker.Block{{Piece: 0, Begin: 16384}, {Piece: 0, Begin: 49152}, {Piece: 1}, {Piece: 1, Begin: 16384}, {Piece: 1, Begin: 32768}, {Piece: 1, Begin: 49152}, {Piece: 2}, {Piece: 3}}
			for i := range blocks {
				blocks[i].Length = min(peer.BlockLength, uint32(p.length(int(blocks[i].Piece))))
			}
			source.plan(blocks)
			defer source.end(true)
			for _, block := range blocks {
				b, begin := make([]byte, block.Length), int(block.Piece)*pieceLength+int(block.Begin)
				if err := source.read(t.Context(), block, b, func(int) error { return nil }); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(b, content[begin:begin+len(b)]) {
					t.Errorf("%+v: other bytes", block)
				}
			}
			var ends []string
			for _, r := range s.asked() {
				_, end, _ := strings.Cut(r, "&")
				ends = append(ends, strings.TrimSpace(end))
			}
			if diff := cmp.Diff(test.want, ends); diff != "" {
				t.Error(diff)
			}
		})
	}
}
