package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// UDP through a SOCKS5 proxy (RFC 1928, RFC 1929): a TCP connection asks the
// proxy for a relay and keeps it open; every packet to and from the relay has a
// header that names the other end.
//
//	hello    | 5 | methods 1 | method ...    answer | 5 | method |
//	password | 1 | length | name | length | password |      | 1 | 0 |
//	request  | 5 | 3 | 0 | address |         answer | 5 | reply | 0 | address |
//	packet   | 0 | 0 | fragment | address | data
//	address  | 1 | IPv4 | port |   | 3 | length | name | port |   | 4 | IPv6 | port |
//
// No library is used: those that were tried accept packets from any sender, treat
// fragments as data, or hang if the proxy does.

const (
	socksNoPassword   = 0
	socksPassword     = 2
	socksUDPAssociate = 3

	socksIPv4 = 1
	socksName = 3
	socksIPv6 = 4
)

// socksReplies are the reasons for which a proxy refuses a request.
var socksReplies = map[byte]string{
	1: "general failure", 2: "not allowed", 3: "network unreachable", 4: "host unreachable",
	5: "connection refused", 6: "time to live expired", 7: "it can't carry UDP", 8: "address type not supported",
}

// dialSOCKS5 returns a connection over UDP through the proxy, which resolves the
// name.
func (c *Client) dialSOCKS5(ctx context.Context, proxy *url.URL, host string, port uint16) (net.Conn, error) {
	proxyPort := proxy.Port()
	if proxyPort == "" {
		proxyPort = "1080"
	}
	control, err := c.dialer("tcp").DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), proxyPort))
	if err != nil {
		return nil, proxyError(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = control.SetDeadline(time.Unix(1, 0)) })
	relay, err := associate(control, proxy.User)
	if !stop() {
		err = ctx.Err() // and no deadline is set later
	}
	var conn net.Conn
	if err == nil {
		conn, err = c.dialer("udp").DialContext(ctx, "udp", relay)
	}
	if err != nil {
		control.Close()
		return nil, proxyError(err)
	}
	s := &socksConn{Conn: conn, control: control, header: appendSOCKSAddr([]byte{0, 0, 0}, host, port)}
	s.hungUp, s.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.done)
		// The proxy keeps the relay as long as this connection is open, and sends
		// nothing more over it.
		_, _ = io.Copy(io.Discard, control)
		close(s.hungUp)
		conn.Close()
	}()
	return s, nil
}

func proxyError(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) {
		return err // the proxy has not failed
	}
	_, why := classify(err)
	return &Error{Status: StatusProxy, Msg: "the proxy can't be used: " + why, Err: err}
}

// associate requests a relay and returns its address.
func associate(control net.Conn, user *url.Userinfo) (relay string, err error) {
	if err := authenticate(control, user); err != nil {
		return "", err
	}
	request := appendSOCKSAddr([]byte{5, socksUDPAssociate, 0}, "0.0.0.0", 0) // our address is not known yet
	var answer [4]byte
	if err := askSOCKS(control, request, answer[:]); err != nil {
		return "", err
	}
	if answer[0] != 5 {
		return "", errNotSOCKS5
	}
	if answer[1] != 0 {
		why := socksReplies[answer[1]]
		if why == "" {
			why = fmt.Sprintf("error %d", answer[1])
		}
		return "", &Error{Status: StatusProxy, Msg: "the proxy refuses: " + why}
	}
	return readRelay(control, answer[3])
}

// errNotSOCKS5 is the error of an answer with another version.
var errNotSOCKS5 = &Error{Status: StatusProxy, Msg: "the proxy does not speak SOCKS5"}

// authenticate agrees on a method with the proxy and gives it the name and the
// password, if it asks for them.
func authenticate(control net.Conn, user *url.Userinfo) error {
	name := user.Username()
	password, _ := user.Password()
	if len(name) > 255 || len(password) > 255 {
		return &Error{Status: StatusProxy, Msg: "the name or the password for the proxy is too long"}
	}
	hello := []byte{5, 1, socksNoPassword}
	if user != nil {
		hello = []byte{5, 2, socksNoPassword, socksPassword}
	}
	var answer [2]byte
	if err := askSOCKS(control, hello, answer[:]); err != nil {
		return err
	}
	switch method := answer[1]; {
	case answer[0] != 5:
		return errNotSOCKS5
	case method == socksNoPassword:
		return nil
	case user == nil:
		return proxyAnswer(http.StatusProxyAuthRequired)
	case method != socksPassword:
		return &Error{Status: StatusProxy, Msg: "the proxy accepts no name and password"}
	}
	request := append([]byte{1, byte(len(name))}, name...)
	request = append(append(request, byte(len(password))), password...)
	if err := askSOCKS(control, request, answer[:]); err != nil {
		return err
	}
	if answer[1] != 0 {
		return &Error{Status: StatusProxy, Msg: "the proxy does not accept this name and password"}
	}
	return nil
}

// askSOCKS sends a request and fills answer.
func askSOCKS(control net.Conn, request, answer []byte) error {
	if _, err := control.Write(request); err != nil {
		return err
	}
	_, err := io.ReadFull(control, answer)
	return err
}

// readRelay reads the address of the relay behind its kind.
func readRelay(control net.Conn, kind byte) (string, error) {
	address := []byte{kind}
	length := 0 // without the port
	switch kind {
	case socksIPv4:
		length = 4
	case socksIPv6:
		length = 16
	case socksName:
		var n [1]byte
		if _, err := io.ReadFull(control, n[:]); err != nil {
			return "", err
		}
		address, length = append(address, n[0]), int(n[0])
	default:
		return "", &Error{Status: StatusProxy, Msg: "the proxy gives an address of no known kind"}
	}
	rest := make([]byte, length+2)
	if _, err := io.ReadFull(control, rest); err != nil {
		return "", err
	}
	host, port, _, ok := cutSOCKSAddr(append(address, rest...))
	if !ok || host == "" || port == 0 {
		return "", &Error{Status: StatusProxy, Msg: "the proxy gives an address that makes no sense"}
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host, _, _ = net.SplitHostPort(control.RemoteAddr().String()) // "here"
	}
	return net.JoinHostPort(host, fmt.Sprint(port)), nil
}

func appendSOCKSAddr(b []byte, host string, port uint16) []byte {
	switch ip, err := netip.ParseAddr(host); {
	case err != nil:
		b = append(append(b, socksName, byte(len(host))), host...) // a tracker.URL has no longer ones
	case ip.Is4():
		b = append(append(b, socksIPv4), ip.AsSlice()...)
	default:
		b = append(append(b, socksIPv6), ip.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(b, port)
}

func cutSOCKSAddr(b []byte) (host string, port uint16, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", 0, nil, false
	}
	start, n := 1, 0
	switch b[0] {
	case socksIPv4:
		n = 4
	case socksIPv6:
		n = 16
	case socksName:
		start, n = 2, int(b[1])
	default:
		return "", 0, nil, false
	}
	if len(b) < start+n+2 {
		return "", 0, nil, false
	}
	host = string(b[start : start+n])
	if ip, ok := netip.AddrFromSlice([]byte(host)); ok && b[0] != socksName {
		host = ip.Unmap().String()
	}
	return host, binary.BigEndian.Uint16(b[start+n:]), b[start+n+2:], true
}

// A socksConn carries packets through a relay to one other end. One goroutine
// may read.
type socksConn struct {
	net.Conn          // to the relay; connected, so that packets from others are dropped
	control  net.Conn // the relay ends with it
	header   []byte   // of packets to the other end

	hungUp chan struct{} // closed when control has ended
	done   chan struct{} // closed when the goroutine that waits for that has ended

	mu   sync.Mutex
	from netip.AddrPort // the sender of the last packet; zero if it is a name
}

func (c *socksConn) Close() error {
	c.control.Close()
	<-c.done
	return nil
}

func (c *socksConn) Write(p []byte) (int, error) {
	if _, err := c.Conn.Write(append(append(make([]byte, 0, len(c.header)+len(p)), c.header...), p...)); err != nil {
		return 0, c.relayError(err)
	}
	return len(p), nil
}

// Read reads the next packet that is not a fragment. It does not check the sender, which
// may be a name: the transaction id shows whether the packet is an answer.
func (c *socksConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil {
			return 0, c.relayError(err)
		}
		if n < 4 || p[0] != 0 || p[1] != 0 || p[2] != 0 { // p[2]: a fragment
			continue
		}
		host, port, data, ok := cutSOCKSAddr(p[3:n])
		if !ok {
			continue
		}
		ip, _ := netip.ParseAddr(host) // the zero Addr for a name
		c.mu.Lock()
		c.from = netip.AddrPortFrom(ip, port)
		c.mu.Unlock()
		return copy(p, data), nil
	}
}

func (c *socksConn) relayError(err error) error {
	select {
	case <-c.hungUp:
		return &Error{Status: StatusProxy, Msg: "the proxy has closed the connection", Err: err}
	default:
		return proxyError(err)
	}
}

// RemoteAddr returns the sender of the last packet if the proxy gave its address,
// else 0.0.0.0: the IP version is not known then, and most peers have IPv4.
func (c *socksConn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from.Addr().IsValid() {
		return net.UDPAddrFromAddrPort(c.from)
	}
	return &net.UDPAddr{IP: net.IPv4zero}
}
