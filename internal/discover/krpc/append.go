package krpc

import (
	"net/netip"

	"bt/internal/bencode"
)

// Append appends the packet. Nodes must be of the family of their field; other addresses
// may be of either.
func (m *Message) Append(b []byte) []byte {
	var e bencode.Encoder
	e.Dict()
	switch m.Kind {
	case Query:
		e.Key("a")
		m.arguments(&e)
	case Error:
		e.Key("e")
		e.List()
		e.Int(int64(m.Code))
		e.String(m.Text)
		e.End()
	}
	if m.External.IsValid() {
		e.Key("ip")
		e.Blob(appendAddr(nil, m.External))
	}
	switch m.Kind {
	case Query:
		text(&e, "q", m.Method)
	case Response:
		e.Key("r")
		m.values(&e)
	}
	flag(&e, "ro", m.ReadOnly)
	text(&e, "t", m.Transaction)
	if m.Version != "" {
		text(&e, "v", m.Version)
	}
	text(&e, "y", string(m.Kind))
	e.End()
	return append(b, e.Bytes()...)
}

func (m *Message) arguments(e *bencode.Encoder) {
	e.Dict()
	text(e, "id", string(m.ID[:]))
	flag(e, "implied_port", m.ImpliedPort)
	ofPeers := m.Method == GetPeers || m.Method == AnnouncePeer
	if m.HasTarget && ofPeers {
		text(e, "info_hash", string(m.Target[:]))
	}
	flag(e, "noseed", m.NoSeeds)
	if m.Port != 0 {
		e.Key("port")
		e.Int(int64(m.Port))
	}
	flag(e, "scrape", m.Scrape)
	flag(e, "seed", m.Seed)
	if m.HasTarget && !ofPeers {
		text(e, "target", string(m.Target[:]))
	}
	if m.Token != "" {
		text(e, "token", m.Token)
	}
	if m.Want4 || m.Want6 {
		e.Key("want")
		e.List()
		if m.Want4 {
			e.String("n4")
		}
		if m.Want6 {
			e.String("n6")
		}
		e.End()
	}
	e.End()
}

func (m *Message) values(e *bencode.Encoder) {
	e.Dict()
	filter(e, "BFpe", m.PeerFilter)
	filter(e, "BFsd", m.SeedFilter)
	text(e, "id", string(m.ID[:]))
	nodes(e, "nodes", m.Nodes)
	nodes(e, "nodes6", m.Nodes6)
	if m.Token != "" {
		text(e, "token", m.Token)
	}
	if len(m.Peers) > 0 {
		e.Key("values")
		e.List()
		for _, p := range m.Peers {
			e.Blob(appendAddr(nil, p))
		}
		e.End()
	}
	e.End()
}

func text(e *bencode.Encoder, key, value string) {
	e.Key(key)
	e.String(value)
}

func flag(e *bencode.Encoder, key string, set bool) {
	if set {
		e.Key(key)
		e.Int(1)
	}
}

func filter(e *bencode.Encoder, key string, f *Filter) {
	if f != nil {
		e.Key(key)
		e.Blob(f[:])
	}
}

func nodes(e *bencode.Encoder, key string, list []Node) {
	if list == nil {
		return
	}
	b := make([]byte, 0, len(list)*(len(ID{})+compact6))
	for _, n := range list {
		b = append(b, n.ID[:]...)
		b = appendAddr(b, n.Addr)
	}
	e.Key(key)
	e.Blob(b)
}

// appendAddr appends an address in compact form.
func appendAddr(b []byte, a netip.AddrPort) []byte {
	b = append(b, a.Addr().AsSlice()...)
	return append(b, byte(a.Port()>>8), byte(a.Port()))
}
