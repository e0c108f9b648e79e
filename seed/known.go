package seed

import (
	"crypto/sha256"
	"fmt"
	"time"

	"bt/internal/known"
	"bt/internal/peer"
)

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
	key, tree := keyOf(t, m.root), m.data.Tree()
	found, ok := t.seeder.known.Find(key, m.root, tree.StrictDigest().String())
	stored := ok
	if !ok { // earlier versions stored no change times on macOS and the BSDs
		found, ok = t.seeder.known.Find(key, m.root, tree.Digest().String())
	}
	if !ok {
		return nil, false
	}
	have, err := peer.ParseBitfield(found, t.pieces)
	if err == nil && !stored {
		t.remember(m, have)
	}
	return have, err == nil
}

// remember adds the result of a check to the cache, unless a change of a file during
// the check may have gone unnoticed.
func (t *Torrent) remember(m *loadedMetainfo, have peer.Bitfield) {
	if t.seeder.options.KnownDir == "" || m.data.Tree().IsRacy(m.found) {
		return
	}
	t.seeder.warnNotRemembered(t.seeder.known.Add(keyOf(t, m.root), known.State{
		Root: m.root, Identity: m.data.Tree().StrictDigest().String(), Have: have, Pieces: have.Count(), Checked: time.Now().UTC(),
	}))
}

// warnNotRemembered emits a warning, once, that the cache can't be written.
func (s *Seeder) warnNotRemembered(err error) {
	if err != nil && !s.forgetWarned.Swap(true) {
		s.events.Put(EventWarning{Err: fmt.Errorf("the results of checks are not remembered: %w", err)})
	}
}
