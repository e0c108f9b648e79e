package seed

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/maketorrent"
)

// A ledger adds the totals of each run to those of the runs before.
func TestLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "one.json")
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	l := openLedger(t, path)
	if _, _, err := OpenLedger(path); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	in := recalled(l, meta)
	if in.Uploaded != 0 || !in.Since.IsZero() || in.Served != 0 {
		t.Errorf("%+v", in)
	}
	in.Path, in.Served = root, 5000*time.Second
	uploadAndSave(t, l, in, 1234)

	l = openLedger(t, path)
	in = recalled(l, meta)
	if in.Uploaded != 1234 || time.Since(in.Since) > time.Minute || in.Served < 5000*time.Second || in.Served > 5030*time.Second {
		t.Errorf("%+v", in)
	}
	in.Path = root
	uploadAndSave(t, l, in, 1)

	l = openLedger(t, path)
	if in := recalled(l, meta); in.Uploaded != 1235 {
		t.Errorf("%d", in.Uploaded)
	}
	l.Close()
}

func openLedger(t *testing.T, path string) *Ledger {
	t.Helper()
	l, damage, err := OpenLedger(path)
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	return l
}

// uploadAndSave seeds a torrent, counts bytes as uploaded, and saves and closes the
// ledger.
func uploadAndSave(t *testing.T, l *Ledger, in *Input, uploaded int64) {
	t.Helper()
	r := start(t, Options{}, *in)
	defer r.stop()
	tt := r.find(in.Torrent.InfoHashV1)
	tt.swarms[0].uploaded.Add(uploaded)
	total := in.Uploaded + uploaded
	if tt.Uploaded() != total || r.Status().Torrents[0].Uploaded != total || !in.Since.IsZero() && !tt.Since().Equal(in.Since) || tt.Served() < in.Served {
		t.Errorf("%+v", r.Status().Torrents)
	}
	if err := errors.Join(l.Save(r.Seeder), l.Close()); err != nil {
		t.Fatal(err)
	}
}

// A damaged ledger is renamed, and a new one begins.
func TestLedgerDamaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "one.json")
	meta, _ := makeContent(t, maketorrent.FormatV1, 1000)
	if err := os.WriteFile(path, []byte(`{"a":`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, damage, err := OpenLedger(path)
	if err != nil || damage == nil {
		t.Fatal(err, damage)
	}
	defer l.Close()
	if in := recalled(l, meta); in.Uploaded != 0 {
		t.Errorf("%d", in.Uploaded)
	}
	if b, err := os.ReadFile(path + ".damaged"); err != nil || string(b) != `{"a":` {
		t.Errorf("%q, %v", b, err)
	}
}

func recalled(l *Ledger, meta *Metainfo) *Input {
	in := &Input{Torrent: meta}
	l.recall(in)
	return in
}

// A torrent that has reached its ratio or its time is done, with earlier runs
// counted.
func TestDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		o        Options
		uploaded int64
		served   time.Duration
		why      error
	}{
		"ratio": {Options{UntilRatio: 2}, 200_000, 0, ErrRatio},
		"time":  {Options{For: time.Hour}, 0, time.Hour, ErrTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
			r := start(t, test.o)
			if _, err := r.Add(Input{Torrent: meta, Path: root, Uploaded: test.uploaded, Served: test.served}); err != nil {
				t.Fatal(err)
			}
			e := awaitEvent(t, r, func(EventStopped) bool { return true })
			for _, e := range r.emitted() {
				if _, ok := e.event.(EventSeeding); ok {
					t.Error("it was seeded again")
				}
			}
			if e.Uploaded != test.uploaded || e.Why != test.why || e.Torrent.Name() != meta.Name {
				t.Errorf("%+v", e)
			}
			if status := r.Status().Torrents[0]; status.State != StateDone || status.Message != test.why.Error() || r.find(meta.InfoHashV1).isServed() {
				t.Errorf("%+v", status)
			}
		})
	}
}

// A ledger that contains null is damaged, and is replaced.
func TestLedgerNull(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.json")
	if err := os.WriteFile(path, []byte("null"), 0o600); err != nil {
		t.Fatal(err)
	}
	ledger, damage, err := OpenLedger(path)
	if err != nil || damage == nil {
		t.Fatal(err, damage)
	}
	defer ledger.Close()
	one := newTestTorrent(t, "one", 1, 10_000)
	r := start(t, Options{})
	if _, err := r.Add(Input{Torrent: one.Metainfo, Path: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Save(r.Seeder); err != nil {
		t.Error(err)
	}
}
