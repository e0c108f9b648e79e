package peer

import (
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads hex with spaces in it.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	greetingHex = "13 426974546f7272656e742070726f746f636f6c"
	infoHashHex = "000102030405060708090a0b0c0d0e0f10111213"
	peerIDHex   = "2d6274303130302d303132333435363738394142" // -bt0100-0123456789AB
)

var handshakes = []struct {
	name, reserved string
	features       Feature
}{
	{"nothing", "0000000000000000", 0},
	{"DHT", "0000000000000001", FeatureDHT},
	{"fast", "0000000000000004", FeatureFast},
	{"v2", "0000000000000010", FeatureV2},
	{"extensions", "0000000000100000", FeatureExtensions},
	{"libtorrent of a hybrid torrent", "0000000000100015", FeatureExtensions | FeatureV2 | FeatureFast | FeatureDHT},
}

func TestHandshake(t *testing.T) {
	for _, tt := range handshakes {
		wire := unhex(t, greetingHex+tt.reserved+infoHashHex+peerIDHex)
		want := Handshake{InfoHash: [20]byte(unhex(t, infoHashHex)), PeerID: [20]byte(unhex(t, peerIDHex))}
		want.Set(tt.features)
		if got := want.Append([]byte("before")); string(got) != "before"+string(wire) {
			t.Errorf("%s: wrote %x", tt.name, got)
		}
		got, err := ParseHandshake(append(wire, 0, 0, 0, 0)) // and a keep-alive
		if err != nil || got != want {
			t.Errorf("%s: read %+v, %v", tt.name, got, err)
		}
		for _, f := range []Feature{FeatureDHT, FeatureFast, FeatureV2, FeatureExtensions} {
			if got.Has(f) != (tt.features&f != 0) {
				t.Errorf("%s: Has(%#x) is %v", tt.name, uint64(f), got.Has(f))
			}
		}
		if !got.Has(tt.features) || got.Has(tt.features|0x80) {
			t.Errorf("%s: Has of several", tt.name)
		}
		for n := range wire {
			if _, err := ParseHandshake(wire[:n]); err == nil {
				t.Errorf("%s: %d bytes are a handshake", tt.name, n)
			}
		}
	}
}

// Bits that have no name here are kept.
func TestSetKeeps(t *testing.T) {
	h := Handshake{Reserved: [8]byte{0x80, 7: 0x02}}
	h.Set(FeatureFast | FeatureExtensions)
	if h.Reserved != [8]byte{0x80, 5: 0x10, 7: 0x06} {
		t.Errorf("%x", h.Reserved)
	}
}

func TestIsHandshake(t *testing.T) {
	whole := unhex(t, greetingHex)
	if len(whole) != GreetingLength {
		t.Fatal(GreetingLength)
	}
	if !IsHandshake(whole) || !IsHandshake(append(whole, 1, 2, 3)) {
		t.Error("a handshake is none")
	}
	for i := range whole {
		other := []byte(string(whole))
		other[i] ^= 0x20
		if IsHandshake(other) || IsHandshake(whole[:i]) {
			t.Errorf("byte %d does not matter", i)
		}
		if _, err := ParseHandshake(append(other, make([]byte, 48)...)); err == nil {
			t.Errorf("parsed with byte %d wrong", i)
		}
	}
}
