package dht

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/discover/krpc"
)

// fit returns a node with a random id that fits its address (BEP 42).
func fit(addr string, i int) krpc.Node {
	a := netip.MustParseAddrPort(addr)
	id := krpc.ID(hashNumber(i))
	if !krpc.IsLocal(a.Addr()) {
		id = id.FitAddr(a.Addr())
	}
	return krpc.Node{ID: id, Addr: a}
}

// One host or network can't fill a table, but a local network can.
func TestTableLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		addr func(i int) string
		most int
	}{
		"a host":             {func(i int) string { return fmt.Sprintf("192.0.2.1:%d", i+1) }, maxPerHost},
		"a network":          {func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i+1) }, maxPerNetwork},
		"a host of IPv6":     {func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i+1) }, maxPerHost},
		"a network of it":    {func(i int) string { return fmt.Sprintf("[2001:db8:1:%x::1]:1", i+1) }, maxPerNetwork},
		"the internet":       {func(i int) string { return fmt.Sprintf("20.1.%d.1:1", i) }, 100},
		"a local network":    {func(i int) string { return fmt.Sprintf("10.0.0.%d:1", i+1) }, 100},
		"a host in it":       {func(i int) string { return fmt.Sprintf("10.0.0.1:%d", i+1) }, 100},
		"the host itself":    {func(i int) string { return fmt.Sprintf("127.0.0.1:%d", i+1) }, 100},
		"a local of IPv6":    {func(i int) string { return fmt.Sprintf("[fd00::1]:%d", i+1) }, 100},
		"ids that don't fit": {func(i int) string { return fmt.Sprintf("20.1.%d.1:1", i) }, 0},
	} {
		var tab table
		for i := range 100 {
			n := fit(tt.addr(i), i)
			if tt.most == 0 {
				n.ID[0] ^= 1
			}
			tab.insert(n, time.Now())
		}
		n := 0
		for range tab.all {
			n++
		}
		if tt.most < 100 && n != tt.most || tt.most == 100 && n < 30 {
			t.Errorf("%d nodes of %s", n, name)
		}
	}
}

// A bucket prefers old nodes that answer, and replaces those that don't.
func TestTableReplaces(t *testing.T) {
	now := time.Now()
	var tab table
	node := func(i int) krpc.Node {
		id := krpc.ID(hashNumber(i))
		id[0] |= 0x80
		return krpc.Node{ID: id, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1)}
	}
	has := func(i int) bool {
		for c, spare := range tab.all {
			if !spare && c.Node == node(i) && !c.isBad() {
				return true
			}
		}
		return false
	}
	for i := range 3 * k {
		tab.insert(node(i), now)
	}
	if b := tab.buckets[0]; len(b.nodes) != k || len(b.spare) != k || !has(0) || has(k) {
		t.Fatalf("%d nodes, %d spare", len(b.nodes), len(b.spare))
	}
	tab.fail(node(0).Addr)
	if !has(0) {
		t.Error("it is replaced after one failure")
	}
	tab.fail(node(0).Addr)
	if has(0) || !has(3*k-1) {
		t.Error("it is not replaced by the newest spare one")
	}
	tab.insert(krpc.Node{ID: node(1).ID, Addr: node(99).Addr}, now)
	if !has(1) {
		t.Error("another node took its id")
	}
	tab.insert(krpc.Node{ID: node(50).ID, Addr: node(2).Addr}, now)
	if has(2) {
		t.Error("it has another id now")
	}
	tab.rebase(krpc.ID{0: 0x80})
	n := 0
	for range tab.all {
		n++
	}
	if len(tab.buckets[0].nodes) != 0 || n < k {
		t.Errorf("%d nodes after the id changed", n)
	}
}

// Quiet nodes are pinged, and quiet buckets refreshed.
func TestTableUpkeep(t *testing.T) {
	now := time.Now()
	var tab table
	for i := range 50 {
		tab.insert(krpc.Node{ID: hashNumber(i), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1)}, now)
	}
	count := tab.count()
	for tab.stale(now) >= 0 { // empty ones are refreshed at once
	}
	if list, b := tab.questionable(100, now.Add(quietTime)), tab.stale(now.Add(quietTime)); len(list) != 0 || b != -1 {
		t.Errorf("%d nodes, bucket %d", len(list), b)
	}
	late := now.Add(quietTime + time.Second)
	if n := len(tab.questionable(5, late)); n != 5 {
		t.Errorf("%d nodes", n)
	}
	if n := len(tab.questionable(100, late)); n != count-5 {
		t.Errorf("%d nodes, and not %d", n, count-5)
	}
	if n := len(tab.questionable(100, late)); n != 0 {
		t.Errorf("%d nodes again", n)
	}
	seen := map[int]bool{}
	for b := tab.stale(late); b >= 0; b = tab.stale(late) {
		seen[b] = true
	}
	if len(seen) < 3 || !seen[0] {
		t.Errorf("the buckets %v", seen)
	}
	for b := range 160 {
		if got := tab.own.Common(inBucket(tab.own, b)); got != b {
			t.Errorf("an id of bucket %d, and not %d", got, b)
		}
	}
}

// Our external address is what several hosts agree on, and our id changes seldom.
func TestVotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Options{Conns: []net.PacketConn{newFakeNet().listen("192.168.1.1:6881")}})
		f := n.families[0]
		f.global = true
		voters := 0
		vote := func(host uint32, addr string) {
			ip, _ := netip.AddrFromSlice(binary.BigEndian.AppendUint32(nil, host))
			voters++
			n.vote(f, netip.AddrPortFrom(ip, uint16(voters)), netip.MustParseAddrPort(addr), time.Now())
		}
		first := f.id
		for range 50 {
			vote(20<<24, "30.0.0.1:1") // one host
		}
		for i := range 50 {
			vote(10<<24+uint32(i), "10.0.0.1:1") // they know only that
			vote(20<<24+1, "10.0.0.1:1")         // an impossible one
			vote(20<<24+1, "[2001:db8::1]:1")    // of another family
		}
		f.votes = f.votes[:0]
		vote(20<<24, "30.0.0.1:1")
		vote(20<<24+1, "30.0.0.1:1")
		if f.external.IsValid() || f.id != first {
			t.Errorf("two hosts decided on %s", f.external)
		}
		vote(20<<24+2, "30.0.0.1:1")
		if f.external.String() != "30.0.0.1:1" || !f.id.FitsAddr(netip.MustParseAddr("30.0.0.1")) {
			t.Errorf("external %s, id %s", f.external, f.id)
		}
		second := f.id
		for i := range uint32(20) {
			vote(21<<24+i<<8, "30.0.0.2:1")
		}
		if f.external.String() != "30.0.0.2:1" || f.id != second {
			t.Errorf("external %s, id %s", f.external, f.id)
		}
		if !n.readOnly(f) {
			t.Error("its router does not let others in")
		}
		time.Sleep(renameTime + time.Second)
		vote(22<<24, "30.0.0.2:1")
		if f.id == second || !f.id.FitsAddr(netip.MustParseAddr("30.0.0.2")) {
			t.Errorf("after an hour the id is %s", f.id)
		}
		if len(f.votes) > maxVotes {
			t.Errorf("%d votes", len(f.votes))
		}
	})
}

func TestPlausible(t *testing.T) {
	for _, tt := range []struct {
		addr, from string
		ok         bool
	}{
		{"20.0.0.1:1", "20.0.0.2", true},
		{"20.0.0.1:1", "10.0.0.2", true},
		{"20.0.0.1:0", "20.0.0.2", false},
		{"10.0.0.1:1", "20.0.0.2", false},
		{"10.0.0.1:1", "10.0.0.2", true},
		{"127.0.0.1:1", "10.0.0.2", false},
		{"127.0.0.1:1", "127.0.0.2", true},
		{"169.254.0.1:1", "20.0.0.2", false},
		{"0.0.0.0:1", "20.0.0.2", false},
		{"224.0.0.1:1", "20.0.0.2", false},
		{"255.255.255.255:1", "20.0.0.2", false},
		{"[::]:1", "2001:db8::1", false},
		{"[ff02::1]:1", "2001:db8::1", false},
		{"[fe80::1%eth0]:1", "fe80::2", false},
		{"[fd00::1]:1", "2001:db8::1", false},
		{"[::ffff:20.0.0.1]:1", "20.0.0.2", false},
		{"[2001:db8::2]:1", "2001:db8::1", true},
	} {
		if got := isPlausible(netip.MustParseAddrPort(tt.addr), netip.MustParseAddr(tt.from)); got != tt.ok {
			t.Errorf("%s from %s: %t", tt.addr, tt.from, got)
		}
	}
}

func TestAddrSet(t *testing.T) {
	var s addrSet
	ip := netip.MustParseAddr("20.0.0.0")
	if s.contains(ip) {
		t.Error("an empty set contains it")
	}
	wrong := 0
	for i := range 10_000 {
		if s.contains(ip) {
			wrong++
		}
		if i%2 == 0 {
			s.add(ip)
			if !s.contains(ip) {
				t.Fatalf("%s was added", ip)
			}
		}
		ip = ip.Next()
	}
	if wrong > 500 {
		t.Errorf("%d addresses are wrong", wrong)
	}
}
