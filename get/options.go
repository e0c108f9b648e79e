package get

import (
	"io"
	"net"
	"net/netip"
	"net/url"
	"time"

	"bt/internal/discover"
	"bt/internal/link"
	"bt/internal/metainfo"
)

// Metainfo is a parsed torrent, as returned by inspect.Parse and inspect.ReadFile.
type Metainfo = metainfo.Torrent

// A Magnet is a magnet link, as returned by inspect.ParseMagnet.
type Magnet = metainfo.Magnet

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

// Options configure a Getter. Listener is required, and one of Torrent and Magnet.
type Options struct {
	Torrent *Metainfo
	Magnet  *Magnet // the torrent, whose info dictionary peers have (BEP 9)

	Listener net.Listener // a TCP listener; Run closes it; not used with WebSeedsOnly

	// Dir is the directory in which the content is written; "" means the working
	// directory. Nothing is written outside of it, and no symbolic link is followed.
	Dir string

	// Stream, if non-nil, is what the content is written to instead of Dir: the bytes of
	// the only file that is wanted, in order. Each piece is verified before.
	Stream io.Writer

	// MetadataOnly ends Run when the torrent is complete that a magnet link stands for.
	MetadataOnly bool

	// Choose, if non-nil, returns which files are wanted. It is called once when the
	// torrent is known, and its error ends Run. Without it all files are.
	Choose func(*Metainfo) (wanted func(file int) bool, err error)

	Sequential bool     // pieces are requested in order
	Recheck    bool     // the state of an earlier run is not believed, but its data is hashed
	Force      bool     // files that have their final names and are not those of the torrent are replaced
	Allocate   bool     // space for files is reserved before they are written
	Reuse      []string // directories with files of older releases, which are taken where they prove to be the same

	Trackers   [][]string       // further tiers, after those of the torrent
	Peers      []netip.AddrPort // peers that are called besides those that trackers name
	WebSeeds   WebSeeds         // how web seeds are used
	AllowLocal bool             // URLs and peers of the torrent and its trackers may be at private addresses

	// Proxy, if not nil, returns the proxy for the URL of a web seed, or nil for none.
	Proxy func(*url.URL) (*url.URL, error)

	Client string   // name and version, sent to peers, trackers and web seeds; "" means none is sent
	PeerID [20]byte // zero means a random one

	MaxPeers        int   // connected peers; 0 means 100
	MaxUploads      int   // peers that are unchoked at once; 0 means 8
	MaxDownloadRate int64 // bytes per second, of web seeds too; 0 means no limit
	MaxUploadRate   int64 // bytes per second; 0 means no limit
	MaxMetadata     int64 // bytes of an info dictionary that is fetched from peers; 0 means 256 MiB

	Encryption Encryption

	// From holds the local addresses to announce from, one per address family to
	// announce over. An unspecified address lets the system choose. If From is empty,
	// the address of Listener is used.
	From []netip.Addr

	// NoPEX disables peer exchange (BEP 11) and the relay of holepunch messages (BEP 55).
	// Private torrents never use them. A magnet link does not say that its torrent is
	// private; they are used until that is known.
	NoPEX bool

	IPs []netip.Addr // addresses to send to trackers, each over its own address family; if empty, trackers use the sender's address

	// Timeout is how long to wait for data before Run ends with ErrTimeout. 0 means
	// without end.
	Timeout time.Duration

	// DHT, if non-nil, makes this side a node of the DHT, which announces and searches
	// torrents that are not private.
	DHT *DHT

	// LSD announces torrents that are not private on the local network, and searches for
	// peers there (BEP 14).
	LSD bool

	// Event, if non-nil, is called for each event with the time at which it occurred.
	// Calls are serialized, and none is made after Run returns.
	Event func(time.Time, Event)

	// Set by tests.
	dht        discover.Node // nil means that of DHT
	memory     int64         // bytes of blocks that are not written yet
	haste      int           // by how many times time passes faster for fetches of the info dict and the piece layers
	returnTime time.Duration // replaces that of web seeds
}
