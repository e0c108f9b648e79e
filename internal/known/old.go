package known

import (
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bt/internal/atomicfile"
)

// Earlier versions had one file for each key. Its contents are converted when the key
// is used.

// An oldFile is the JSON form of such a file: a list of states, latest first, or a
// single one.
type oldFile struct {
	Root   string     `json:"root"`
	States []oldState `json:"states"`
	oldState
}

type oldState struct {
	Identity string    `json:"identity"`
	Have     []byte    `json:"have"`
	Checked  time.Time `json:"checked"`
}

// maxOld is the maximum size of such a file.
const maxOld = 16 << 20

// findOld records the keys that have such a file.
func (s *Store) findOld() {
	entries, _ := os.ReadDir(s.dir) // an unreadable directory counts as empty
	for _, e := range entries {
		var key Key
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if n, err := hex.Decode(key[:], []byte(name[:min(len(name), 2*len(key))])); ok && err == nil && n == len(key) && len(name) == 2*n {
			s.old[key] = true
		}
	}
}

// convert adds the states in the file of a key to the store, and removes the file.
func (s *Store) convert(key Key) {
	if !s.old[key] {
		return
	}
	delete(s.old, key)
	path := filepath.Join(s.dir, hex.EncodeToString(key[:])+".json")
	b, err := atomicfile.Read(path, maxOld)
	var f oldFile
	if err != nil || json.Unmarshal(b, &f) != nil {
		return
	}
	if len(f.States) == 0 && f.Identity != "" {
		f.States = []oldState{f.oldState}
	}
	for i := len(f.States) - 1; i >= 0; i-- {
		x, pieces := f.States[i], 0
		for _, b := range x.Have {
			pieces += bits.OnesCount8(b)
		}
		if s.wait(key, State{f.Root, x.Identity, x.Have, pieces, x.Checked}) != nil {
			return
		}
	}
	if s.flush() == nil {
		_ = os.Remove(path)
	}
}
