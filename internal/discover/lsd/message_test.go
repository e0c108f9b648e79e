package lsd

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

const (
	hexA = "0123456789abcdef0123456789abcdef01234567"
	hexB = "ffffffffffffffffffffffffffffffffffffffff"
)

func hash(t testing.TB, s string) [20]byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return [20]byte(b)
}

func TestMessage(t *testing.T) {
	a, b := hash(t, hexA), hash(t, hexB)
	for _, tt := range []struct {
		name  string
		group netip.AddrPort
		wire  string
		m     message
	}{
		{"IPv4", group4, "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: " + hexA + "\r\ncookie: 5ac0917e\r\n\r\n\r\n",
			message{6881, [][20]byte{a}, "5ac0917e"}},
		{"IPv6, two, no cookie", group6, "BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 1\r\nInfohash: " + hexA + "\r\nInfohash: " + hexB + "\r\n\r\n\r\n",
			message{1, [][20]byte{a, b}, ""}},
	} {
		if got := tt.m.append(nil, tt.group); string(got) != tt.wire {
			t.Errorf("%s: wrote %q", tt.name, got)
		}
		if got, err := parse([]byte(tt.wire)); err != nil || !reflect.DeepEqual(got, tt.m) {
			t.Errorf("%s: read %+v, %v", tt.name, got, err)
		}
	}
}

func TestOddMessage(t *testing.T) {
	a := [][20]byte{hash(t, hexA)}
	first := "BT-SEARCH * HTTP/1.1\r\n"
	for _, tt := range []struct {
		name, wire string
		want       *message // nil: an error
	}{
		{"other case, other order", first + "INFOHASH: " + strings.ToUpper(hexA) + "\r\ncookie: x\r\nPORT:  6881 \r\n\r\n\r\n", &message{6881, a, "x"}},
		{"no carriage returns", "BT-SEARCH * HTTP/1.1\nPort: 1\nInfohash: " + hexA + "\n\n", &message{1, a, ""}},
		{"no end", first + "Port: 1\r\nInfohash: " + hexA, &message{1, a, ""}},
		{"bad hashes beside a good one", first + "Port: 1\r\nInfohash: 01\r\nInfohash: " + hexA[1:] + "x\r\nInfohash: " + hexA + "\r\n", &message{1, a, ""}},
		{"the first port counts", first + "Port: 1\r\nPort: 2\r\nInfohash: " + hexA, &message{1, a, ""}},
		{"a long cookie", first + "Port: 1\r\ncookie: " + strings.Repeat("x", 65) + "\r\nInfohash: " + hexA, &message{1, a, ""}},
		{"lines after the end", first + "Port: 1\r\nInfohash: " + hexA + "\r\n\r\nPort: 2\r\nInfohash: " + hexB, &message{1, a, ""}},
		{"empty", "", nil},
		{"another method", "M-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: " + hexA + "\r\n\r\n\r\n", nil},
		{"no port", first + "Infohash: " + hexA + "\r\n\r\n\r\n", nil},
		{"port 0", first + "Port: 0\r\nInfohash: " + hexA + "\r\n\r\n\r\n", nil},
		{"a port too high", first + "Port: 65536\r\nInfohash: " + hexA + "\r\n\r\n\r\n", nil},
		{"no hash", first + "Port: 1\r\n\r\n\r\n", nil},
		{"too long", first + "Port: 1\r\nInfohash: " + hexA + "\r\nx: " + strings.Repeat("x", maxReceived), nil},
	} {
		got, err := parse([]byte(tt.wire))
		if (err == nil) != (tt.want != nil) || tt.want != nil && !reflect.DeepEqual(got, *tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

// The longest message fits into a packet for either group.
func TestLongestMessage(t *testing.T) {
	m := message{port: 65535, hashes: make([][20]byte, maxHashes), cookie: "5ac0917e"}
	for _, group := range []netip.AddrPort{group4, group6} {
		if n := len(m.append(nil, group)); n > maxMessage {
			t.Errorf("%d bytes for %v", n, group)
		}
	}
}

func FuzzParse(f *testing.F) {
	m := message{6881, [][20]byte{hash(f, hexA), hash(f, hexB)}, "5ac0917e"}
	f.Add(m.append(nil, group4))
	f.Add(m.append(nil, group6))
	f.Add([]byte("BT-SEARCH * HTTP/1.1\nport:1\ninfohash:" + hexA))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := parse(in)
		if err != nil {
			return
		}
		if m.port == 0 || len(m.hashes) == 0 || len(m.hashes) > maxReceived/52 || len(m.cookie) > maxCookie {
			t.Fatalf("%+v", m)
		}
		if bytes.ContainsAny([]byte(m.cookie), "\n") {
			t.Fatalf("cookie %q", m.cookie)
		}
		if again, err := parse(m.append(nil, group4)); len(m.hashes) <= maxHashes && (err != nil || !reflect.DeepEqual(again, m)) {
			t.Fatalf("%+v, %+v, %v", m, again, err)
		}
	})
}
