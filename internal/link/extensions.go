package link

import "bt/internal/peer"

// Extensions is a table of the kinds of extended messages that a program receives (BEP
// 10). P is what their handlers get, which stands for the peer.
type Extensions[P any] struct {
	names    []string
	handlers []func(p P, payload []byte) error
}

// Add adds a kind of message. Its id follows from the order of additions.
func (x *Extensions[P]) Add(name string, handle func(p P, payload []byte) error) {
	x.names, x.handlers = append(x.names, name), append(x.handlers, handle)
}

// IDs returns the ids of all kinds by name, as our handshake lists them.
func (x *Extensions[P]) IDs() map[string]uint8 {
	ids := make(map[string]uint8)
	for i, name := range x.names {
		ids[name] = uint8(i + 1)
	}
	return ids
}

// Handler returns the handler for an id of ours, or nil.
func (x *Extensions[P]) Handler(id uint8) func(p P, payload []byte) error {
	if id == peer.ExtHandshake || int(id) > len(x.handlers) {
		return nil
	}
	return x.handlers[id-1]
}

// PeerIDs are the ids that a peer uses for the kinds of a table. The zero value has none.
type PeerIDs []uint8

// Update returns the ids after a handshake of the peer, which changes only what it names.
func (x *Extensions[P]) Update(ids PeerIDs, h *peer.ExtendedHandshake) PeerIDs {
	for i, name := range x.names {
		id, ok := h.Extensions[name]
		if !ok {
			continue
		}
		if ids == nil {
			ids = make(PeerIDs, len(x.names))
		}
		ids[i] = id
	}
	return ids
}

// PeerID returns the id that a peer uses for a kind, or 0 if it does not support it.
func (x *Extensions[P]) PeerID(ids PeerIDs, name string) uint8 {
	for i := range ids {
		if x.names[i] == name {
			return ids[i]
		}
	}
	return 0
}
