package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"bt/internal/atomicfile"
	"bt/internal/peer"
	"bt/internal/piece"
)

// Known remembers which data was found good, so that a seed starts at once when
// nothing about its files has changed. Each torrent at each place has a small
// file in a directory; all of them may be deleted at any time. The zero Known
// remembers nothing.
type Known struct {
	Dir string
}

// A knownFile is what stands in a file of Known, as JSON.
type knownFile struct {
	Root     string    `json:"root"`     // where the content stands, for whoever looks
	Identity string    `json:"identity"` // of all files together
	Have     []byte    `json:"have"`     // the pieces, as a bitfield
	Checked  time.Time `json:"checked"`
}

// racy is how old the last change of a file must be before its times tell it
// from a later change: file systems count in steps of up to two seconds.
const racy = 2 * time.Second

// path names the file for a torrent whose content stands at root.
func (k *Known) path(t *Torrent, root string) string {
	h := sha256.New()
	h.Write(t.hashV1[:])
	h.Write(t.hashV2[:])
	h.Write([]byte(root))
	return filepath.Join(k.Dir, hex.EncodeToString(h.Sum(nil)[:16])+".json")
}

// Load returns the pieces that are known to be there, if no file has changed
// since: its device, inode, size, times of modification and of change.
func (k *Known) Load(t *Torrent, root string, tree *piece.Tree) (peer.Bitfield, bool) {
	if k.Dir == "" {
		return nil, false
	}
	b, err := atomicfile.Read(k.path(t, root), maxState)
	if err != nil {
		return nil, false
	}
	var f knownFile
	if json.Unmarshal(b, &f) != nil {
		return nil, false
	}
	identity, _ := identityOf(tree)
	if f.Root != root || f.Identity != identity {
		return nil, false
	}
	have, err := peer.ParseBitfield(f.Have, t.pieces)
	return have, err == nil
}

// Store notes what was found. Files that have just been written are not noted:
// another change within the same tick of the clock would not show.
func (k *Known) Store(t *Torrent, root string, tree *piece.Tree, have peer.Bitfield) error {
	if k.Dir == "" {
		return nil
	}
	identity, newest := identityOf(tree)
	now := time.Now()
	if now.Sub(newest) < racy {
		return nil
	}
	b, err := json.Marshal(knownFile{Root: root, Identity: identity, Have: have, Checked: now.UTC()})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(k.path(t, root), b, true)
}

// identityOf sums up the identities of all files, with their times of change, and
// finds the latest change.
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
