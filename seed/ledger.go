package seed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"bt/internal/atomicfile"
)

// A Ledger is a file that keeps upload totals between runs. It contains JSON and is
// replaced as a whole by Save, so a crash loses at most the changes since the last
// Save.
type Ledger struct {
	path string
	lock *flock.Flock

	mu      sync.Mutex
	entries map[string]ledgerEntry // by info-hash in hex, v1 if the torrent has one
	changed bool
}

type ledgerEntry struct {
	Name     string    `json:"name"` // for people who read the file
	Uploaded int64     `json:"uploaded"`
	Since    time.Time `json:"since"`            // when it was first added
	Served   *int64    `json:"served,omitempty"` // seconds; absent in files of earlier versions
}

// maxState is the maximum size of the file in bytes. This program writes none that is
// larger.
const maxState = 256 << 20

// ErrInUse is returned by [OpenLedger] if another process has the ledger open. The
// returned error wraps it.
var ErrInUse = errors.New("another process is using it")

// OpenLedger opens the ledger in the file path, which need not exist. If the file is
// damaged, OpenLedger renames it, starts a new ledger, and returns damage to describe
// what happened.
func OpenLedger(path string) (l *Ledger, damage, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, err
	}
	l = &Ledger{path: path, lock: flock.New(path + ".lock"), entries: make(map[string]ledgerEntry)}
	if err := atomicfile.CheckLock(path + ".lock"); err != nil {
		return nil, nil, err
	}
	locked, err := l.lock.TryLock()
	if err == nil && !locked {
		err = fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := atomicfile.Read(path, maxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil, nil
	case err != nil:
		_ = l.lock.Unlock()
		return nil, nil, err
	}
	err = json.Unmarshal(b, &l.entries)
	if err == nil && l.entries == nil {
		err = errors.New("the document is null")
	}
	if err != nil {
		l.entries = make(map[string]ledgerEntry)
		old := path + ".damaged"
		if err := os.Rename(path, old); err != nil {
			_ = l.lock.Unlock()
			return nil, nil, err
		}
		damage = fmt.Errorf("%s is damaged (%w): earlier upload totals are lost; the file is kept as %s", path, err, old)
	}
	return l, damage, nil
}

// HasLedger reports whether any process has ever called OpenLedger with path.
func HasLedger(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(path + ".lock")
	return err == nil
}

func ledgerKey(v1, v2 string) string {
	if v1 != "" {
		return v1
	}
	return v2
}

// recall sets the fields of in that describe earlier runs.
func (l *Ledger) recall(in *Input) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[ledgerKey(in.Torrent.HexV1(), in.Torrent.HexV2())]
	in.Uploaded, in.Since = e.Uploaded, e.Since
	switch {
	case e.Served != nil:
		in.Served = time.Duration(*e.Served) * time.Second
	case ok: // earlier versions recorded only the first run
		in.Served = time.Since(e.Since)
	}
}

// note records the totals of t.
func (l *Ledger) note(t *Torrent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := ledgerKey(t.HexV1(), t.HexV2())
	served := int64(t.Served() / time.Second)
	e := ledgerEntry{Name: t.name, Uploaded: t.Uploaded(), Since: t.begun.UTC().Truncate(time.Second), Served: &served}
	old, ok := l.entries[key]
	// Do not write the file every minute for the time alone, unless a limit depends
	// on it.
	const much = 3600
	late := old.Served == nil || served-*old.Served >= much || t.seeder.options.For > 0 && served != *old.Served
	if !ok || old.Uploaded != e.Uploaded || !old.Since.Equal(e.Since) || late {
		l.entries[key] = e
		l.changed = true
	}
}

// Save writes the upload totals of all torrents of s to the file.
func (l *Ledger) Save(s *Seeder) error {
	for _, t := range s.all() {
		l.note(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.changed {
		return nil
	}
	b, err := json.Marshal(l.entries)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(l.path, b, true); err != nil {
		return err
	}
	l.changed = false
	return nil
}

// Close releases the file for other processes. It does not save.
func (l *Ledger) Close() error { return l.lock.Unlock() }
