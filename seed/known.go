package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bt/internal/atomicfile"
	"bt/internal/peer"
	"bt/internal/piece"
)

// Known remembers which data was found good, so that a Seeder need not check it again
// while nothing about its files has changed. Each torrent at each place has a small
// file in a directory; all of them may be deleted at any time. The zero Known
// remembers nothing.
type Known struct {
	Dir string // made when it is needed; "" remembers nothing
}

// A knownFile is what stands in a file of Known, as JSON: the states that the
// content was found in, the last first. A volume that is not mounted for a while
// does not cost what is known of it.
type knownFile struct {
	Root   string       `json:"root"` // where the content stands, for whoever looks
	States []knownState `json:"states"`
}

type knownState struct {
	Identity string    `json:"identity"` // of all files together
	Have     []byte    `json:"have"`     // the pieces, as a bitfield
	Checked  time.Time `json:"checked"`
}

// mostStates is how many states are remembered of a torrent's content.
const mostStates = 4

// read returns what is known of the content at root; nothing if the file is
// damaged.
func (k *Known) read(path, root string) knownFile {
	var f struct {
		knownFile
		knownState // of earlier versions, which knew one
	}
	b, err := atomicfile.Read(path, maxState)
	if err != nil || json.Unmarshal(b, &f) != nil || f.Root != root {
		return knownFile{Root: root}
	}
	if len(f.States) == 0 && f.Identity != "" {
		f.States = []knownState{f.knownState}
	}
	return f.knownFile
}

// forget drops the state that costs least to find again: the one with the fewest
// pieces, of those that tie the oldest. The last one stays.
func (f *knownFile) forget() {
	least := len(f.States) - 1
	for i := least; i > 0; i-- {
		if peer.Bitfield(f.States[i].Have).Count() < peer.Bitfield(f.States[least].Have).Count() {
			least = i
		}
	}
	f.States = slices.Delete(f.States, least, least+1)
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

// load returns the pieces that are known to be there, if no file has changed
// since: its device, inode, size, times of modification and of change.
func (k *Known) load(t *Torrent, root string, tree *piece.Tree) (peer.Bitfield, bool) {
	if k.Dir == "" {
		return nil, false
	}
	f := k.read(k.path(t, root), root)
	if len(f.States) == 0 {
		return nil, false
	}
	identity, _ := identityOf(tree)
	for _, s := range f.States {
		if s.Identity == identity {
			have, err := peer.ParseBitfield(s.Have, t.pieces)
			return have, err == nil
		}
	}
	return nil, false
}

// store notes what was found. Files that have just been written are not noted:
// another change within the same tick of the clock would not show.
func (k *Known) store(t *Torrent, root string, tree *piece.Tree, have peer.Bitfield) error {
	if k.Dir == "" {
		return nil
	}
	identity, newest := identityOf(tree)
	now := time.Now()
	if now.Sub(newest) < racy {
		return nil
	}
	path := k.path(t, root)
	f := k.read(path, root)
	f.States = slices.DeleteFunc(f.States, func(s knownState) bool { return s.Identity == identity })
	f.States = slices.Insert(f.States, 0, knownState{identity, have, now.UTC()})
	if len(f.States) > mostStates {
		f.forget()
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.Dir, 0o700); err != nil {
		return err
	}
	return atomicfile.WriteCache(path, b)
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
