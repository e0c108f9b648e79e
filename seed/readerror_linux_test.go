package seed

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/piece"
	"bt/internal/store"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// A failingDisk is a file system in a file, which can lose its end and get it back.
type failingDisk struct {
	t     *testing.T
	dir   string // where it is mounted
	image string
	saved []byte
	stop  func() // ends the dropping of caches
}

func newFailingDisk(t *testing.T) *failingDisk {
	t.Helper()
	testenv.Root(t)
	d := &failingDisk{t: t, dir: t.TempDir(), image: filepath.Join(t.TempDir(), "image")}
	d.must(os.WriteFile(d.image, nil, 0o600))
	d.must(os.Truncate(d.image, 48<<20))
	d.run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", d.image) // which would keep directories in memory
	out, err := exec.Command(testenv.Program(t, "losetup"), "--find", "--show", d.image).CombinedOutput()
	if err != nil {
		testenv.Missing(t, "a loop device: "+string(out))
	}
	loop := strings.TrimSpace(string(out))
	t.Cleanup(func() { d.run("losetup", "--detach", loop) })
	d.run("mount", loop, d.dir)
	t.Cleanup(func() { d.run("umount", d.dir) })
	return d
}

func (d *failingDisk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *failingDisk) run(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(testenv.Program(d.t, name), args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// fail makes all of the disk fail except its beginning, which contains the directories of
// the file system.
func (d *failingDisk) fail() { d.lose(4<<20, "1") }

// die makes all of the disk fail, including the directories.
func (d *failingDisk) die() { d.lose(0, "3") }

// lose makes the disk fail after a number of bytes, and drops the caches of the kernel: 1
// is the page cache, 3 also inodes and directory entries. The kernel keeps what is in use at
// that moment, and so it drops them again until the disk is repaired.
func (d *failingDisk) lose(behind int64, forget string) {
	d.t.Helper()
	syscall.Sync()
	var err error
	d.saved, err = os.ReadFile(d.image)
	d.must(err)
	d.must(os.Truncate(d.image, behind))
	drop := func() error { return os.WriteFile("/proc/sys/vm/drop_caches", []byte(forget), 0) }
	d.must(drop())
	repaired := make(chan struct{})
	d.stop = sync.OnceFunc(func() { close(repaired) })
	d.t.Cleanup(d.stop)
	go func() {
		for {
			select {
			case <-repaired:
				return
			case <-time.After(3 * time.Second):
				_ = drop()
			}
		}
	}()
}

func (d *failingDisk) repair() {
	d.t.Helper()
	d.stop()
	f, err := os.OpenFile(d.image, os.O_WRONLY, 0)
	d.must(err)
	_, err = f.Write(d.saved)
	d.must(errors.Join(err, f.Close()))
}

// A disk failure is reported with the file and the error, and the torrent is not
// served until the failed blocks are readable again.
func TestReadError(t *testing.T) {
	for name, size := range map[string]int64{"mapped": 20 << 20, "small": store.SmallFile - 1} {
		t.Run(name, func(t *testing.T) {
			d := newFailingDisk(t)
			meta, root := makeContent(t, maketorrent.FormatV1, 12<<20, size)
			onDisk := filepath.Join(d.dir, "content")
			d.must(os.CopyFS(onDisk, os.DirFS(root)))
			syscall.Sync()
			r := start(t, Options{recheckEvery: 50 * time.Millisecond}, Input{Torrent: meta, Path: onDisk})
			d.fail()
			l := r.dial(t, meta.InfoHashV1, meta.PieceCount(), peer.FeatureFast)
			l.send(peer.Message{ID: peer.IDInterested})
			l.await(peer.IDUnchoke)
			l.send(peer.Message{ID: peer.IDRequest, Index: uint32(meta.PieceCount() - 1), Length: 1 << 10})
			e := awaitEvent(t, r, func(EventFailed) bool { return true })
			if !errors.Is(e.Err, syscall.EIO) || !strings.Contains(e.Err.Error(), filepath.Join(onDisk, "b")+" can't be read: ") {
				t.Errorf("%v", e.Err)
			}
			for { // to the end of the connection
				if m, err := l.read(); err != nil {
					break
				} else if m.ID == peer.IDPiece {
					t.Error("a block of what can't be read")
				}
			}
			time.Sleep(200 * time.Millisecond)
			if s := r.Status().Torrents[0]; s.State != StateWaiting || !strings.Contains(s.Message, "can't be read") {
				t.Errorf("%+v", s)
			}
			d.repair()
			awaitEvent(t, r, func(e EventSeeding) bool { return e.Pieces == meta.PieceCount() })
			l = r.dial(t, meta.InfoHashV1, meta.PieceCount(), peer.FeatureFast)
			l.send(peer.Message{ID: peer.IDInterested})
			l.await(peer.IDUnchoke)
			last := meta.PieceCount() - 1
			l.send(peer.Message{ID: peer.IDRequest, Index: uint32(last), Length: 1 << 10})
			if got, want := l.await(peer.IDPiece).Payload, expected(t, meta, root, last)[:1<<10]; !bytes.Equal(got, want) {
				t.Error("other bytes")
			}
			r.stop() // its maps keep the disk busy
		})
	}
}

// A disk failure during the check.
func TestReadErrorInCheck(t *testing.T) {
	d := newFailingDisk(t)
	meta, root := makeContent(t, maketorrent.FormatV1, 20<<20)
	onDisk := filepath.Join(d.dir, "content")
	d.must(os.CopyFS(onDisk, os.DirFS(root)))
	syscall.Sync()
	if _, err := os.Stat(filepath.Join(onDisk, "a")); err != nil {
		t.Fatal(err)
	}
	d.fail()
	r := startWith(t, Options{recheckEvery: 50 * time.Millisecond}, func(*Seeder) {})
	if _, err := r.Add(Input{Torrent: meta, Path: onDisk}); err != nil {
		t.Fatal(err)
	}
	if e := awaitEvent(t, r, func(EventFailed) bool { return true }); !errors.Is(e.Err, syscall.EIO) {
		t.Errorf("%v", e.Err)
	}
	d.repair()
	awaitEvent(t, r, func(e EventSeeding) bool { return e.Pieces == meta.PieceCount() })
	r.stop()
}

// A disk that does not respond at all is reported by its error. Its files do not
// count as changed: they are served again without a check when it is back.
func TestDiskGone(t *testing.T) {
	for name, seeded := range map[string]bool{"while it is seeded": true, "before it is": false} {
		t.Run(name, func(t *testing.T) {
			d := newFailingDisk(t)
			meta, root := makeContent(t, maketorrent.FormatV1, 1<<20, store.SmallFile-1)
			onDisk := filepath.Join(d.dir, meta.Name)
			d.must(os.CopyFS(onDisk, os.DirFS(root)))
			known := t.TempDir()
			time.Sleep(piece.Resolution)
			checked := start(t, Options{KnownDir: known}, Input{Torrent: meta, Path: d.dir})
			if !seeded {
				checked.stop()
				d.die()
			}
			r := start(t, Options{KnownDir: known, recheckEvery: 50 * time.Millisecond})
			if _, err := r.Add(Input{Torrent: meta, Path: d.dir}); err != nil {
				t.Fatal(err)
			}
			if seeded {
				awaitEvent(t, r, func(EventSeeding) bool { return true })
				checked.stop()
				d.die()
			}
			e := awaitEvent(t, r, func(EventFailed) bool { return true })
			if !errors.Is(e.Err, syscall.EIO) || !strings.Contains(e.Err.Error(), onDisk) || !strings.Contains(e.Err.Error(), " can't be read: ") {
				t.Errorf("%v", e.Err)
			}
			d.repair()
			awaitEvent(t, r, func(e EventSeeding) bool { return e.Known && e.Pieces == meta.PieceCount() })
			r.stop()
			failures := 0
			for _, d := range r.events {
				if _, ok := d.event.(EventFailed); ok {
					failures++
				}
			}
			if failures != 1 {
				t.Errorf("%d failures are reported for one%s", failures, story(r.events))
			}
		})
	}
}
