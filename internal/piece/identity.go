package piece

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"time"
)

// An Identity identifies a version of a file. Fields that the system does not have are
// zero.
type Identity struct {
	Size       int64 // bytes
	ModTime    int64 // nanoseconds since 1970
	ChangeTime int64 // of the inode, which programs can't set; nanoseconds since 1970
	Dev, Ino   uint64
}

// Identify returns the identity in info.
func Identify(info fs.FileInfo) Identity {
	id := Identity{Size: info.Size(), ModTime: info.ModTime().UnixNano()}
	id.addInode(info)
	return id
}

// Equal reports whether two identities are of the same file with the same content. It
// ignores ChangeTime, because a chmod, a rename and a new hard link change it too.
func (id Identity) Equal(other Identity) bool {
	id.ChangeTime, other.ChangeTime = 0, 0
	return id == other
}

// Append appends the fields of the identity, with 8 bytes each. Hashes of them are stored
// on disk, so they must not change.
func (id Identity) Append(b []byte) []byte {
	for _, n := range [...]uint64{uint64(id.Size), uint64(id.ModTime), uint64(id.ChangeTime), id.Dev, id.Ino} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// Modified returns the modification time.
func (id Identity) Modified() time.Time { return time.Unix(0, id.ModTime) }

// Resolution is the coarsest resolution of file times in use, that of FAT.
const Resolution = 2 * time.Second

// IsRacy reports whether the file may change after the time at, when its identity was
// taken, and keep that identity: its last change was in the same tick of the file
// system's clock, or is in the future.
func (id Identity) IsRacy(at time.Time) bool {
	return at.Sub(time.Unix(0, max(id.ModTime, id.ChangeTime))) < Resolution
}

// A Digest is a hash of the identities of all files of a Tree.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Digest returns a digest that is the same as long as all identities are Equal.
func (t *Tree) Digest() Digest { return t.digest(false) }

// StrictDigest returns a digest that includes change times. A change of a file is seen
// in it even if the modification time was set back. Its value is stored on disk, so it
// must not depend on the version of this package.
func (t *Tree) StrictDigest() Digest { return t.digest(true) }

func (t *Tree) digest(changeTimes bool) (d Digest) {
	h := sha256.New()
	var line []byte
	for i := range t.Files {
		s := &t.Files[i]
		if s.Pad || s.Link {
			continue
		}
		id := t.ID(i)
		if !changeTimes {
			id.ChangeTime = 0
		}
		line = id.Append(binary.LittleEndian.AppendUint64(line[:0], uint64(i)))
		h.Write(line)
	}
	h.Sum(d[:0])
	return d
}

// IsRacy reports whether the identity of any file is, see [Identity.IsRacy].
func (t *Tree) IsRacy(at time.Time) bool {
	for i := range t.Files {
		if t.ID(i).IsRacy(at) {
			return true
		}
	}
	return false
}
