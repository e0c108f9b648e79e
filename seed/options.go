package seed

import (
	"net"
	"net/netip"
	"time"

	"bt/internal/discover"
	"bt/internal/link"
	"bt/internal/metainfo"
)

// Metainfo is a parsed torrent, as returned by inspect.Parse and inspect.ReadFile.
type Metainfo = metainfo.Torrent

// An Input is a torrent to seed. Torrent and Path are required.
type Input struct {
	Torrent  *Metainfo
	Path     string     // the content, or the directory that contains it
	Trackers [][]string // further tiers, after those of the torrent

	// Places are the paths of files that are at other places, by their indexes in the
	// torrent. Other files are searched for at Path.
	Places map[int]string

	// Read, if non-nil, returns the torrent again. It is called whenever the metainfo
	// is needed, so that the Seeder need not keep it in memory.
	Read func() (*Metainfo, error)

	Uploaded int64         // bytes uploaded in earlier runs
	Served   time.Duration // time seeded in earlier runs
	Since    time.Time     // when it was first added; zero means now

	// Hashed reports that the torrent was just made from the data at Path. Path is
	// then the content itself, and it is not checked.
	Hashed bool
}

// Options configure a Seeder. Only Listener is required.
type Options struct {
	Listener net.Listener // a TCP listener; Serve closes it

	Client   string   // name and version, sent to peers and trackers; "" means none is sent
	PeerID   [20]byte // zero means a random one
	MaxPeers int      // connected peers, lowered to what the descriptor limit allows; 0 means 2000

	// MaxUploads is the number of peers that are unchoked at once. 0 means all of
	// them, or with MaxUploadRate as many as the rate suffices for.
	MaxUploads int

	MaxUploadRate  int64 // bytes per second; 0 means no limit
	MaxTorrentRate int64 // bytes per second, of each torrent; 0 means no limit

	// A torrent is done when UntilRatio times its size has been uploaded, or when it
	// has been seeded for the time For. 0 means never.
	UntilRatio float64
	For        time.Duration

	// SuperSeed enables super-seeding (BEP 16) for every torrent until all of its
	// pieces have been sent.
	SuperSeed bool

	// Encryption is the policy for encrypted connections; 0 means EncryptionPrefer.
	Encryption Encryption

	// From holds the local addresses to announce from, one per address family to
	// announce over. An unspecified address lets the system choose. If From is empty,
	// the address of Listener is used.
	From []netip.Addr

	// NoPEX disables peer exchange (BEP 11) and the relay of holepunch messages (BEP 55).
	// Private torrents never use them.
	NoPEX bool

	IPs  []netip.Addr // addresses to send to trackers, each over its own address family; if empty, trackers use the sender's address
	Jobs int          // workers for checking; 0 means one per CPU

	Check Check // of data that no earlier check covers; 0 means CheckFull

	// KnownDir is the directory that caches the results of checks, so that unchanged
	// files are not checked again. It may be deleted at any time. "" means no cache.
	KnownDir string

	recheckEvery time.Duration // 0 means defaultRecheckEvery; set by tests

	// DHT, if non-nil, makes this side a node of the DHT, which announces and searches
	// torrents that are not private.
	DHT *DHT

	// LSD announces torrents that are not private on the local network, and searches for
	// peers there (BEP 14).
	LSD bool

	// Event, if non-nil, is called for each event with the time at which it occurred.
	// Calls are serialized, and none is made after Serve returns.
	Event func(time.Time, Event)

	dht discover.Node // nil means that of DHT; set by tests

	delay func() // called before and after each change of state, if non-nil; set by tests
}

// A DHT configures the node of the DHT (BEP 5), which finds peers without trackers.
type DHT = discover.DHT

// Encryption is a policy for message stream encryption (MSE). The zero value is
// EncryptionPrefer.
type Encryption = link.Encryption

// Encryption policies.
const (
	EncryptionPrefer  = link.EncryptionPrefer  // the peer chooses
	EncryptionRequire = link.EncryptionRequire // only RC4
	EncryptionOff     = link.EncryptionOff     // plaintext only, no MSE handshake
)

// Check is the way in which data is checked before it is served.
type Check uint8

// Ways to check data.
const (
	CheckFull  Check = iota // hash it
	CheckQuick              // trust it if all files have the right size, else hash it
	CheckNone               // trust it
)
