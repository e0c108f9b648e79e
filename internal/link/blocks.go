package link

import (
	"encoding/binary"

	"bt/internal/peer"
	"bt/internal/pool"
)

// Keep returns the memory of the block of the message that is being handled, if it has memory
// of its own, from pool.Blocks. The caller must give it back there. Otherwise it returns nil,
// and the block is valid only during the call of the handler.
func (l *Link) Keep() *pool.Block {
	b := l.block
	l.block = nil
	return b
}

// choose chooses where to receive: in slots if the peer owes blocks, unless another message
// has arrived in part. What has arrived in part is moved there.
func (l *Link) choose(expects bool) {
	in := &l.inbox
	in.blocks = expects && l.skip == 0
	switch {
	case in.blocks && len(l.in) > 0:
		if in.blocks = in.adopt(l.in); in.blocks {
			l.in = l.in[:0]
		}
	case !in.blocks && in.got > 0:
		l.in = in.release(l.in)
	}
}

// takeSlots handles the messages in slots that have n further bytes.
func (l *Link) takeSlots(n int, h Handler) error {
	in := &l.inbox
	n, most := in.got+n, in.size
	in.got = 0
	for i := 0; n > 0; i++ {
		s, here := in.slot(i), min(n, most)
		size, ok := s.size(here)
		switch {
		case !ok || here > size || l.waits():
			return l.spill(i, n, most, h)
		case here < size:
			in.hold(s, here, size)
			return l.begin(h)
		}
		if err := l.handleSlot(s, size, h); err != nil {
			return err
		}
		n, most = n-here, blockMessage
	}
	return nil
}

// handleSlot handles the message in a slot.
func (l *Link) handleSlot(s slot, size int, h Handler) error {
	m := peer.Message{
		ID:    peer.IDPiece,
		Index: binary.BigEndian.Uint32(s.head[idEnd:]), Begin: binary.BigEndian.Uint32(s.head[idEnd+4:]),
		Payload: (*s.block)[:size-len(s.head)],
	}
	l.block, *s.block = *s.block, nil
	err := h.Handle(m)
	*s.block = l.Keep() // nil if the handler has kept it
	return err
}

// spill handles n bytes in slots from the first of them on, where other messages are than
// those that the slots are for. most is how many of them are in that slot.
func (l *Link) spill(i, n, most int, h Handler) error {
	var parts [2][]byte
	for ; n > 0; i++ {
		here := min(n, most)
		for _, p := range l.inbox.slot(i).rest(parts[:0], 0, here) {
			if err := l.split(p, h); err != nil {
				return err
			}
		}
		n, most = n-here, blockMessage
	}
	return nil
}

// begin asks the handler about the message in the first slot.
func (l *Link) begin(h Handler) error {
	in := &l.inbox
	if in.got < idEnd {
		return nil
	}
	ignore, err := h.Begun(peer.IDPiece, in.head[:min(in.got, len(in.head))], in.size)
	if ignore {
		l.skip, in.got = in.size-in.got, 0
	}
	return err
}
