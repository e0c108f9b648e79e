package seed

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"bt/internal/piece"
	"bt/maketorrent"
)

// Each check emits an event when it begins, with Done 0, however short it is.
func TestCheckEmitsStart(t *testing.T) {
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid} {
		meta, root := makeContent(t, format, 30_000, 1, 70_000)
		r := start(t, Options{recheckEvery: 20 * time.Millisecond}, Input{Torrent: meta, Path: root})
		path := filepath.Join(root, "a")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole(t, path, data) // another file of the same bytes
		awaitEvent(t, r, func(EventFailed) bool { return true })
		awaitEvent(t, r, func(EventSeeding) bool { return true })
		r.stop()
		content, err := meta.Content()
		if err != nil {
			t.Fatal(err)
		}
		begun := 0
		for _, d := range r.events {
			if e, ok := d.event.(EventChecking); ok && e.Done == 0 && e.Total == content.Layout.Bytes() {
				begun++
			}
		}
		if begun != 2 {
			t.Errorf("%v: %d checks have begun, want 2%s", format, begun, story(r.events))
		}
	}
}

// Done is never larger than Total, though pad files count too.
func TestCheckDoneAtMostTotal(t *testing.T) {
	meta, root := makeContent(t, maketorrent.FormatHybrid, 1, 2, 3)
	r := start(t, Options{}, Input{Torrent: meta, Path: root})
	tt := r.all()[0]
	m := loadedOf(t, tt)
	tt.mu.Lock()
	tt.state, tt.checking.total = StateChecking, m.content.Layout.Bytes()
	tt.mu.Unlock()
	if _, err := tt.hash(t.Context(), m, tt.progress); err != nil {
		t.Fatal(err)
	}
	if s := r.Status().Torrents[0]; s.Done != s.Total || s.Done <= s.Size {
		t.Errorf("%d bytes of %d are checked, the size is %d", s.Done, s.Total, s.Size)
	}
}

// When a missing volume is back, all of its data is known, however many runs it was
// missing for and whichever others were missing then.
func TestKnownOfManyVolumes(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	meta, root := makeContent(t, maketorrent.FormatV1, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000)
	content, err := meta.Content()
	must(err)
	volumes := t.TempDir()
	var dirs []string
	for i := range content.Files {
		path := filepath.Join(append([]string{root}, content.Files[i].Path()...)...)
		dir := filepath.Join(volumes, strconv.Itoa(i))
		must(os.Mkdir(dir, 0o755))
		must(os.Rename(path, filepath.Join(dir, "file")))
		must(os.Symlink(filepath.Join(dir, "file"), path))
		dirs = append(dirs, dir)
	}
	time.Sleep(piece.Resolution)
	known := t.TempDir()
	run := func() EventSeeding {
		r := start(t, Options{KnownDir: known}, Input{Torrent: meta, Path: root})
		defer r.stop()
		for _, d := range r.emitted() {
			if e, ok := d.event.(EventSeeding); ok {
				return e
			}
		}
		t.Fatal("it is not seeded")
		return EventSeeding{}
	}
	run()
	for _, dir := range dirs {
		must(os.Rename(dir, dir+".away"))
		if e := run(); e.Pieces == meta.PieceCount() {
			t.Errorf("without %s there are all pieces", dir)
		}
		must(os.Rename(dir+".away", dir))
	}
	if e := run(); !e.Known || e.Pieces != meta.PieceCount() {
		t.Errorf("%d pieces of %d, known %v", e.Pieces, meta.PieceCount(), e.Known)
	}
}
