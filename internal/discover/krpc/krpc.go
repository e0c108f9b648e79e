// Package krpc implements the messages of nodes of the DHT (BEP 5), with their
// extensions for IPv6 (BEP 32), scrapes (BEP 33), ids that fit addresses (BEP 42) and
// read-only nodes (BEP 43). A message is one UDP packet with one bencoded dict.
//
//	query     {"t": transaction, "y": "q", "q": method, "a": arguments, "ro": 1}
//	response  {"t": transaction, "y": "r", "r": values, "ip": address of the querier}
//	error     {"t": transaction, "y": "e", "e": [code, text]}
//
//	method         arguments                                  values of the response
//	ping           id                                         id
//	find_node      id, target, want                           id, nodes, nodes6
//	get_peers      id, info_hash, want, noseed, scrape        id, nodes, nodes6, token, values, BFsd, BFpe
//	announce_peer  id, info_hash, port, implied_port, token,  id
//	               seed
//
// The package is pure: it has no sockets and no clock. It leaves out the storage of
// arbitrary data (BEP 44) and the indexing of info-hashes (BEP 51).
package krpc

import "net/netip"

// MaxPacket is the length in bytes of the longest packet that Parse accepts. Packets of
// other nodes are seldom longer than 1500.
const MaxPacket = 4096

// The maximum lengths in bytes of strings that a node chooses and others return.
const (
	MaxTransaction = 32
	MaxToken       = 128
)

// maxNodes is the number of nodes of one family that Parse takes from a message. BEP 5
// allows 8; some nodes send 16.
const maxNodes = 32

// A Kind is the kind of a message, the value of its key "y".
type Kind byte

// The kinds.
const (
	Query    Kind = 'q'
	Response Kind = 'r'
	Error    Kind = 'e'
)

// The methods of queries.
const (
	Ping         = "ping"
	FindNode     = "find_node"
	GetPeers     = "get_peers"
	AnnouncePeer = "announce_peer"
)

// The codes of errors.
const (
	CodeGeneric  = 201
	CodeServer   = 202
	CodeProtocol = 203 // malformed packet, invalid arguments or bad token
	CodeMethod   = 204 // method unknown
)

// A Node is the contact of a node.
type Node struct {
	ID   ID
	Addr netip.AddrPort
}

// A Message is a packet. The fields in use depend on Kind and Method.
type Message struct {
	Kind        Kind
	Transaction string
	Version     string // of the sender; may be ""

	// ID is the id of the sender of a query or response.
	ID ID

	// Queries.
	Method      string
	ReadOnly    bool // BEP 43
	HasTarget   bool // Target was sent
	Target      ID   // of find_node; or the info-hash
	Want4       bool // BEP 32: nodes of IPv4 are wanted
	Want6       bool
	NoSeeds     bool   // BEP 33: peers that are no seeds are preferred
	Scrape      bool   // BEP 33: Bloom filters are wanted
	Port        uint16 // announce_peer; 0 if it is missing or invalid
	ImpliedPort bool   // the port that the packet came from is meant
	Seed        bool   // BEP 33: the peer has everything

	// Token is in responses to get_peers, and in announce_peer.
	Token string

	// Responses.
	External   netip.AddrPort // BEP 42: the address of the querier; the zero value if absent
	Nodes      []Node         // of IPv4; nil if absent
	Nodes6     []Node
	Peers      []netip.AddrPort
	SeedFilter *Filter // BEP 33; nil if absent
	PeerFilter *Filter

	// Errors.
	Code int
	Text string
}
