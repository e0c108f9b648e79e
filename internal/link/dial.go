package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
)

// DialOptions configure [Dial].
type DialOptions struct {
	Timeouts *Timeouts

	// Encrypt uses MSE, with the methods of Encryption. Otherwise the connection is
	// plain.
	Encrypt    bool
	Encryption Encryption

	From netip.Addr // the local address; the zero value lets the system choose

	// Accepts reports whether an info-hash is that of the torrent. A peer may answer
	// with the v2 info-hash of a hybrid torrent (BEP 52).
	Accepts func(infoHash [20]byte) bool
}

// Dial connects to a peer and exchanges handshakes. early is the data that followed the
// peer's handshake, for [Link.Run].
func Dial(ctx context.Context, addr netip.AddrPort, ours peer.Handshake, o DialOptions) (l *Link, theirs peer.Handshake, early []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeouts.Handshake)
	defer cancel()
	var dialer net.Dialer
	if o.From.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.From, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, theirs, nil, err
	}
	op := &Opening{ctx: ctx, tcp: conn.(*net.TCPConn)}
	if theirs, err = op.introduce(ours, o); err != nil {
		conn.Close()
		return nil, theirs, nil, err
	}
	return op.link, theirs, op.b[peer.HandshakeLength:], nil
}

// introduce sends our handshake and receives the peer's.
func (op *Opening) introduce(ours peer.Handshake, o DialOptions) (theirs peer.Handshake, err error) {
	deadline, _ := op.ctx.Deadline()
	if err := op.tcp.SetDeadline(deadline); err != nil {
		return theirs, err
	}
	defer op.interruptible()()
	var session *mse.Session
	if o.Encrypt {
		session, err = mse.Initiate(op.tcp, ours.InfoHash, mse.Options{Methods: o.Encryption.methods()}, ours.Append(nil))
		if err != nil {
			return theirs, err
		}
		op.b = session.Initial
	}
	if op.link, err = New(op.tcp, session, o.Timeouts); err != nil {
		return theirs, err
	}
	if !o.Encrypt {
		if err := op.answer(ours); err != nil {
			return theirs, err
		}
	}
	if err := op.read(peer.HandshakeLength); err != nil {
		return theirs, err
	}
	if theirs, err = peer.ParseHandshake(op.b); err != nil {
		return theirs, err
	}
	if !o.Accepts(theirs.InfoHash) {
		return theirs, ErrOtherTorrent
	}
	return theirs, op.tcp.SetDeadline(time.Time{})
}

// ErrOtherTorrent is returned by [Dial] if the peer has another torrent.
var ErrOtherTorrent = errors.New("the peer answers for another torrent")
