package inspect_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/maketorrent"
)

// A run verifies several torrents with one search, which has the content of all.
type run struct {
	search   *inspect.Search
	torrents []*inspect.Torrent
	dirs     []string // of the content of each
}

// verify verifies the torrents in an order, and returns a text for each, by their numbers.
func (r *run) verify(t *testing.T, order []int, o inspect.VerifyOptions) []string {
	t.Helper()
	if r.search != nil {
		r.search.Prepare = func(ctx context.Context) error {
			for _, i := range order {
				if err := r.search.Add(ctx, r.torrents[i], r.dirs[i], inspect.VerifyOptions{}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	texts := make([]string, len(r.torrents))
	for _, i := range order {
		o.Search = r.search
		v, err := inspect.Verify(t.Context(), r.torrents[i], r.dirs[i], o)
		must(t, err)
		must(t, v.SearchErrs...)
		var list []string
		for f := range v.Files {
			if f.Status != inspect.StatusOK {
				list = append(list, f.Path+" "+string(f.Status))
			}
		}
		for _, f := range v.Found {
			list = append(list, fmt.Sprint(f.Path, " at ", filepath.Base(f.At)))
		}
		texts[i] = strings.Join(list, ", ")
	}
	return texts
}

// A piece in doubt of one torrent is proven by files of another torrent of the run,
// whatever their order, formats and piece lengths, and whether they were verified before.
func TestSearchRunOrder(t *testing.T) {
	random := func(n int) []byte {
		r := rand.New(rand.NewPCG(uint64(n), 3))
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	small, large, mid := random(300), random(50_000), random(20_000)
	flip := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(b)/2] ^= 1
		return b
	}
	type files map[string][]byte
	first := files{"1.mkv": large, "2.nfo": small, "3.mkv": mid}
	v1, aligned, v2, hybrid := maketorrent.Options{}, maketorrent.Options{Align: true}, maketorrent.Options{Format: maketorrent.FormatV2}, maketorrent.Options{Format: maketorrent.FormatHybrid}
	inDoubt := "1.mkv unverifiable, 2.nfo missing, 3.mkv unverifiable"
	for _, test := range []struct {
		name        string
		a           maketorrent.Options
		lacks       string   // of the first torrent
		b           files    // the second one
		gone        []string // of the second one
		want, wantB string
		wantFound   string // with a search for files, if it differs
	}{
		{"the same small file", v1, "2.nfo", files{"x/info": small, "y": random(9000)}, nil, "2.nfo missing", "", "2.nfo missing, 2.nfo at info"},
		{"the same large file", v1, "3.mkv", files{"x": mid, "y": random(9000)}, nil, "3.mkv missing", "", "3.mkv missing, 3.mkv at x"},
		{"a file of the size only", v1, "2.nfo", files{"info": flip(small), "y": random(9000)}, nil, inDoubt, "", ""},
		{"a single file", v1, "2.nfo", files{"info": small}, nil, "2.nfo missing", "", "2.nfo missing, 2.nfo at info"},
		{"a part of a damaged file", v1, "1.mkv", files{"x": flip(large), "y": small}, nil, "1.mkv missing", "", "1.mkv missing"},
		{"the file is missing in both", v1, "2.nfo", files{"info": small, "y": random(9000)}, []string{"info"}, inDoubt, "?", ""},
		{"aligned: no piece is shared", aligned, "2.nfo", files{"info": small, "y": random(9000)}, nil, "2.nfo missing", "", "2.nfo missing, 2.nfo at info"},
		{"v2: no piece is shared", v2, "2.nfo", files{"info": small, "y": random(9000)}, nil, "2.nfo missing", "", "2.nfo missing, 2.nfo at info"},
		{"hybrid: no piece is shared", hybrid, "2.nfo", files{"info": small, "y": random(9000)}, nil, "2.nfo missing", "", "2.nfo missing, 2.nfo at info"},
	} {
		for name, b := range map[string]maketorrent.Options{"v1": v1, "aligned": aligned, "v2": v2, "hybrid": hybrid} {
			for _, length := range []int64{16 << 10, 32 << 10} {
				t.Run(fmt.Sprintf("%s, %s, %d", test.name, name, length), func(t *testing.T) {
					r := new(run)
					add := func(o maketorrent.Options, length int64, name string, files files, gone ...string) {
						dir := t.TempDir()
						o.Path, o.PieceLength = filepath.Join(dir, name), length
						for path, b := range files {
							path = filepath.Join(o.Path, path)
							must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644))
						}
						made, err := maketorrent.Make(t.Context(), o)
						must(t, err)
						for _, path := range gone {
							must(t, os.Remove(filepath.Join(o.Path, path)))
						}
						r.torrents, r.dirs = append(r.torrents, made.Torrent), append(r.dirs, dir)
					}
					add(test.a, 16<<10, "first", first, test.lacks)
					add(b, length, "second", test.b, test.gone...)
					for _, doubtOnly := range []bool{true, false} {
						want := test.want
						if !doubtOnly && test.wantFound != "" {
							want = test.wantFound
						}
						for _, order := range [][]int{{0, 1}, {1, 0}} {
							var err error
							r.search, _, err = inspect.NewSearch(t.Context(), nil, 0, nil)
							must(t, err)
							r.search.DoubtOnly = doubtOnly
							got := r.verify(t, order, inspect.VerifyOptions{})
							if got[0] != want || test.wantB != "?" && got[1] != test.wantB {
								t.Errorf("order %v, in doubt only: %v: got %q, want %q, %q", order, doubtOnly, got, want, test.wantB)
							}
						}
					}
				})
			}
		}
	}
}

// Random torrents have some files in common, and lack some. What each order of the run
// proves is what an oracle says: the pieces of which all bytes are at their places, zeros,
// or in a file of the same size of any torrent.
func TestSearchRunRandom(t *testing.T) {
	proven := 0
	for seed := range uint64(100) {
		g := &scattered{rand: rand.New(rand.NewPCG(seed, 11))}
		var pool [][]byte
		for range 8 {
			pool = append(pool, g.bytes([]int{1, 300, 300, 5000, 20000, 40000}[g.rand.IntN(6)]))
		}
		pool = append(pool, make([]byte, 300))
		r := new(run)
		var data [][][]byte
		onDisk := make(map[int][][]byte) // by size
		for range 3 {
			dir := t.TempDir()
			o := maketorrent.Options{Path: filepath.Join(dir, "release"), PieceLength: 16384, Align: g.rand.IntN(5) == 0}
			switch g.rand.IntN(6) {
			case 0:
				o.Format, o.Align = maketorrent.FormatV2, false
			case 1:
				o.Format, o.Align = maketorrent.FormatHybrid, false
			}
			files := make(map[string][]byte)
			for k := range 2 + g.rand.IntN(6) {
				path := fmt.Sprintf("f%d", k)
				files[path] = pool[g.rand.IntN(len(pool))]
				if g.rand.IntN(8) == 0 {
					files[path] = g.bytes(1 + g.rand.IntN(30000))
				}
				g.write(t, filepath.Join(o.Path, path), files[path])
			}
			made, err := maketorrent.Make(t.Context(), o)
			must(t, err)
			var list [][]byte
			for _, f := range made.Torrent.Files {
				if path := strings.Join(f.Path(), "/"); files[path] != nil {
					list = append(list, files[path])
					path = filepath.Join(o.Path, path)
					switch b := files[filepath.Base(path)]; g.rand.IntN(5) {
					case 0:
						must(t, os.Remove(path))
					case 1:
						b = g.damaged(b)
						must(t, os.WriteFile(path, b, 0o644))
						onDisk[len(b)] = append(onDisk[len(b)], b)
					default:
						onDisk[len(b)] = append(onDisk[len(b)], b)
					}
				} else {
					list = append(list, nil)
				}
			}
			r.torrents, r.dirs, data = append(r.torrents, made.Torrent), append(r.dirs, dir), append(data, list)
		}
		want := make([]string, len(r.torrents))
		for i := range r.torrents {
			want[i] = runOracle(t, r.torrents[i], r.dirs[i], data[i], onDisk)
		}
		alone := (&run{torrents: r.torrents, dirs: r.dirs}).verify(t, []int{0, 1, 2}, inspect.VerifyOptions{})
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
			var err error
			r.search, _, err = inspect.NewSearch(t.Context(), nil, 0, nil)
			must(t, err)
			r.search.DoubtOnly = true
			if got := r.verify(t, order, inspect.VerifyOptions{}); !slices.Equal(got, want) {
				t.Fatalf("seed %d, order %v:\ngot  %q\nwant %q", seed, order, got, want)
			}
		}
		for i := range want {
			if want[i] != alone[i] {
				proven++
			}
		}
	}
	t.Logf("%d torrents have proven more than alone", proven)
	if proven < 20 {
		t.Error("the random torrents test too little")
	}
}

// runOracle returns the text of run.verify for a torrent with the given content, from what
// is on disk.
func runOracle(t *testing.T, torrent *inspect.Torrent, dir string, files [][]byte, onDisk map[int][][]byte) string {
	content, err := torrent.Content()
	must(t, err)
	place := make([][]byte, len(files)) // nil: missing
	for i := range files {
		if files[i] != nil {
			place[i], _ = os.ReadFile(filepath.Join(dir, "release", filepath.Join(content.Files[i].Path()...)))
		}
	}
	right := func(b []byte, s inspect.Span) bool {
		return bytes.Equal(b[s.Offset:s.Offset+s.Length], files[s.File][s.Offset:s.Offset+s.Length])
	}
	shares := content.V1 && !content.V2
	var list []string
	for i := range files {
		if files[i] == nil {
			continue
		}
		status := inspect.StatusOK
		if place[i] == nil {
			status = inspect.StatusMissing
		}
		first, last, _ := content.Layout.FilePieces(i)
		for p := first; p <= last && place[i] != nil; p++ {
			lacks, provable, good := false, true, true
			for _, s := range content.Layout.Spans(p, p) {
				switch {
				case s.File < 0 || files[s.File] == nil || !shares && s.File != i:
				case place[s.File] != nil:
					good = good && right(place[s.File], s)
				default:
					lacks = true
					ok := right(make([]byte, len(files[s.File])), s)
					for _, b := range onDisk[len(files[s.File])] {
						ok = ok || right(b, s)
					}
					provable = provable && ok
				}
			}
			switch {
			case !lacks && !good:
				status = inspect.StatusCorrupt
			case lacks && !(good && provable) && status == inspect.StatusOK:
				status = inspect.StatusUnverifiable
			}
		}
		if status != inspect.StatusOK {
			list = append(list, content.Files[i].Path()[0]+" "+string(status))
		}
	}
	return strings.Join(list, ", ")
}
