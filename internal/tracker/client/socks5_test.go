package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// A socksFake is a SOCKS5 proxy for UDP. If its fields are zero, it behaves correctly.
type socksFake struct {
	t        *testing.T
	proxy    *url.URL
	relay    *net.UDPConn
	upstream *net.UDPConn

	control func(net.Conn)         // replaces the handshake
	named   string                 // hex of the relay's address in the answer, without the port
	to      string                 // destination of all packets
	header  func(to []byte) []byte // address in the header of answers; nil: that in the request

	gone chan struct{} // receives a value for each connection that the client has closed

	mu       sync.Mutex
	controls []net.Conn
	asked    []string       // addresses in the headers of packets, in hex
	client   netip.AddrPort // sender of the last packet
}

// newSocksFake runs a proxy until the test ends. Its relay is at relayHost.
func newSocksFake(t *testing.T, relayHost string, s *socksFake) *socksFake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := func(host string) *net.UDPConn {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
		if err != nil {
			testenv.Missing(t, "the address "+host+": "+err.Error())
		}
		return conn
	}
	s.gone = make(chan struct{}, 100)
	s.t, s.proxy = t, &url.URL{Scheme: "socks5", Host: l.Addr().String()}
	s.relay, s.upstream = listen(relayHost), listen("127.0.0.1")
	if s.named == "" {
		ip := netip.MustParseAddr(relayHost)
		s.named = hex.EncodeToString(append([]byte{map[bool]byte{true: 1, false: 4}[ip.Is4()]}, ip.AsSlice()...))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.controls = append(s.controls, c)
			s.mu.Unlock()
			wg.Go(func() { s.serve(c) })
		}
	})
	wg.Go(s.outward)
	wg.Go(s.inward)
	t.Cleanup(func() {
		l.Close()
		s.hangUp()
		s.relay.Close()
		s.upstream.Close()
		wg.Wait()
	})
	return s
}

// hangUp closes all current connections.
func (s *socksFake) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.controls {
		c.Close()
	}
}

func (s *socksFake) serve(c net.Conn) {
	if s.control != nil {
		s.control(c)
	} else {
		socksScript("050100", "0500", socksAssociate, s.granted())(c)
	}
	_, _ = io.Copy(io.Discard, c)
	c.Close()
	select {
	case s.gone <- struct{}{}:
	default:
	}
}

const socksAssociate = "05030001000000000000"

// granted returns the answer with the address of the relay.
func (s *socksFake) granted() string {
	return fmt.Sprintf("050000%s%04x", s.named, s.relay.LocalAddr().(*net.UDPAddr).Port)
}

// socksScript reads and sends bytes in turn, each step in hex. It closes the connection
// at other bytes, and at a step "!".
func socksScript(steps ...string) func(net.Conn) {
	return func(c net.Conn) {
		for i, step := range steps {
			b, err := hex.DecodeString(strings.TrimSuffix(step, "!"))
			if i%2 == 0 {
				got := make([]byte, len(b))
				if _, err = io.ReadFull(c, got); err == nil && !bytes.Equal(got, b) {
					_, err = c.Write(fmt.Appendf(nil, "got %x instead of %x", got, b))
					err = errors.Join(err, errors.New("not by the script"))
				}
			} else {
				_, _ = c.Write(b)
			}
			if err != nil || strings.HasSuffix(step, "!") {
				c.Close()
				return
			}
		}
	}
}

// outward forwards packets of the client to their destination.
func (s *socksFake) outward() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.relay.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		size := map[byte]int{1: 4 + 4 + 2, 3: 4 + 1 + int(buf[4]) + 2, 4: 4 + 16 + 2}[buf[3]]
		if size == 0 || n < size || !bytes.Equal(buf[:3], []byte{0, 0, 0}) {
			s.t.Errorf("the relay got %x", buf[:n])
			continue
		}
		s.mu.Lock()
		s.asked, s.client = append(s.asked, hex.EncodeToString(buf[3:size])), from
		s.mu.Unlock()
		if s.to != "" {
			_, _ = s.upstream.WriteToUDPAddrPort(buf[size:n], netip.MustParseAddrPort(s.to))
		}
	}
}

// inward forwards packets to the client.
func (s *socksFake) inward() {
	buf := make([]byte, 1<<16)
	for {
		n, err := s.upstream.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		header, _ := hex.DecodeString(s.asked[len(s.asked)-1])
		s.mu.Unlock()
		if s.header != nil {
			header = s.header(header)
		}
		s.send(slices.Concat([]byte{0, 0, 0}, header, buf[:n]))
	}
}

// send sends a packet from the relay to the client.
func (s *socksFake) send(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.relay.WriteToUDPAddrPort(b, s.client)
}

// sender returns the sender of the last packet.
func (s *socksFake) sender() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.client
}

// seen returns the number of connections, and the addresses in the headers of packets.
func (s *socksFake) seen() (controls int, asked []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.controls), slices.Compact(slices.Clone(s.asked))
}

// socksClient returns a client that uses the proxy and must not use DNS.
func (s *socksFake) socksClient(c *Client) *Client {
	c.Proxy = func(*url.URL) (*url.URL, error) { return s.proxy, nil }
	c.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		s.t.Errorf("a lookup of %q, past the proxy", host)
		return nil, errors.New("no DNS")
	}
	return udpClient(s.t, c)
}

func socksHex(name string) string { return fmt.Sprintf("03%02x%x", len(name), name) }

func TestSOCKSHandshake(t *testing.T) {
	const (
		free  = "050100"
		offer = "05020002"
		login = "01047573657204" + "70617373" // user, pass
		ok    = "050000017f0000010001"
	)
	user := url.UserPassword("user", "pass")
	for _, test := range []struct {
		name   string
		user   *url.Userinfo
		script []string
		want   string // the error; empty: none
	}{
		{"free", nil, []string{free, "0500", socksAssociate, ok}, ""},
		{"password", user, []string{offer, "0502", login, "0100", socksAssociate, ok}, ""},
		{"password, of version 5", user, []string{offer, "0502", login, "0500", socksAssociate, ok}, ""},
		{"password not wanted", user, []string{offer, "0500", socksAssociate, ok}, ""},
		{"empty password", url.User("user"), []string{offer, "0502", "01047573657200", "0100", socksAssociate, ok}, ""},
		{"wrong password", user, []string{offer, "0502", login, "0101"}, "the proxy does not accept this name and password"},
		{"wrong password, hangs up", user, []string{offer, "0502", login, "!"}, "the proxy can't be used: it closed the connection without an answer"},
		{"password wanted", nil, []string{free, "05ff"}, "the proxy wants a name and a password"},
		{"password wanted, unasked", nil, []string{free, "0502"}, "the proxy wants a name and a password"},
		{"GSSAPI wanted", user, []string{offer, "0501"}, "the proxy accepts no name and password"},
		{"no method", user, []string{offer, "05ff!"}, "the proxy accepts no name and password"},
		{"a long password", url.UserPassword("user", strings.Repeat("p", 256)), []string{offer}, "the name or the password for the proxy is too long"},
		{"general failure", nil, []string{free, "0500", socksAssociate, "05010001000000000000"}, "the proxy refuses: general failure"},
		{"not allowed", nil, []string{free, "0500", socksAssociate, "05020001000000000000"}, "the proxy refuses: not allowed"},
		{"no UDP", nil, []string{free, "0500", socksAssociate, "0507!"}, "the proxy can't be used: the answer ends before its end"},
		{"no UDP, in full", nil, []string{free, "0500", socksAssociate, "05070001000000000000!"}, "the proxy refuses: it can't carry UDP"},
		{"type not supported", nil, []string{free, "0500", socksAssociate, "05080003"}, "the proxy refuses: address type not supported"},
		{"an unknown error", nil, []string{free, "0500", socksAssociate, "05fe0001"}, "the proxy refuses: error 254"},
		{"SOCKS4", nil, []string{free, "005b"}, "the proxy does not speak SOCKS5"},
		{"HTTP", nil, []string{free, hex.EncodeToString([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))}, "the proxy does not speak SOCKS5"},
		{"HTTP in the middle", nil, []string{free, "0500", socksAssociate, hex.EncodeToString([]byte("HTTP/1.1 400\r\n"))}, "the proxy does not speak SOCKS5"},
		{"hangs up at once", nil, []string{"!"}, "the proxy can't be used: it closed the connection without an answer"},
		{"hangs up after hello", nil, []string{free, "0500!"}, "the proxy can't be used: it closed the connection without an answer"},
		{"hangs up in the answer", nil, []string{free, "0500", socksAssociate, "05000001!"}, "the proxy can't be used: it closed the connection without an answer"},
		{"hangs up in the address", nil, []string{free, "0500", socksAssociate, "050000017f00!"}, "the proxy can't be used: the answer ends before its end"},
		{"hangs up in a name", nil, []string{free, "0500", socksAssociate, "0500000309!"}, "the proxy can't be used: it closed the connection without an answer"},
		{"no known address", nil, []string{free, "0500", socksAssociate, "05000002"}, "the proxy gives an address of no known kind"},
		{"port 0", nil, []string{free, "0500", socksAssociate, "050000017f0000010000"}, "the proxy gives an address that makes no sense"},
		{"a name that is none", nil, []string{free, "0500", socksAssociate, "05000003020a1b0001"}, "the proxy can't be used: "},
		{"no name", nil, []string{free, "0500", socksAssociate, "05000003000001"}, "the proxy gives an address that makes no sense"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSocksFake(t, "127.0.0.1", &socksFake{control: socksScript(test.script...)})
			s.proxy.User = test.user
			ctx, cancel := context.WithTimeout(t.Context(), udpLongTimeout)
			defer cancel()
			conn, err := new(Client).dialSOCKS5(ctx, s.proxy, "tracker.test", 80)
			if conn != nil {
				defer conn.Close()
			}
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if udpStatus(err) != StatusProxy || !strings.HasPrefix(err.Error(), test.want) || ctx.Err() != nil {
				t.Errorf("%v, want %s", err, test.want)
			}
			udpSentence(t, err)
			select {
			case <-s.gone:
			case <-time.After(udpLongTimeout):
				t.Error("the connection to the proxy is left open")
			}
		})
	}
	noUDPGoroutines(t)
}

// If a proxy does not answer, at any point, the request ends with ctx.
func TestSOCKSSilence(t *testing.T) {
	steps := []string{"050100", "0500", socksAssociate, "050000017f"}
	for n := range len(steps) + 1 {
		s := newSocksFake(t, "127.0.0.1", &socksFake{control: socksScript(steps[:n]...)})
		for _, bep15 := range []bool{false, true} {
			began := time.Now()
			c := s.socksClient(&Client{Timeout: 100 * time.Millisecond, BEP15: bep15})
			_, err := udpAnnounce(c, udpURL(t, "tracker.test:80"))
			if udpStatus(err) != StatusProxy || err.Error() != "the proxy can't be used: no answer in time" || time.Since(began) > udpSlack {
				t.Errorf("after %d steps: %v", n, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := s.socksClient(new(Client)).Announce(ctx, udpURL(t, "tracker.test:80"), tracker.AnnounceRequest{}); err == nil || err.Error() != "the request was stopped" {
			t.Errorf("after %d steps: %v", n, err)
		}
	}
	noUDPGoroutines(t)
}

// Announces and scrapes through a proxy.
func TestSOCKSRequests(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.7:6881"), netip.MustParseAddrPort("[2001:db8::7]:6881")
	for _, test := range []struct {
		name, host, asked string
		relay             string
		fake              *socksFake
		v6                bool // the tracker answers over IPv6
		peer              netip.AddrPort
	}{
		{"a name, echoed", "tracker.test", socksHex("tracker.test"), "127.0.0.1", &socksFake{}, false, v4},
		{"a relay of IPv6, a name echoed", "tracker.test", socksHex("tracker.test"), "::1", &socksFake{}, false, v4},
		{"an address echoed", "192.0.2.1", "01c0000201", "::1", &socksFake{}, false, v4},
		{"an address of IPv6 echoed", "[2001:db8::1]", "0420010db8000000000000000000000001", "127.0.0.1", &socksFake{}, true, v6},
		{"IPv4 told", "tracker.test", socksHex("tracker.test"), "::1", &socksFake{header: func([]byte) []byte { return []byte{1, 192, 0, 2, 1, 0, 80} }}, false, v4},
		{"IPv6 told", "tracker.test", socksHex("tracker.test"), "127.0.0.1", &socksFake{header: func([]byte) []byte {
			return append([]byte{4, 0x20, 1, 13, 0xb8}, make([]byte, 12+2)...)
		}}, true, v6},
		{"IPv6 told once", "tracker.test", socksHex("tracker.test"), "127.0.0.1", &socksFake{header: func() func([]byte) []byte {
			told := false
			return func(to []byte) []byte {
				if told {
					return to
				}
				told = true
				return append([]byte{4, 0x20, 1, 13, 0xb8}, make([]byte, 12+2)...)
			}
		}()}, false, v4},
		{"IPv4 told as IPv6", "tracker.test", socksHex("tracker.test"), "::1", &socksFake{header: func([]byte) []byte {
			return slices.Concat([]byte{4}, make([]byte, 10), []byte{255, 255, 192, 0, 2, 1, 0, 80})
		}}, false, v4},
		{"zeros told", "tracker.test", socksHex("tracker.test"), "::1", &socksFake{header: func([]byte) []byte { return []byte{1, 6: 0} }}, false, v4},
		{"relay at 0.0.0.0", "tracker.test", socksHex("tracker.test"), "127.0.0.1", &socksFake{named: "0100000000"}, false, v4},
		{"relay at ::", "tracker.test", socksHex("tracker.test"), "127.0.0.1", &socksFake{named: "04" + strings.Repeat("00", 16)}, false, v4},
		{"relay by name", "tracker.test", socksHex("tracker.test"), "127.0.0.1", &socksFake{named: socksHex("127.0.0.1")}, false, v4},
		{"a long name", strings.Repeat("a.", 126) + "b", socksHex(strings.Repeat("a.", 126) + "b"), "127.0.0.1", &socksFake{}, false, v4},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := &udpFake{t: t, peers: []tracker.Peer{{Addr: test.peer}}}
			to := udpServe(t, "127.0.0.1", func(r *tracker.UDPRequest, p udpPeer) {
				p.v6 = test.v6
				fake.handle(r, p)
			})
			test.fake.to = to.HostPort()
			s := newSocksFake(t, test.relay, test.fake)
			c := s.socksClient(new(Client))
			u := udpURL(t, test.host+":80")
			hashes := udpHashes(500)
			udpAllRight(t, hashes, udpScrape(t, c, u, hashes))
			resp, err := udpAnnounce(c, u)
			if err != nil || !slices.Equal(resp.Peers, fake.peers) {
				t.Errorf("%+v %v, want %v", resp, err, fake.peers)
			}
			controls, asked := s.seen()
			if len(asked) != 1 || asked[0] != test.asked+"0050" || controls != 1 {
				t.Errorf("%d connections to the proxy, for %s, want %s", controls, asked, test.asked)
			}
		})
	}
}

// Packets that are not the tracker's answer are ignored.
func TestSOCKSStrays(t *testing.T) {
	name, _ := hex.DecodeString(socksHex("tracker.test") + "0050")
	packet := func(header []byte, address []byte, data string) []byte {
		return slices.Concat(header, address, []byte(data))
	}
	s := newSocksFake(t, "127.0.0.1", &socksFake{})
	conn, err := new(Client).dialSOCKS5(t.Context(), s.proxy, "tracker.test", 80)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for !s.sender().IsValid() {
		if n, err := conn.Write([]byte("hello")); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := s.upstream.WriteToUDPAddrPort(packet([]byte{0, 0, 0}, name, "a stranger"), s.sender()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	for _, b := range [][]byte{
		{}, {0}, {0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 3, 255}, {0, 0, 0, 1, 1, 2, 3, 4, 0},
		packet([]byte{0, 0, 1}, name, "a fragment"), packet([]byte{0, 0, 0x81}, name, "the last fragment"),
		packet([]byte{1, 0, 0}, name, "reserved"), packet([]byte{0, 1, 0}, name, "reserved too"),
		packet([]byte{0, 0, 0}, []byte{0, 0, 80}, "no kind of address"), packet([]byte{0, 0, 0}, []byte{2, 0, 80}, "nor this"),
		packet([]byte{0, 0, 0}, name, "the answer"),
	} {
		s.send(b)
	}
	buf := make([]byte, 1<<16)
	n, err := conn.Read(buf)
	if err != nil || string(buf[:n]) != "the answer" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

// If the proxy closes its connection, all requests fail at once, and the next request
// connects again.
func TestSOCKSHangUp(t *testing.T) {
	fake := &udpFake{t: t, mute: true}
	asked := make(chan uint64, 1000) // the epochs of scrapes
	to := udpServe(t, "127.0.0.1", func(r *tracker.UDPRequest, p udpPeer) {
		if fake.handle(r, p); r.Action == tracker.ActionScrape {
			asked <- r.Connection >> 32
		}
	})
	s := newSocksFake(t, "127.0.0.1", &socksFake{to: to.HostPort()})
	c := s.socksClient(&Client{Timeout: udpLongTimeout})
	u := udpURL(t, "tracker.test:80")
	for epoch := range uint64(3) {
		if _, err := udpAnnounce(c, u); err != nil {
			t.Fatal(err)
		}
		fake.restart() // after this it does not answer
		began := time.Now()
		var hanging sync.WaitGroup
		hanging.Go(func() {
			for epoch != <-asked {
			}
			s.hangUp()
		})
		for _, a := range udpScrape(t, c, u, udpHashes(1000)) {
			if a.Err == nil || a.Err.Status != StatusProxy || a.Err.Msg != "the proxy has closed the connection" {
				t.Fatalf("%v %v", a.Counts, a.Err)
			}
		}
		hanging.Wait()
		if took := time.Since(began); took > udpLongTimeout/2 {
			t.Errorf("it took %v", took)
		}
	}
	if n, _ := s.seen(); n != 3 {
		t.Errorf("%d connections to the proxy", n)
	}
}

// The relay refuses packets, although the proxy keeps its connection.
func TestSOCKSNoRelay(t *testing.T) {
	s := newSocksFake(t, "127.0.0.1", &socksFake{})
	s.relay.Close()
	_, err := udpAnnounce(s.socksClient(&Client{Timeout: udpLongTimeout}), udpURL(t, "tracker.test:80"))
	if udpStatus(err) != StatusProxy || err.Error() != "the proxy can't be used: connection refused" {
		t.Error(err)
	}
}

func TestSOCKSClose(t *testing.T) {
	s := newSocksFake(t, "127.0.0.1", &socksFake{to: udpServe(t, "127.0.0.1", (&udpFake{t: t}).handle).HostPort()})
	c := s.socksClient(new(Client))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := udpAnnounce(c, udpURL(t, "tracker.test:80")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var conns []*socksConn
	for _, h := range c.udp.hosts {
		for _, conn := range h.conns {
			conns = append(conns, conn.conn.(*socksConn))
		}
	}
	c.Close()
	noUDPGoroutines(t)
	if n, _ := s.seen(); n != 1 || len(conns) != 1 {
		t.Fatalf("%d sockets, %d connections to the proxy", len(conns), n)
	}
	for name, conn := range map[string]net.Conn{"relay": conns[0].Conn, "control": conns[0].control} {
		if err := conn.SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the connection to the %s is not closed: %v", name, err)
		}
	}
}

// Proxies without UDP, and proxies that refuse connections.
func TestSOCKSNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken.Close()
	for _, test := range []struct {
		proxy *url.URL
		err   error
		want  string
	}{
		{&url.URL{Scheme: "http", Host: "127.0.0.1:1"}, nil, `a proxy of scheme "http" carries no UDP`},
		{nil, errors.New("bad"), "the address of the proxy makes no sense"},
		{&url.URL{Scheme: "socks5", Host: taken.Addr().String()}, nil, "the proxy can't be used: connection refused"},
	} {
		asked := ""
		c := udpClient(t, &Client{Proxy: func(u *url.URL) (*url.URL, error) { asked = u.String(); return test.proxy, test.err }})
		for range 2 {
			if _, err := udpAnnounce(c, udpURL(t, "tracker.test:80")); udpStatus(err) != StatusProxy || err.Error() != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
		}
		if asked != "udp://tracker.test:80" {
			t.Errorf("the proxy for %q is wanted", asked)
		}
	}
}

// FuzzSOCKSAddr parses an address, and what is written for it.
func FuzzSOCKSAddr(f *testing.F) {
	for _, seed := range []string{"01c00002010050ff", "03047465737400501122", "0420010db80000000000000000000000010050", "03000050", "03ff", "04", "", "0307312e322e332e340050", "0400000000000000000000ffff010203040050"} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		host, port, rest, ok := cutSOCKSAddr(b)
		if !ok {
			return
		}
		if !bytes.HasSuffix(b, rest) || binary.BigEndian.Uint16(b[len(b)-len(rest)-2:]) != port {
			t.Fatalf("%x: port %d, rest %x", b, port, rest)
		}
		again, port2, rest2, ok := cutSOCKSAddr(append(appendSOCKSAddr(nil, host, port), rest...))
		if ip, err := netip.ParseAddr(host); err == nil { // by name too
			host = ip.Unmap().WithZone("").String()
		}
		if !ok || again != host || port2 != port || !bytes.Equal(rest2, rest) {
			t.Fatalf("%x: %q:%d %x, then %q:%d %x %v", b, host, port, rest, again, port2, rest2, ok)
		}
	})
}
