package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"bt/internal/known"
	"bt/internal/peer"
	"bt/internal/piece"
)

// racy is the age that the last change of a file must have before its times
// distinguish it from a later change. File systems have time resolutions of up to two
// seconds.
const racy = 2 * time.Second

// keyOf returns the cache key of the content of a torrent at root.
func keyOf(t *Torrent, root string) known.Key {
	h := sha256.New()
	h.Write(t.hashV1[:])
	h.Write(t.hashV2[:])
	h.Write([]byte(root))
	return known.Key(h.Sum(nil))
}

// known returns the pieces that were available at an earlier check, if no file has
// changed since. It compares device, inode, size, modification time and change time.
func (t *Torrent) known(m *loadedMetainfo) (peer.Bitfield, bool) {
	if t.seeder.options.KnownDir == "" {
		return nil, false
	}
	identity, _ := identityOf(m.data.tree)
	found, ok := t.seeder.known.Find(keyOf(t, m.root), m.root, identity)
	if !ok {
		return nil, false
	}
	have, err := peer.ParseBitfield(found, t.pieces)
	return have, err == nil
}

// remember adds the result of a check to the cache. It leaves out files that have
// just been written, since another change within the resolution of the file times
// would go unnoticed.
func (t *Torrent) remember(m *loadedMetainfo, have peer.Bitfield) {
	if t.seeder.options.KnownDir == "" {
		return
	}
	identity, newest := identityOf(m.data.tree)
	now := time.Now()
	if now.Sub(newest) < racy {
		return
	}
	t.seeder.warnNotRemembered(t.seeder.known.Add(keyOf(t, m.root), known.State{
		Root: m.root, Identity: identity, Have: have, Pieces: have.Count(), Checked: now.UTC(),
	}))
}

// warnNotRemembered emits a warning, once, that the cache can't be written.
func (s *Seeder) warnNotRemembered(err error) {
	if err != nil && !s.forgetWarned.Swap(true) {
		s.events.put(EventWarning{Err: fmt.Errorf("the results of checks are not remembered: %w", err)})
	}
}

// identityOf returns a hash of the identities and change times of all files, and the
// time of the latest change.
func identityOf(tree *piece.Tree) (sum string, newest time.Time) {
	h := sha256.New()
	for i := range tree.Files {
		f := &tree.Files[i]
		if f.Pad || f.Link {
			continue
		}
		var id piece.Identity
		var change int64
		if info, err := os.Stat(tree.Path(i)); err == nil && info.Mode().IsRegular() {
			id, change = piece.Identify(info), changeTime(info)
			for _, ns := range []int64{id.ModTime, change} {
				if t := time.Unix(0, ns); t.After(newest) {
					newest = t
				}
			}
		}
		writeIdentity(h, i, id, change)
	}
	return hex.EncodeToString(h.Sum(nil)), newest
}
