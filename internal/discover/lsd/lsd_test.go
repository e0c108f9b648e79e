package lsd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A wire is a network of hosts without real sockets.
type wire struct {
	mu    sync.Mutex
	conns map[*fakeConn]bool
	sent  []sending
}

// A sending is a message that was sent.
type sending struct {
	at   time.Time
	name string // of the interface
	v6   bool
	b    string
}

// A fakeHost is the network of one host on a wire.
type fakeHost struct {
	wire *wire
	mu   sync.Mutex
	list []netInterface
	err  error // of join
}

func (h *fakeHost) interfaces() ([]netInterface, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list), nil
}

func (h *fakeHost) set(list ...netInterface) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = list
}

func (h *fakeHost) join(i netInterface, v6 bool, from netip.Addr) (groupConn, error) {
	if h.err != nil {
		return nil, h.err
	}
	c := &fakeConn{wire: h.wire, name: i.name, v6: v6, from: from, in: make(chan packet, 100), closed: make(chan struct{})}
	for _, p := range i.prefixes {
		if !from.IsValid() && p.Addr().Is6() == v6 {
			c.from = p.Addr()
		}
	}
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	h.wire.conns[c] = true
	return c, nil
}

type packet struct {
	b    []byte
	from netip.Addr
}

type fakeConn struct {
	wire   *wire
	name   string
	v6     bool
	from   netip.Addr
	in     chan packet
	closed chan struct{}
}

// send sends to all, also to the sender.
func (c *fakeConn) send(b []byte) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.wire.sent = append(c.wire.sent, sending{time.Now(), c.name, c.v6, string(b)})
	for o := range c.wire.conns {
		if o.v6 == c.v6 {
			o.in <- packet{slices.Clone(b), c.from}
		}
	}
	return nil
}

func (c *fakeConn) receive(b []byte) (int, netip.Addr, error) {
	select {
	case p := <-c.in:
		return copy(b, p.b), p.from, nil
	case <-c.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

func (c *fakeConn) Close() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	delete(c.wire.conns, c)
	close(c.closed)
	return nil
}

// count returns how many messages were sent.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// A fakeSwarm collects what is found.
type fakeSwarm struct {
	wanted int
	mu     sync.Mutex
	found  []netip.AddrPort
}

func (s *fakeSwarm) Seeds() bool { return s.wanted == 0 }
func (s *fakeSwarm) Wanted() int { return s.wanted }
func (s *fakeSwarm) Found(peers []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, peers...)
}

func (s *fakeSwarm) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.found)
}

func newWire() *wire { return &wire{conns: make(map[*fakeConn]bool)} }

// nic returns an interface with addresses.
func nic(index int, addrs ...string) netInterface {
	i := netInterface{index: index, name: fmt.Sprintf("eth%d", index)}
	for _, a := range addrs {
		i.prefixes = append(i.prefixes, netip.MustParsePrefix(a))
	}
	return i
}

// host returns a Finder of a host with one interface.
func (w *wire) host(o Options, list ...netInterface) (*Finder, *fakeHost) {
	h := &fakeHost{wire: w, list: list}
	o.network = h
	return New(o), h
}

// run runs a Finder until the function that it returns is called.
func run(f *Finder) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

func number(i int) (h [20]byte) {
	binary.BigEndian.PutUint32(h[:], uint32(i))
	return h
}

// Two hosts with the same torrent find each other, also when one comes later. One that
// wants no peers is found and finds none.
func TestTwoFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		a, _ := w.host(Options{Port: 1}, nic(1, "10.0.0.1/24", "fe80::1/64"))
		b, _ := w.host(Options{Port: 2}, nic(1, "10.0.0.2/24"))
		defer run(a)()
		as, bs, full, other := &fakeSwarm{wanted: 1}, &fakeSwarm{wanted: 1}, new(fakeSwarm), &fakeSwarm{wanted: 1}
		a.Add(number(1), as)
		a.Add(number(2), full)
		pass(2 * time.Minute)
		defer run(b)()
		b.Add(number(1), bs)
		b.Add(number(2), new(fakeSwarm))
		b.Add(number(3), other)
		pass(10 * time.Second)
		if as.String() != "[10.0.0.2:2]" || bs.String() != "[10.0.0.1:1]" || full.String() != "[]" || other.String() != "[]" {
			t.Errorf("found %v, %v, %v, %v", as, bs, full, other)
		}
		if w.count() > 10 {
			t.Errorf("%d messages", w.count())
		}
	})
}

// Messages from outside of the network of an interface, and our own, are ignored.
func TestForeignSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		f, _ := w.host(Options{Port: 1}, nic(1, "10.0.0.1/24"))
		outside, _ := w.host(Options{Port: 2}, nic(1, "10.0.1.1/24"))
		defer run(f)()
		defer run(outside)()
		s := &fakeSwarm{wanted: 1}
		f.Add(number(1), s)
		outside.Add(number(1), &fakeSwarm{wanted: 1})
		pass(time.Hour)
		if s.String() != "[]" || w.count() < 20 {
			t.Errorf("found %v after %d messages", s, w.count())
		}
	})
}

// A torrent is announced within seconds, and then every five minutes. When it is hurried,
// it is announced again soon, but not at once.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		f, _ := w.host(Options{Port: 1}, nic(1, "10.0.0.1/24"))
		defer run(f)()
		pass(time.Minute)
		start := time.Now()
		e := f.Add(number(1), &fakeSwarm{})
		pass(11*time.Minute + 10*time.Second)
		e.Hurry()
		e.Hurry()
		pass(30 * time.Second)
		e.Hurry()
		pass(40 * time.Second)
		e.Hurry()
		pass(20 * time.Second)
		e.Remove()
		e.Remove()
		e.Hurry()
		pass(time.Hour)
		var at []string
		for _, s := range w.sent {
			at = append(at, s.at.Sub(start).Round(10*time.Second).String())
		}
		if got := strings.Join(at, " "); got != "0s 5m0s 10m0s 11m10s 12m10s" {
			t.Errorf("announced after %s", got)
		}
	})
}

// With 10,000 torrents, few messages are sent, all are announced in turn, and a new one is
// announced soon.
func TestManyTorrents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		w := newWire()
		f, _ := w.host(Options{Port: 1}, nic(1, "10.0.0.1/24"), nic(2, "10.0.1.1/24", "fd00::1/64"))
		defer run(f)()
		for i := range n {
			f.Add(number(i), new(fakeSwarm))
		}
		pass(45 * time.Minute)
		seen := make(map[string]int)
		each := make(map[string]int) // messages by interface and family
		for _, s := range w.sent {
			if len(s.b) > maxMessage {
				t.Fatalf("%d bytes", len(s.b))
			}
			each[fmt.Sprint(s.name, s.v6)]++
			m, err := parse([]byte(s.b))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range m.hashes {
				seen[string(h[:])]++
			}
		}
		if len(seen) != n || len(each) != 3 {
			t.Errorf("%d torrents were announced, on %v", len(seen), each)
		}
		for name, k := range each {
			if k > 45*10+1 {
				t.Errorf("%d messages in 45 minutes on %s", k, name)
			}
		}
		before := w.count()
		f.Add(number(n), new(fakeSwarm))
		pass(10 * time.Second)
		late := hash(t, fmt.Sprintf("%08x%032x", n, 0))
		if !slices.ContainsFunc(w.sent[before:], func(s sending) bool { return strings.Contains(s.b, fmt.Sprintf("%x", late)) }) {
			t.Error("a new torrent is not announced within ten seconds")
		}
	})
}

// A flood of announcements does not make us send or handle many.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		f, _ := w.host(Options{Port: 1}, nic(1, "10.0.0.1/8"))
		defer run(f)()
		s := &fakeSwarm{wanted: 1}
		f.Add(number(1), s)
		pass(time.Minute)
		before := w.count()
		m := message{port: 7, hashes: [][20]byte{number(1)}}
		for i := range 10_000 {
			f.receive(m.append(nil, group4), netip.MustParseAddr("10.0.0.2"), time.Now())
			f.receive(m.append(nil, group4), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), time.Now())
			if len(f.limits.hosts) > maxPerMinute {
				t.Fatalf("%d hosts are counted", len(f.limits.hosts))
			}
		}
		if len(s.found) != maxPerMinute {
			t.Errorf("%d messages were handled", len(s.found))
		}
		of := 0
		for _, a := range s.found {
			if a.Addr() == netip.MustParseAddr("10.0.0.2") {
				of++
			}
		}
		if of != maxOfHost {
			t.Errorf("%d messages of one host were handled", of)
		}
		pass(time.Minute)
		if n := w.count() - before; n > 2 {
			t.Errorf("%d answers", n)
		}
		if f.receive(m.append(nil, group4), netip.MustParseAddr("10.0.0.2"), time.Now()); len(s.found) != maxPerMinute+1 {
			t.Error("the host is ignored for ever")
		}
	})
}

// Interfaces that come are joined, and all torrents are announced there. Those that go are
// left.
func TestInterfacesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var warnings []string
		f, h := w.host(Options{Port: 1, Warn: func(err error) { warnings = append(warnings, err.Error()) }})
		stop := run(f)
		f.Add(number(1), new(fakeSwarm))
		pass(2 * time.Minute)
		if w.count() != 0 || len(warnings) != 1 {
			t.Errorf("%d messages without an interface, and %q", w.count(), warnings)
		}
		h.set(nic(1, "10.0.0.1/24"))
		pass(40 * time.Second)
		h.set(nic(1, "10.0.0.1/24"), nic(2, "10.0.1.1/24"))
		pass(40 * time.Second)
		h.set(nic(2, "10.0.1.1/24"))
		pass(10 * time.Minute)
		var order []string
		for _, s := range w.sent {
			order = append(order, s.name)
		}
		got := strings.Join(order, " ")
		if !strings.HasPrefix(got, "eth1 ") || !strings.HasSuffix(got, "eth2 eth2") || strings.Count(got, "eth1") != 2 {
			t.Errorf("sent on %s", got)
		}
		h.set()
		pass(time.Minute)
		if len(warnings) != 2 {
			t.Errorf("warned %q", warnings)
		}
		stop()
		if len(w.conns) > 0 {
			t.Errorf("%d sockets are left", len(w.conns))
		}
	})
}

// A machine that refuses multicast is reported once, and is no error.
func TestNoMulticast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var warnings []error
		f, h := w.host(Options{Port: 1, Warn: func(err error) { warnings = append(warnings, err) }}, nic(1, "10.0.0.1/24"))
		h.err = errors.New("refused")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		if len(warnings) != 1 || !errors.Is(warnings[0], h.err) {
			t.Errorf("warned %v", warnings)
		}
	})
}

// Only interfaces are used at which peers reach us.
func TestBinds(t *testing.T) {
	all := []netInterface{nic(1, "10.0.0.1/24", "fe80::1/64"), nic(2, "10.0.1.1/24", "2001:db8::1/64"), nic(3)}
	for binds, want := range map[string]string{
		"":                  "eth1 4, eth1 6, eth2 4, eth2 6",
		"0.0.0.0":           "eth1 4, eth2 4",
		"::":                "eth1 6, eth2 6",
		"0.0.0.0 ::":        "eth1 4, eth1 6, eth2 4, eth2 6",
		"10.0.1.1":          "eth2 4 from 10.0.1.1",
		"::ffff:10.0.1.1":   "eth2 4 from 10.0.1.1",
		"2001:db8::1":       "eth2 6 from 2001:db8::1",
		"fe80::1%eth1":      "eth1 6 from fe80::1%eth1",
		"10.9.9.9":          "",
		"127.0.0.1":         "",
		"127.0.0.1 0.0.0.0": "eth1 4, eth2 4",
	} {
		var o Options
		warned := 0
		o.Warn = func(error) { warned++ }
		for _, s := range strings.Fields(binds) {
			o.Binds = append(o.Binds, netip.MustParseAddr(s))
		}
		f, _ := newWire().host(o, all...)
		g := newGroups(f)
		g.update()
		var list []string
		for m := range g.joined {
			s := fmt.Sprintf("eth%d 4", m.index)
			if m.v6 {
				s = fmt.Sprintf("eth%d 6", m.index)
			}
			if m.from.IsValid() {
				s += " from " + m.from.String()
			}
			list = append(list, s)
		}
		g.close()
		slices.Sort(list)
		if got := strings.Join(list, ", "); got != want {
			t.Errorf("%q: %s", binds, got)
		}
		if (warned > 0) != (want == "" && binds != "127.0.0.1") {
			t.Errorf("%q: %d warnings", binds, warned)
		}
	}
}

// pass lets time pass, and waits until everything is done that is due.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
