// Package link holds one connection to a peer: its handshake, its encryption, and
// messages in both directions.
//
// [Accept] and [Opening] answer the handshake of a peer that has connected. A [Link] is
// the connection after that. [Link.Run] reads messages and passes them to a [Handler],
// which decides what they mean; what the handler queues is sent between its calls.
package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
)

// Timeouts limit how long a peer may take for a step or stay silent.
type Timeouts struct {
	Handshake time.Duration // for the whole handshake
	KeepAlive time.Duration // after the last message sent, until a keep-alive is sent
	Drop      time.Duration // after the last message received, until the peer is dropped
	Stall     time.Duration // for the peer to receive a block
}

// DefaultTimeouts are for the Internet.
var DefaultTimeouts = Timeouts{
	Handshake: 10 * time.Second,
	KeepAlive: 110 * time.Second,
	Drop:      5 * time.Minute,
	Stall:     time.Minute,
}

// Reasons to close a connection. Errors of the peer also wrap *peer.Error and *mse.Error.
var (
	ErrProtocol = errors.New("the peer violates the protocol")
	ErrSilent   = errors.New("the peer has been silent for five minutes")
)

// IsViolation reports whether a connection has ended with an error because of a
// violation by the peer.
func IsViolation(err error) bool {
	_, garbage := errors.AsType[*peer.Error](err)
	if _, ok := errors.AsType[*mse.Error](err); ok {
		garbage = !errors.Is(err, mse.ErrTorrent) && !errors.Is(err, mse.ErrMethod)
	}
	return garbage || errors.Is(err, ErrProtocol)
}

// A Handler decides what to do with the messages of a link, and what to send. All calls
// are made by the goroutine of [Link.Run].
type Handler interface {
	// Prepare queues messages that are to be sent.
	Prepare()

	// Send writes blocks, if any are to be sent, by Write or WriteEncrypted. It returns
	// the time until which to wait for the peer, or the zero time if there may be more
	// to send at once.
	Send() (until time.Time, err error)

	// Midway reports whether Send has sent a message in part. Until the rest is sent,
	// Prepare is not called, and no queued message is sent.
	Midway() bool

	// Owes returns how many blocks the peer owes us. If there are any, the link also
	// reads while the peer accepts no data, and uses large reads.
	Owes() int

	// Handle handles a message, which is valid only during the call. It may keep a block
	// by Keep.
	Handle(m peer.Message) error

	// Handled is called when the messages that have arrived together are handled.
	Handled() error

	// Begun is called for a message of n bytes that has arrived in part, and begins with
	// b. It may refuse the message by an error, or return true to ignore it without
	// keeping it.
	Begun(id peer.ID, b []byte, n int) (ignore bool, err error)

	// Rest frees memory that is not needed while the peer is idle.
	Rest()
}

// MaxWrite is the maximum number of bytes that a handler should write at once.
const MaxWrite = 1 << 20

const (
	// maxOut is the length of Link.out from which on further messages of the peer are
	// left unhandled until it is sent. A single answer may exceed it.
	maxOut = 4 << 10

	// minRoom is the minimum of Link.room.
	minRoom = 32 << 10

	// encryptLength is how many bytes are encrypted at once before they are written.
	// Bytes that the socket does not accept are encrypted again later.
	encryptLength = 32 << 10

	// stallBytes is what a peer must receive within Timeouts.Stall to count as alive.
	// The slowest peer that is served thus receives a block per minute.
	stallBytes = peer.BlockLength
)

// A Link is a connection to a peer, for one torrent. One goroutine calls its methods,
// except where they say otherwise. It holds no buffer while it waits for the peer, except
// for the message that has arrived in part.
type Link struct {
	Addr netip.AddrPort // of the peer

	socket   *socket
	crypto   *mse.Session // nil: plaintext
	timeouts *Timeouts
	pieces   int // of the torrent, or peer.UnknownPieces
	woken    atomic.Bool

	inbox        inbox
	block        *[peer.BlockLength]byte // of the message that is handled; nil: it is not to be kept
	in           []byte                  // start of an incomplete message, or whole messages if more is set
	more         bool                    // in holds messages that wait for room in out, or for resume
	resume       time.Time
	fast         bool   // the last read was so long that gathering may pay
	skip         int    // bytes still to be received of a message that is ignored
	room         int64  // estimate of the bytes that the socket accepts at once
	full         bool   // the socket did not accept all of the last write
	out          []byte // messages to be sent
	sealed       int    // bytes of out that are encrypted already
	lastReceived time.Time
	lastSent     time.Time
}

// New returns the link of a connection, which is encrypted unless crypto is nil.
func New(tcp *net.TCPConn, crypto *mse.Session, t *Timeouts) (*Link, error) {
	s, err := newSocket(tcp)
	if err != nil {
		return nil, err
	}
	return &Link{Addr: AddrOf(tcp.RemoteAddr()), socket: s, crypto: crypto, timeouts: t, room: MaxWrite}, nil
}

// AddrOf returns an address of package net, without IPv4 mapped to IPv6.
func AddrOf(a net.Addr) netip.AddrPort {
	addr, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// Run handles messages until the connection ends, and returns the reason. The torrent
// has the given number of pieces, or peer.UnknownPieces, and early is the data that followed the peer's
// handshake.
func (l *Link) Run(ctx context.Context, pieces int, early []byte, h Handler) error {
	// Close rather than wake: the goroutine may be waiting to send, and would set a
	// new deadline.
	stop := context.AfterFunc(ctx, l.Close)
	defer stop()
	defer l.inbox.drop()
	l.pieces = pieces
	l.lastReceived, l.lastSent = time.Now(), time.Now()
	if err := l.parse(early, h); err != nil {
		return err
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !h.Midway() {
			h.Prepare()
			if err := l.flush(); err != nil {
				return err
			}
		}
		var until time.Time
		if !l.full {
			var err error
			if until, err = h.Send(); err != nil {
				return err
			}
		}
		if l.full {
			if err := l.await(h); err != nil {
				return err
			}
		}
		if err := l.listen(until, h); err != nil {
			return err
		}
	}
}

// SetPieces sets the number of pieces of a torrent for which it was unknown. A method of
// the handler may call it.
func (l *Link) SetPieces(n int) { l.pieces = n }

// Close closes the connection. Any goroutine may call it.
func (l *Link) Close() { l.socket.Close() }

// Shut closes the connection after what was sent. Closing a socket with unread data would
// reset it, and lose data on the way.
func (l *Link) Shut() {
	_ = l.socket.CloseWrite()
	l.Close()
}

// Wake interrupts Run if it waits for the peer, so that it calls Prepare. Any goroutine
// may call it.
func (l *Link) Wake() {
	l.woken.Store(true)
	_ = l.socket.SetReadDeadline(time.Unix(1, 0))
}

// Encrypts reports whether what is sent is encrypted.
func (l *Link) Encrypts() bool { return l.crypto.Encrypts() }

// Queue queues a message.
func (l *Link) Queue(m peer.Message) { l.out = m.Append(l.out) }

// QueueBytes queues the messages that add appends.
func (l *Link) QueueBytes(add func(b []byte) []byte) { l.out = add(l.out) }

// Pause lets further messages of the peer wait until a time.
func (l *Link) Pause(until time.Time) { l.resume = until }

// Alive counts the peer as not silent, for progress that shows in no message.
func (l *Link) Alive() { l.lastReceived = time.Now() }
