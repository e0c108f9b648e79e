package scrape

import (
	"net/netip"
	"strings"

	"bt/internal/metainfo"
)

// A Target is a torrent to ask about.
type Target struct {
	Name     string     // not used by Run; may be empty
	Private  bool       // never announced unless Options.Force is set (BEP 27)
	Hashes   []Hash     // one for each swarm; a hybrid torrent has two
	Trackers [][]string // URLs by tier; Run asks all

	// For Options.Availability: the number of pieces, or 0 if it is unknown, and further
	// peers to ask.
	Pieces int
	Peers  []netip.AddrPort
}

// A Hash identifies a swarm.
type Hash struct {
	InfoHash [20]byte // for v2, the first 20 bytes of the info-hash, as trackers use it (BEP 52)
	Kind     string   // KindV1 or KindV2
}

// The kinds of swarms.
const (
	KindV1 = "v1"
	KindV2 = "v2"
)

func hashesOf(hasV1, hasV2 bool, v1 [20]byte, v2 [32]byte) []Hash {
	var hashes []Hash
	if hasV1 {
		hashes = append(hashes, Hash{v1, KindV1})
	}
	if hasV2 {
		hashes = append(hashes, Hash{[20]byte(v2[:]), KindV2})
	}
	return hashes
}

// maxName is the number of bytes of a torrent's name that TorrentTarget keeps.
const maxName = 1000

// TorrentTarget returns the target of a torrent. It shares no memory with it.
func TorrentTarget(t *Torrent) Target {
	return Target{
		Name:     strings.Clone(t.Name[:min(len(t.Name), maxName)]),
		Private:  t.Private,
		Hashes:   hashesOf(t.V1, t.V2, t.InfoHashV1, t.InfoHashV2),
		Trackers: t.Trackers(),
		Pieces:   t.PieceCount(),
	}
}

// MagnetTarget returns the target of a magnet link. Each of its trackers has a tier
// of its own.
func MagnetTarget(m *Magnet) Target {
	t := Target{Name: m.Name, Hashes: hashesOf(m.HasV1, m.HasV2, m.V1, m.V2)}
	for _, url := range m.Trackers {
		t.Trackers = append(t.Trackers, []string{url})
	}
	return t
}

// InfoHashTarget returns the target of an info-hash, without trackers. A v1 info-hash
// has 40 hex digits or 32 base32 digits, a v2 info-hash 64 hex digits. They may be
// written as in magnet links, such as "urn:btih:...". A v2 info-hash that is cut to 40
// hex digits is treated as v1.
func InfoHashTarget(s string) (Target, error) {
	m, err := metainfo.ParseInfoHash(s)
	if err != nil {
		return Target{}, err
	}
	return MagnetTarget(m), nil
}
