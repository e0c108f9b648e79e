package availability

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
)

// times limit how long a peer is listened to, after the handshake.
type times struct {
	listen time.Duration // for the statement of its pieces and its extended handshake
	quiet  time.Duration // after those, for have messages that follow at once
	fetch  time.Duration // for the info dict
}

func timesOf(timeout time.Duration) times { return times{timeout, timeout / 5, 6 * timeout} }

// fetchTick is the time between two looks at requests for the info dict that are overdue.
const fetchTick = time.Second

// maxIn is the maximum length of an extended message without a piece of the info dict.
const maxIn = 8 << 10

// errHeard ends a connection to a peer that has been listened to.
var errHeard = errors.New("there is nothing more to hear")

// A conn is a connection to a peer. It is the handler of its link.
type conn struct {
	*link.Link
	asker *asker
	hello peer.Handshake // of the peer
	began time.Time      // the end of the handshake
	last  time.Time      // the last message that said something new
	heard bool           // any message has arrived
	flood swarm.Flood
	claim claim

	introduced bool // its extended handshake has arrived
	client     string
	extensions link.PeerIDs

	// Guarded by asker.mu.
	requests []int // pieces of the info dict to request
	lied     bool
}

// listen listens to the peer, and reports whether it has answered.
func (c *conn) listen(ctx context.Context, early []byte) bool {
	t := c.asker.times
	ctx, cancel := context.WithTimeout(ctx, t.listen+t.fetch)
	defer cancel()
	defer c.leave()
	if c.hello.Has(peer.FeatureExtensions) {
		h := peer.ExtendedHandshake{Extensions: extensions.IDs(), Client: c.asker.options.Client, YourIP: c.Addr.Addr()}
		c.QueueBytes(h.Append)
	}
	if c.hello.Has(peer.FeatureFast) {
		c.Queue(peer.Message{ID: peer.IDHaveNone})
	}
	pieces := peer.UnknownPieces
	if c.asker.known > 0 {
		pieces = c.asker.known
	}
	err := c.Run(ctx, pieces, early, c)
	switch {
	case errors.Is(err, errHeard): // a peer without pieces need not state that (BEP 3)
		return c.claim.stated || c.heard
	case link.IsViolation(err):
		return false
	}
	return c.claim.stated
}

// until returns when to stop listening, unless the peer says more.
func (c *conn) until() time.Time {
	t := c.asker.times
	end := c.began.Add(t.listen)
	complete := c.claim.stated && (c.introduced || !c.hello.Has(peer.FeatureExtensions))
	switch {
	case complete && c.claim.all:
		return c.last
	case complete && c.last.Add(t.quiet).Before(end):
		return c.last.Add(t.quiet)
	}
	return end
}

// Prepare queues requests for the info dict.
func (c *conn) Prepare() { c.requestMetadata() }

// Send ends the connection when the peer has been listened to.
func (c *conn) Send() (until time.Time, err error) {
	now := time.Now()
	until = c.until()
	if c.fetches() && now.Before(c.began.Add(c.asker.times.fetch)) {
		until = now.Add(fetchTick)
	}
	if !now.Before(until) {
		return time.Time{}, errHeard
	}
	return until, nil
}

// Midway reports false: no block is sent.
func (c *conn) Midway() bool { return false }

// Owes returns 0: no block is requested.
func (c *conn) Owes() int { return 0 }

// Handled does nothing.
func (c *conn) Handled() error { return nil }

// Rest does nothing.
func (c *conn) Rest() {}

// Begun refuses or ignores long messages.
func (c *conn) Begun(id peer.ID, b []byte, n int) (ignore bool, err error) {
	switch id {
	case peer.IDPiece, peer.IDHashes:
		return false, unrequested(id)
	case peer.IDBitfield:
		if n > c.limit()+5 {
			return false, fmt.Errorf("%w: its bitfield has %d bytes", link.ErrProtocol, n)
		}
	case peer.IDExtended:
		const header = 6 // including the extension's number
		switch {
		case n <= maxIn || len(b) < header:
			return false, nil
		case b[header-1] == peer.ExtHandshake:
			return false, fmt.Errorf("%w: its extended handshake has %d bytes", link.ErrProtocol, n)
		case b[header-1] == extensions.IDs()[peer.MetadataName] && c.owesMetadata():
			return false, nil
		}
		return true, c.flood.Pay(swarm.CostLong(n))
	}
	return false, nil
}

func unrequested(id peer.ID) error {
	return fmt.Errorf("%w: it sends a %v message that was not requested", link.ErrProtocol, id)
}

// limit returns the maximum length of a bitfield.
func (c *conn) limit() int {
	if n := c.asker.known; n > 0 {
		return lengthFor(n)
	}
	return maxUnknown
}

// Handle handles a message.
func (c *conn) Handle(m peer.Message) error {
	c.heard = true
	switch m.ID {
	case peer.IDBitfield, peer.IDHaveAll, peer.IDHaveNone, peer.IDHave:
		c.last = time.Now()
		if err := c.claim.add(m, c.limit()); err != nil {
			return err
		}
	case peer.IDPiece, peer.IDHashes:
		return unrequested(m.ID)
	case peer.IDExtended:
		return c.handleExtended(m)
	}
	return c.flood.Pay(swarm.CostSmall)
}

// extensions are the kinds of extended messages that are handled.
var extensions link.Extensions[*conn]

// handleExtended handles an extended message.
func (c *conn) handleExtended(m peer.Message) error {
	if m.Extension != peer.ExtHandshake {
		if handle := extensions.Handler(m.Extension); handle != nil {
			return handle(c, m.Payload)
		}
		return c.flood.Pay(swarm.CostLong(len(m.Payload)))
	}
	h, err := peer.ParseExtendedHandshake(m.Payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	if !c.introduced {
		c.introduced, c.last, c.client = true, time.Now(), h.Client
	}
	c.claim.uploadOnly = c.claim.uploadOnly || h.UploadOnly
	c.extensions = extensions.Update(c.extensions, &h)
	c.offerMetadata(h.MetadataSize)
	return c.flood.Pay(swarm.CostHandshake)
}

// isOther reports whether a peer has answered for another torrent.
func isOther(err error) bool { return errors.Is(err, link.ErrOtherTorrent) }
