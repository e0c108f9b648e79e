package availability

import (
	"fmt"

	"bt/internal/link"
	"bt/internal/peer"
)

// maxUnknown is the maximum length in bytes of a bitfield while the number of pieces is
// unknown: half a million pieces.
const maxUnknown = 64 << 10

// A claim is what a peer says that it has. It is checked by the number of pieces later,
// which may not be known before.
type claim struct {
	stated     bool          // a bitfield, have all or have none has arrived
	all        bool          // have all
	length     int           // of the bitfield message; -1: there was none
	bits       peer.Bitfield // the pieces, unless all is set; it may be shorter than needed
	uploadOnly bool          // the peer does not download (BEP 21)
}

// add adds a message about the pieces of the peer. limit is the maximum length of a
// bitfield.
func (c *claim) add(m peer.Message, limit int) error {
	if m.ID == peer.IDHave {
		return c.have(m.Index, limit)
	}
	if c.stated {
		return fmt.Errorf("%w: a second statement of all its pieces: %v", link.ErrProtocol, m.ID)
	}
	c.stated, c.length = true, -1
	switch m.ID {
	case peer.IDHaveAll:
		c.all = true
	case peer.IDBitfield:
		if len(m.Payload) > limit {
			return fmt.Errorf("%w: a bitfield of %d bytes", link.ErrProtocol, len(m.Payload))
		}
		c.length = len(m.Payload)
		if more := c.length - len(c.bits); more > 0 {
			c.bits = append(c.bits, make([]byte, more)...)
		}
		for i, b := range m.Payload { // some clients send a have before
			c.bits[i] |= b
		}
	}
	return nil
}

// have adds a piece.
func (c *claim) have(index uint32, limit int) error {
	at := int64(index) / 8
	switch {
	case at >= int64(limit):
		return fmt.Errorf("%w: it names piece %d", link.ErrProtocol, index)
	case c.all:
		return nil
	}
	if more := int(at) + 1 - len(c.bits); more > 0 {
		c.bits = append(c.bits, make([]byte, more)...)
	}
	c.bits.Set(int(index))
	return nil
}

// pieces returns the pieces of a peer, which may be shorter than a bitfield. It returns
// false if the torrent has other pieces. If all is set, it returns none.
func (c *claim) pieces(n int) (has peer.Bitfield, ok bool) {
	want := lengthFor(n)
	switch {
	case c.all:
		return nil, true
	case c.stated && c.length >= 0 && c.length != want, len(c.bits) > want:
		return nil, false
	case len(c.bits) < want:
		return c.bits, true
	}
	has, err := peer.ParseBitfield(c.bits, n)
	return has, err == nil
}

// lengthFor returns the length in bytes of a bitfield for a number of pieces.
func lengthFor(pieces int) int { return (pieces + 7) / 8 }
