package maketorrent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// writeFiles writes random files of the given sizes in a new directory.
func writeFiles(t testing.TB, sizes ...int) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "root")
	for i, size := range sizes {
		writeRandom(t, filepath.Join(root, fmt.Sprintf("d%d", i%3), fmt.Sprintf("f%03d", i)), size)
	}
	return root
}

func writeRandom(t testing.TB, path string, size int) {
	t.Helper()
	b := make([]byte, size)
	var seed [32]byte
	binary.NativeEndian.PutUint64(seed[:], rand.Uint64()) // or one file in 256 is as it was
	rand.NewChaCha8(seed).Read(b)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// variants returns options for torrents of the content in many forms.
func variants(root string) (all []Options) {
	date := time.Unix(1, 0)
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		for _, pieceLength := range []int64{0, 16 << 10, 64 << 10, 1 << 20} {
			for _, source := range []string{"", "A"} {
				all = append(all, Options{Path: root, Format: format, PieceLength: pieceLength, Source: source, Date: date})
			}
		}
	}
	return append(all,
		Options{Path: root, PieceLength: 50_000, Date: date},
		Options{Path: root, PieceLength: 3 << 20, Date: date},
		Options{Path: root, Name: "other", Date: date},
		Options{Path: root, Align: true, PieceLength: 64 << 10, Date: date},
		Options{Path: root, Align: true, Date: date},
		Options{Path: root, Only: []string{"d0"}, Date: date},
		Options{Inputs: []string{filepath.Join(root, "d0"), root}, Name: "both", Date: date},
		Options{Inputs: []string{filepath.Join(root, "d0"), root}, Name: "both", Align: true, Date: date},
	)
}

// MakeAll makes the same torrents as Make one by one.
func TestMakeAll(t *testing.T) {
	for name, sizes := range map[string][]int{
		"one file":         {3<<20 + 5},
		"a tiny file":      {1},
		"large and small":  {4 << 20, 5, 0, 100_000, 1<<20 + 1, 16384, 2 << 20},
		"small and large":  {5, 70_000, 0, 5 << 20},
		"many small files": repeat(3000, 200),
	} {
		t.Run(name, func(t *testing.T) {
			root := writeFiles(t, sizes...)
			all := variants(root)
			rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for i, made := range MakeAll(context.Background(), all) {
				alone, err := Make(context.Background(), all[i])
				if made.Err != nil || err != nil {
					t.Fatalf("%+v: %v, alone %v", all[i], made.Err, err)
				}
				if !bytes.Equal(made.Result.Torrent.Bytes(), alone.Torrent.Bytes()) {
					t.Errorf("%+v: another torrent than alone", all[i])
				}
				if made.Result.Choice != alone.Choice || made.Result.Content != alone.Content {
					t.Errorf("%+v: %v and %s, alone %v and %s", all[i], made.Result.Choice, made.Result.Content, alone.Choice, alone.Content)
				}
			}
		})
	}
}

func repeat(size, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = size + i
	}
	return list
}

// The error of one torrent does not affect the others.
func TestMakeAllErrors(t *testing.T) {
	root := writeFiles(t, 1000, 40_000)
	deep := filepath.Join(t.TempDir(), "deep")
	writeRandom(t, filepath.Join(deep, strings.Repeat("d/", 100), "f"), 100)
	all := []Options{
		{Path: root},
		{Path: root, Name: "a/b"},
		{Path: root, Format: FormatV2, PieceLength: 1000},
		{Path: root, Exclude: []string{"**"}},
		{Path: filepath.Join(root, "missing")},
		{Path: root, Format: FormatHybrid},
		{Path: deep, Format: FormatV2},
		{Path: deep},
		{Path: root, Include: []string{"["}},
	}
	want := []string{"", "name", "piece length", "no content", "no such file", "", "levels deep", "", "glob"}
	for i, made := range MakeAll(context.Background(), all) {
		switch {
		case want[i] == "" && (made.Err != nil || made.Result.Torrent == nil):
			t.Errorf("%+v: %v", all[i], made.Err)
		case want[i] != "" && (made.Err == nil || made.Result != nil || !strings.Contains(made.Err.Error(), want[i])):
			t.Errorf("%+v: %v, want %q", all[i], made.Err, want[i])
		}
	}
}

// later makes files count as old enough to be remembered.
func later(t *testing.T) {
	now = func() time.Time { return time.Now().Add(time.Minute) }
	t.Cleanup(func() { now = time.Now })
}

// makeCached makes a torrent with a cache, and returns it with the bytes that were not read.
func makeCached(t *testing.T, dir string, o Options) (torrent []byte, cached int64) {
	t.Helper()
	o.Cache = NewCache(dir)
	r, err := Make(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Cache.Close(); err != nil {
		t.Fatal(err)
	}
	return r.Torrent.Bytes(), r.Cached
}

// A torrent that is made again reads nothing; other formats and piece lengths do.
func TestCache(t *testing.T) {
	later(t)
	root, dir := writeFiles(t, 3<<20, 5, 0, 100_000, 20_000), filepath.Join(t.TempDir(), "cache")
	for _, o := range variants(root) {
		if o.Source != "" || o.Name != "" {
			continue // as another one
		}
		r, err := Make(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		want := r.Torrent.Bytes()
		for i, atLeast := range []int64{0, r.Torrent.Size()} {
			if i == 0 {
				os.RemoveAll(dir)
			}
			if got, cached := makeCached(t, dir, o); !bytes.Equal(got, want) || cached < atLeast || i == 0 && cached != 0 {
				t.Errorf("%+v: run %d: equal %v, %d cached", o, i, bytes.Equal(got, want), cached)
			}
		}
	}
}

// After one file has changed, v2 and hybrids read that file alone, and v1 the pieces
// that have bytes of it.
func TestCacheOfChangedFile(t *testing.T) {
	later(t)
	const large = 10 << 20
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		root, dir := writeFiles(t, large, large, large), t.TempDir()
		o := Options{Path: root, Format: format, PieceLength: 1 << 20, Date: time.Unix(1, 0)}
		makeCached(t, dir, o)
		writeRandom(t, filepath.Join(root, "d1", "f001"), large)
		got, cached := makeCached(t, dir, o)
		want, _ := makeCached(t, "", o)
		if !bytes.Equal(got, want) || cached != 2*large {
			t.Errorf("%v: equal %v, %d cached, want %d", format, bytes.Equal(got, want), cached, 2*large)
		}
	}
}

// A make that is interrupted goes on.
func TestCacheOfInterruptedMake(t *testing.T) {
	later(t)
	root, dir := writeFiles(t, 256<<20), t.TempDir()
	o := Options{Path: root, PieceLength: 1 << 20, Jobs: 1, Date: time.Unix(1, 0)}
	want, _ := makeCached(t, "", o)
	interrupted := 0
	for limit := time.Millisecond; ; limit += limit / 4 {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		o.Cache = NewCache(dir)
		r, err := Make(ctx, o)
		cancel()
		if err := o.Cache.Close(); err != nil {
			t.Fatal(err)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			interrupted++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Torrent.Bytes(), want) || r.Cached == 0 || interrupted == 0 {
			t.Errorf("after %d interruptions: equal %v, %d cached", interrupted, bytes.Equal(r.Torrent.Bytes(), want), r.Cached)
		}
		return
	}
}

// A file that changes while it is hashed does not cost the hashes of the others.
func TestCacheAfterChangedFile(t *testing.T) {
	later(t)
	root, dir := writeFiles(t, 100_000, 100_000), t.TempDir()
	o := Options{Path: root, Format: FormatV2}
	changing := o
	changing.Cache = NewCache(dir)
	changing.Progress = func(int64, int64) { // the files are hashed, and not compared yet
		if err := os.Chtimes(filepath.Join(root, "d0", "f000"), time.Now(), time.Now()); err != nil {
			t.Error(err)
		}
	}
	if _, err := Make(context.Background(), changing); err == nil {
		t.Fatal("a torrent was made")
	}
	if err := changing.Cache.Close(); err != nil {
		t.Fatal(err)
	}
	want, _ := makeCached(t, "", o)
	if got, cached := makeCached(t, dir, o); !bytes.Equal(got, want) || cached != 100_000 {
		t.Errorf("equal %v, %d bytes cached", bytes.Equal(got, want), cached)
	}
}

// Hashes of a directory that replaced another one meanwhile are not remembered as those
// of the other, whose files keep their identities.
func TestCacheOfReplacedDirectory(t *testing.T) {
	later(t)
	root, dir := t.TempDir(), t.TempDir()
	for _, name := range []string{"current", "next"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeRandom(t, filepath.Join(root, name, "file"), 100_000)
	}
	swap := func() error {
		current, next, free := filepath.Join(root, "current"), filepath.Join(root, "next"), filepath.Join(root, "free")
		return errors.Join(os.Rename(current, free), os.Rename(next, current), os.Rename(free, next))
	}
	o := Options{Path: root, Exclude: []string{"next"}}
	want, _ := makeCached(t, "", o)

	ctx, cancel := context.WithCancel(context.Background())
	interrupted := o
	interrupted.Cache = NewCache(dir)
	interrupted.Own = func(string, os.FileInfo) string { // the file is identified already
		if err := swap(); err != nil {
			t.Error(err)
		}
		return ""
	}
	interrupted.Progress = func(int64, int64) { cancel() } // before files are compared at the end
	if _, err := Make(ctx, interrupted); err == nil {
		t.Fatal("a torrent was made")
	}
	if err := errors.Join(interrupted.Cache.Close(), swap()); err != nil {
		t.Fatal(err)
	}
	if got, _ := makeCached(t, dir, o); !bytes.Equal(got, want) {
		t.Error("the torrent has hashes of other files")
	}
}

// Files that may change without a change of their identity are not remembered.
func TestCacheOfFreshFiles(t *testing.T) {
	root, dir := writeFiles(t, 100_000), t.TempDir()
	written := time.Now()
	now = func() time.Time { return written } // however slow the machine is
	t.Cleanup(func() { now = time.Now })
	o := Options{Path: root}
	makeCached(t, dir, o)
	if _, cached := makeCached(t, dir, o); cached != 0 {
		t.Errorf("%d bytes of a fresh file were cached", cached)
	}
}

// Whatever happens to the files, a cached torrent is that of their content.
func TestCacheIsNeverStale(t *testing.T) {
	later(t)
	root, dir := writeFiles(t, 3<<20, 5, 0, 100_000, 1<<20+1, 20_000, 70_000), t.TempDir()
	files := func() (list []string) {
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, _ error) error {
			if !d.IsDir() {
				list = append(list, path)
			}
			return nil
		})
		return list
	}
	changes := map[string]func(path, other string) error{
		"rewrite": func(path, _ string) error {
			info, err := os.Stat(path)
			if err == nil {
				writeRandom(t, path, int(info.Size()))
			}
			return err
		},
		"rewrite and set the time back": func(path, _ string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			writeRandom(t, path, int(info.Size()))
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		},
		"change a byte": func(path, _ string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte{byte(rand.Int())}, 0)
			return err
		},
		"grow":     func(path, _ string) error { writeRandom(t, path, rand.IntN(200_000)); return nil },
		"truncate": func(path, _ string) error { return os.Truncate(path, int64(rand.IntN(10_000))) },
		"replace":  func(path, other string) error { return os.Rename(other, path) },
		"add":      func(path, _ string) error { writeRandom(t, path+"x", rand.IntN(100_000)); return nil },
		"swap": func(path, other string) error {
			return errors.Join(os.Rename(path, path+"~"), os.Rename(other, path), os.Rename(path+"~", other))
		},
		"touch": func(path, _ string) error { return os.Chtimes(path, time.Now(), time.Now()) },
	}
	for step := range 60 {
		for name, change := range changes {
			list := files()
			i := rand.IntN(len(list))
			path, other := list[i], list[(i+1)%len(list)]
			if len(list) < 4 || len(list) > 12 && name == "add" || rand.IntN(4) > 0 {
				continue
			}
			if err := change(path, other); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
				o := Options{Path: root, Format: format, PieceLength: []int64{16 << 10, 256 << 10}[rand.IntN(2)], Date: time.Unix(1, 0)}
				got, _ := makeCached(t, dir, o)
				if want, _ := makeCached(t, "", o); !bytes.Equal(got, want) {
					t.Fatalf("step %d, after %s of %s: format %v is stale", step, name, path, format)
				}
			}
		}
	}
}

// A dry run finds what Make would do, except the hashes, and writes nothing.
func TestDryRun(t *testing.T) {
	root := writeFiles(t, 4<<20, 5, 0, 100_000, 1<<20+1, 4<<20) // two have the same size
	later(t)
	all := variants(root)
	dir := filepath.Join(t.TempDir(), "cache")
	for i := range all {
		all[i].Cache, all[i].DryRun = NewCache(dir), true
	}
	planned := make(map[int]*Result)
	for i, made := range MakeAll(context.Background(), all) {
		if made.Err != nil {
			t.Fatal(made.Err)
		}
		p := made.Result.Plan
		if made.Result.Torrent != nil || p.Unread <= 0 || p.Unread > p.Size || p.Rate <= 0 || p.Duration() <= 0 || len(p.Files) == 0 {
			t.Errorf("%+v: planned %+v", all[i], p)
		}
		planned[i] = made.Result
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the cache was written")
	}
	for i := range all {
		all[i].DryRun = false
	}
	for i, made := range MakeAll(context.Background(), all) {
		p, torrent := planned[i].Plan, made.Result.Torrent
		got := Plan{Name: torrent.Name, Format: torrent.Format(), Size: torrent.Size(), PieceLength: torrent.PieceLength,
			PieceCount: torrent.PieceCount(), TorrentSize: len(torrent.Bytes())}
		got.Files, got.Form, got.Unread, got.Rate = p.Files, p.Form, p.Unread, p.Rate
		if n := torrent.FileCount(); len(p.Files) != n {
			t.Errorf("%+v: %d files planned, %d made", all[i], len(p.Files), n)
		}
		if !reflect.DeepEqual(&got, p) || !reflect.DeepEqual(made.Result.Findings, planned[i].Findings) {
			t.Errorf("%+v: planned %+v, made %+v", all[i], p, got)
		}
	}
	all[0].DryRun = true
	if err := all[0].Cache.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Make(context.Background(), all[0])
	if err != nil || r.Cached != r.Plan.Size || r.Plan.Unread != 0 || r.Plan.Duration() != 0 {
		t.Errorf("with everything in the cache: %+v, %v", r, err)
	}
}

// Outcomes are yielded as they are known: the torrents of one content before the next
// content is read.
func TestMakeAllYields(t *testing.T) {
	first, second := writeFiles(t, 100_000), writeFiles(t, 100_000)
	read := false
	all := []Options{
		{Path: first},
		{Path: second, Progress: func(int64, int64) { read = true }},
		{Path: first, Source: "A"},
	}
	var order []int
	for i, made := range MakeAll(context.Background(), all) {
		if made.Err != nil {
			t.Fatal(made.Err)
		}
		if order = append(order, i); i == 2 {
			break
		}
	}
	if !slices.Equal(order, []int{0, 2}) || read {
		t.Errorf("yielded %v; second content read: %v", order, read)
	}
}
