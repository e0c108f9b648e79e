package scrape

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"

	"bt/internal/metainfo"
)

// A Target is a torrent to ask about.
type Target struct {
	Name     string // may be empty
	Private  bool
	Hashes   []Hash // two for a hybrid torrent, which is two swarms
	Trackers [][]string
}

// A Hash names a swarm.
type Hash struct {
	InfoHash [20]byte
	Kind     string // V1 or V2
}

// The kinds of swarms.
const (
	V1 = "v1"
	V2 = "v2" // its info-hash is cut to 20 bytes, as trackers have it (BEP 52)
)

func hashesOf(hasV1, hasV2 bool, v1 [20]byte, v2 [32]byte) []Hash {
	var hashes []Hash
	if hasV1 {
		hashes = append(hashes, Hash{v1, V1})
	}
	if hasV2 {
		hashes = append(hashes, Hash{[20]byte(v2[:]), V2})
	}
	return hashes
}

// maxName is how many bytes of a name are kept: it is for people.
const maxName = 1000

// TorrentTarget is the target that a torrent is. Of the torrent nothing is kept.
func TorrentTarget(t *metainfo.Torrent) Target {
	return Target{
		Name:     strings.Clone(t.Name[:min(len(t.Name), maxName)]),
		Private:  t.Private,
		Hashes:   hashesOf(t.V1, t.V2, t.InfoHashV1, t.InfoHashV2),
		Trackers: t.Trackers(),
	}
}

// MagnetTarget is the target that a magnet link names. Each of its trackers is a
// tier of its own.
func MagnetTarget(m *metainfo.Magnet) Target {
	t := Target{Name: m.Name, Hashes: hashesOf(m.HasV1, m.HasV2, m.V1, m.V2)}
	for _, url := range m.Trackers {
		t.Trackers = append(t.Trackers, []string{url})
	}
	return t
}

// InfoHashTarget is the target of an info-hash: of v1 40 digits of hex or 32 of
// base32, of v2 64 of hex. One of v2 that was cut looks like one of v1.
func InfoHashTarget(s string) (Target, error) {
	var b []byte
	var err error
	switch len(s) {
	case 40, 64:
		b, err = hex.DecodeString(s)
	case 32:
		b, err = base32.StdEncoding.DecodeString(strings.ToUpper(s))
	default:
		err = errors.New("wrong length")
	}
	if err != nil {
		return Target{}, errors.New("not an info-hash: that is 40 or 64 digits of hex, or 32 of base32")
	}
	kind := V1
	if len(b) == 32 {
		kind = V2
	}
	return Target{Hashes: []Hash{{[20]byte(b), kind}}}, nil
}
