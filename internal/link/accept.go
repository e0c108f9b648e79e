package link

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
)

// Encryption is a policy for message stream encryption (MSE).
type Encryption uint8

// Encryption policies.
const (
	EncryptionPrefer  Encryption = iota // the peer chooses
	EncryptionRequire                   // only RC4
	EncryptionOff                       // plaintext only, no MSE handshake
)

// methods returns the methods to offer or to accept within MSE.
func (e Encryption) methods() mse.Method {
	if e == EncryptionRequire {
		return mse.MethodRC4
	}
	return mse.MethodPlaintext | mse.MethodRC4
}

// Errors of handshakes, besides those of package mse.
var (
	ErrTorrent   = errors.New("the peer asks for an unknown torrent")
	errPlaintext = errors.New("the peer does not use encryption")

	// Many clients try encryption first, so this is no violation.
	errEncrypted = errors.New("the peer uses encryption, or sends garbage")
)

// AcceptOptions configure [Accept].
type AcceptOptions struct {
	Encryption Encryption
	Timeouts   *Timeouts

	// Lookup and Exchange are those of mse.Options.
	Lookup   func(req2 [20]byte) (infoHash [20]byte, ok bool)
	Exchange func(compute func()) error
}

// An Opening is a connection whose peer has named a torrent, and waits for the answer.
type Opening struct {
	Theirs peer.Handshake // without the peer id

	ctx  context.Context
	tcp  *net.TCPConn
	link *Link
	b    []byte // decrypted and not handled yet; the opening of the handshake first
}

// Accept receives the first part of a peer's handshake, encrypted or not: all that is
// before its peer id. The rest of the handshake has the same deadline.
func Accept(ctx context.Context, tcp *net.TCPConn, o AcceptOptions) (*Opening, error) {
	op := &Opening{ctx: ctx, tcp: tcp}
	if err := tcp.SetDeadline(time.Now().Add(o.Timeouts.Handshake)); err != nil {
		return nil, err
	}
	defer op.interruptible()()
	session, err := op.greet(o)
	if err != nil {
		return nil, err
	}
	if op.link, err = New(tcp, session, o.Timeouts); err != nil {
		return nil, err
	}
	if err := op.read(peer.OpeningLength); err != nil {
		return nil, err
	}
	if op.Theirs, err = peer.ParseOpening(op.b); err != nil {
		return nil, err
	}
	if session != nil && session.InfoHash != op.Theirs.InfoHash {
		return nil, ErrTorrent
	}
	return op, nil
}

// greet reads as much as shows whether the peer encrypts and, if it does, answers the
// handshake of MSE. The session is nil for plaintext.
func (op *Opening) greet(o AcceptOptions) (session *mse.Session, err error) {
	first := make([]byte, peer.GreetingLength, peer.HandshakeLength)
	if _, err := io.ReadFull(op.tcp, first); err != nil {
		return nil, err
	}
	switch plaintext := peer.IsHandshake(first); {
	case plaintext && o.Encryption == EncryptionRequire:
		return nil, errPlaintext
	case plaintext:
		op.b = first
		return nil, nil
	case o.Encryption == EncryptionOff:
		return nil, errEncrypted
	}
	session, err = mse.Accept(op.tcp, first, mse.Options{Methods: o.Encryption.methods(), Lookup: o.Lookup, Exchange: o.Exchange})
	if err != nil {
		return nil, err
	}
	op.b = session.Initial
	return session, nil
}

// interruptible makes reads and writes fail when the context ends, until stop is called.
func (op *Opening) interruptible() (stop func() bool) {
	return context.AfterFunc(op.ctx, func() { _ = op.tcp.SetDeadline(time.Unix(1, 0)) })
}

// read receives until op.b has at least n bytes.
func (op *Opening) read(n int) error {
	if len(op.b) >= n {
		return nil
	}
	more := make([]byte, n-len(op.b))
	if _, err := io.ReadFull(op.tcp, more); err != nil {
		return err
	}
	op.link.crypto.Decrypt(more)
	op.b = append(op.b, more...)
	return nil
}

// Link returns the link that the connection becomes when Complete has returned. Before
// that it may only be closed.
func (op *Opening) Link() *Link { return op.link }

// Complete sends our handshake and receives the rest of the peer's. early is the data
// that followed it. The answer is sent first, because the NAT check of a tracker never
// sends its peer id.
func (op *Opening) Complete(ours peer.Handshake) (theirs peer.Handshake, early []byte, err error) {
	defer op.interruptible()()
	if err := op.answer(ours); err != nil {
		return theirs, nil, err
	}
	if err := op.read(peer.HandshakeLength); err != nil {
		return theirs, nil, err
	}
	if theirs, err = peer.ParseHandshake(op.b); err != nil {
		return theirs, nil, err
	}
	// An error means that the connection is closed, which the next read reports.
	_ = op.tcp.SetDeadline(time.Time{})
	return theirs, op.b[peer.HandshakeLength:], nil
}

func (op *Opening) answer(ours peer.Handshake) error {
	b := ours.Append(nil)
	op.link.crypto.Encrypt(b)
	_, err := op.tcp.Write(b)
	return err
}

// AnswerCheck sends our handshake only if the peer sends no peer id for a time. This is
// how the NAT check of a tracker looks, while a peer that is refused gets no answer.
func (op *Opening) AnswerCheck(ours peer.Handshake, wait time.Duration) {
	defer op.interruptible()()
	_ = op.tcp.SetReadDeadline(time.Now().Add(wait))
	if errors.Is(op.read(peer.HandshakeLength), os.ErrDeadlineExceeded) {
		_ = op.answer(ours)
	}
}
