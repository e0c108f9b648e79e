package link

import (
	"time"

	"bt/internal/peer"
)

const (
	// A link that waits for a peer that sends much wakes up when gatherLength bytes have
	// arrived, or after gatherTime: to wake up costs as much as to receive some blocks.
	gatherLength = 128 << 10
	gatherTime   = 20 * time.Millisecond

	// gatherOwed is how many blocks such a peer owes at least, so that it never waits for
	// requests because of that.
	gatherOwed = 4 * gatherLength / peer.BlockLength
)

// gathers reports whether to wait until gatherLength bytes have arrived, if the system can.
func (l *Link) gathers(h Handler) bool {
	return l.socket.gather(l.fast && h.Owes() >= gatherOwed)
}
