package seed

import (
	"context"
	"errors"
	"time"

	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/store"
	"bt/internal/upload"
)

// A loadedMetainfo holds what a torrent needs while it has peers or is checked.
type loadedMetainfo struct {
	torrent *Torrent
	meta    *Metainfo
	content *metainfo.Content
	info    []byte // the info dict
	root    string // path of the content
	data    *store.Content
	trees   *upload.HashTrees
	found   time.Time // when the files were identified
}

// isRecent reports whether the files had just changed when they were identified, so a
// further change may go unnoticed. Times in the future, where files stay racy, are not
// recent.
func (m *loadedMetainfo) isRecent() bool {
	return m.data.Tree().IsRacy(m.found) && !m.data.Tree().IsRacy(m.found.Add(2*piece.Resolution))
}

// errOther reports that the torrent file now contains another torrent.
var errOther = errors.New("the torrent file now contains another torrent")

// An unreadError reports that a torrent file can't be read again.
type unreadError struct{ error }

func (e *unreadError) Unwrap() error { return e.error }

// load reads the metainfo again and finds the files.
func (t *Torrent) load(ctx context.Context) (*loadedMetainfo, error) {
	meta, err := t.read()
	if err != nil {
		return nil, &unreadError{err}
	}
	if meta.V1 != t.v1 || meta.V2 != t.v2 || meta.InfoHashV1 != t.hashV1 || meta.InfoHashV2 != t.hashV2 {
		return nil, &unreadError{errOther}
	}
	c, err := meta.Content()
	if err != nil {
		return nil, err
	}
	m := &loadedMetainfo{torrent: t, meta: meta, content: c, info: meta.InfoBytes(), trees: upload.NewHashTrees(meta, c)}
	return m.find(ctx)
}

// find returns a copy of m with the files as they are now.
func (m *loadedMetainfo) find(ctx context.Context) (*loadedMetainfo, error) {
	t, now := m.torrent, *m
	now.found = time.Now()
	find := piece.Find
	if t.exact {
		find = piece.At
	}
	tree, err := find(ctx, m.content, t.path, t.seeder.options.Jobs)
	if err == nil {
		tree.Place(t.places)
		err = store.CheckStats(tree)
	}
	if err != nil {
		return nil, err
	}
	now.root = tree.Root
	now.data = t.seeder.cache.Content(m.content.Layout, tree)
	return &now, nil
}

// isUnchanged reports whether every file is there with the right size, and has not
// changed since it was found. If a file is not there, it may be at another place now.
func (m *loadedMetainfo) isUnchanged(ctx context.Context) (bool, error) {
	if !m.hasSizes() {
		return false, nil
	}
	changed, err := m.data.Tree().HasChanged(ctx, m.torrent.seeder.options.Jobs)
	return !changed, err
}

// lengthOf returns the length of piece i in bytes.
func (m *loadedMetainfo) lengthOf(i int) int64 { return m.torrent.lengthOf(i, m.content.Layout) }

// paddedLength returns the length up to which blocks of piece i may be requested. A
// v2 file is followed by zeros that belong to no piece, and libtorrent (2.0.8)
// requests whole blocks there, also at the end of the torrent.
func (m *loadedMetainfo) paddedLength(i int) int64 {
	if !m.torrent.v1 {
		return m.torrent.pieceLength
	}
	return m.lengthOf(i)
}

// enter returns the loaded metainfo for a peer, which must call leave when it
// disconnects. It fails if the files have changed.
func (t *Torrent) enter(ctx context.Context) (*loadedMetainfo, error) {
	t.loading.Lock()
	defer t.loading.Unlock()
	m, seen, ok := t.join()
	if m != nil {
		return m, nil
	}
	if !ok {
		return nil, link.ErrTorrent
	}
	_, identity := t.supplies()
	m, err := t.load(ctx)
	if err == nil && m.data.Tree().Digest() != identity {
		err = store.ErrChanged
	}
	if err != nil {
		t.suspect()
		return nil, err
	}
	if !t.supply(seen, m) {
		return nil, link.ErrTorrent
	}
	return m, nil
}

// A usage is the loaded metainfo of a torrent and the number of its users. It is
// guarded by life.mu.
type usage struct {
	loaded *loadedMetainfo // StateSeeding; nil: not in use
	users  int             // peers that use loaded
	linger *time.Timer     // drops loaded
}

// end removes the loaded metainfo, which it returns, and all users.
func (u *usage) end() *loadedMetainfo {
	loaded := u.loaded
	u.loaded, u.users = nil, 0
	return loaded
}

// supplies returns the loaded metainfo, nil if it is not in use, and the identities
// of the files when they were checked.
func (l *life) supplies() (m *loadedMetainfo, identity piece.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.use.loaded, l.seeding.identity
}

// join adds a user of the loaded metainfo, if there is any. Otherwise m is nil, and
// ok reports whether the torrent is served at all.
func (l *life) join() (m *loadedMetainfo, seen epoch, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.serves() && l.use.loaded != nil {
		l.use.users++
	}
	return l.use.loaded, l.epoch, l.state.serves()
}

// supply sets the loaded metainfo, with one user, if seen is still the current epoch.
func (l *life) supply(seen epoch, m *loadedMetainfo) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seen != l.epoch {
		return false
	}
	l.use.loaded, l.use.users = m, 1
	return true
}

// lingering is how long unused loaded metainfo is kept: peers often reconnect.
const lingering = 30 * time.Second

// leave removes a user that join or supply has added.
func (l *life) leave(m *loadedMetainfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.use.loaded != m {
		return // the state has changed since
	}
	if l.use.users--; l.use.users > 0 {
		return
	}
	m.data.Trim()
	if l.use.linger == nil {
		l.use.linger = time.AfterFunc(lingering, l.drop)
	}
	l.use.linger.Reset(lingering)
}

// drop drops the loaded metainfo if no peer uses it.
func (l *life) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.use.users == 0 {
		l.use.loaded = nil
	}
}

func (l *life) hasPeers() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.use.users > 0
}

// emitJoined emits the event that a peer connected, if m is still what the torrent is
// served from. Otherwise the torrent has stopped since, and has disconnected only the
// peers that it knew.
func (l *life) emitJoined(m *loadedMetainfo, joined EventPeer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.use.loaded != m {
		return false
	}
	l.torrent.seeder.events.Put(joined)
	return true
}
