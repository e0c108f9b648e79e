package tracker

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// unhex reads hex, in which blanks don't count.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	connectHex  = "00000417 27101980 00000000"
	announceHex = "01234567 89abcdef 00000001"
	scrapeHex   = "01234567 89abcdef 00000002"
	hashHex     = "12345678 9abcdef0 202b2526 3d2f3f23 00ff7e7a"
	idHex       = "2d627430 3130302d 0080ff20 262b253d 30617a39"
	zeros8      = "00000000 00000000"
	most8       = "7fffffff ffffffff"
)

// announceAs is an announce that differs from the plainest by its fields.
func announceAs(change func(r *AnnounceRequest)) UDPRequest {
	r := UDPRequest{Action: ActionAnnounce, Transaction: 5, Connection: 0x0123456789abcdef, Announce: AnnounceRequest{InfoHash: testHash, PeerID: testID}}
	change(&r.Announce)
	return r
}

// TestUDPRequest has requests as they are written, which are read again as the
// same.
func TestUDPRequest(t *testing.T) {
	url := strings.Repeat("/0123456789", 30) // 330 bytes
	before := announceHex + "00000005" + hashHex + idHex
	for _, tt := range []struct {
		name string
		r    UDPRequest
		want string
	}{
		{"connect", UDPRequest{Action: ActionConnect, Transaction: 0xfedcba98}, connectHex + "fedcba98"},
		{"announce, zero", announceAs(func(*AnnounceRequest) {}),
			before + zeros8 + zeros8 + zeros8 + "00000000 00000000 00000000 00000000 0000"},
		{"announce, all", announceAs(func(r *AnnounceRequest) {
			r.Downloaded, r.Left, r.Uploaded, r.Event, r.Key, r.Want, r.Port = 1, 2, 3, EventStarted, 0xdeadbeef, DefaultWant, 6881
			r.IP, r.URLData = netip.MustParseAddr("192.0.2.17"), "/a?b"
		}), before + "00000000 00000001 00000000 00000002 00000000 00000003 00000002 c0000211 deadbeef ffffffff 1ae1 0204 2f613f62"},
		{"announce, large", announceAs(func(r *AnnounceRequest) {
			r.Downloaded, r.Left, r.Uploaded, r.Event, r.Key, r.Want, r.Port = math.MaxInt64, math.MaxInt64, math.MaxInt64, EventStopped, 1<<32-1, 1<<31-1, 65535
			r.IP = netip.MustParseAddr("255.255.255.255")
		}), before + most8 + most8 + most8 + "00000003 ffffffff ffffffff 7fffffff ffff"},
		{"announce, completed, long URL", announceAs(func(r *AnnounceRequest) { r.Event, r.URLData = EventCompleted, url }),
			before + zeros8 + zeros8 + zeros8 + "00000001 00000000 00000000 00000000 0000" +
				"02ff" + hex.EncodeToString([]byte(url[:255])) + "024b" + hex.EncodeToString([]byte(url[255:]))},
		{"scrape of nothing", UDPRequest{Action: ActionScrape, Connection: 0x0123456789abcdef}, scrapeHex + "00000000"},
		{"scrape", UDPRequest{Action: ActionScrape, Transaction: 1, Connection: 0x0123456789abcdef, Hashes: [][20]byte{testHash, {}, testHash}},
			scrapeHex + "00000001" + hashHex + strings.Repeat("00", 20) + hashHex},
	} {
		want := unhex(t, tt.want)
		if got := tt.r.Append([]byte("before")); string(got) != "before"+string(want) {
			t.Errorf("%s:\n got %x\nwant %x", tt.name, got[len("before"):], want)
		}
		r, err := ParseUDPRequest(want)
		checkParsed(t, tt.name, r, err, &tt.r, "")
	}
	largest := UDPRequest{Action: ActionScrape, Hashes: make([][20]byte, MaxScrapeUDP)}
	if n := len(largest.Append(nil)); n > 1500-8-40-8 {
		t.Errorf("the largest scrape has %d bytes: too many for IPv6 over PPPoE", n)
	}
}

// Values that UDP can't represent are written as the nearest ones.
func TestUDPRequestBounds(t *testing.T) {
	plain := announceAs(func(*AnnounceRequest) {})
	for name, change := range map[string]func(r *AnnounceRequest){
		"IPv6": func(r *AnnounceRequest) { r.IP = netip.IPv6Loopback() },
		"HTTP alone": func(r *AnnounceRequest) {
			r.PeerIDs, r.TrackerID, r.IPv4 = true, "x", netip.MustParseAddrPort("192.0.2.1:1")
		},
	} {
		if r := announceAs(change); string(r.Append(nil)) != string(plain.Append(nil)) {
			t.Errorf("%s: %x", name, r.Append(nil))
		}
	}
	for want, wire := range map[int]string{math.MaxInt: "7fffffff", math.MinInt: "ffffffff", -2: "ffffffff", 1 << 31: "7fffffff"} {
		r := announceAs(func(r *AnnounceRequest) { r.Want = want })
		if got := hex.EncodeToString(r.Append(nil)[92:96]); got != wire {
			t.Errorf("%d peers are %s", want, got)
		}
	}
	r := announceAs(func(r *AnnounceRequest) { r.IP = netip.MustParseAddr("::ffff:192.0.2.17") })
	if got := hex.EncodeToString(r.Append(nil)[84:88]); got != "c0000211" {
		t.Errorf("IPv4 in IPv6 is %s", got)
	}
}

func TestParseUDPRequest(t *testing.T) {
	before := announceHex + "00000005" + hashHex + idHex
	plain := before + zeros8 + zeros8 + zeros8 + "00000000 00000000 00000000 00000000 0000"
	all := "ffffffff ffffffff"
	url := func(s string) UDPRequest { return announceAs(func(r *AnnounceRequest) { r.URLData = s }) }
	for _, tt := range []struct {
		name, packet string
		want         UDPRequest
		err          string
	}{
		{"connect, longer", connectHex + "00000001 ff", UDPRequest{Transaction: 1}, ""},
		{"announce, -1 left", before + all + all + "80000000 00000000 00000000 00000000 00000000 ffffff00 0000",
			announceAs(func(r *AnnounceRequest) {
				r.Downloaded, r.Left, r.Uploaded, r.Want = math.MaxInt64, math.MaxInt64, math.MaxInt64, DefaultWant
			}), ""},
		{"announce, event unknown", before + zeros8 + zeros8 + zeros8 + "00000004 00000000 00000000 00000000 0000", announceAs(func(*AnnounceRequest) {}), ""},
		{"announce, event of 32 bits", before + zeros8 + zeros8 + zeros8 + "ffffff02 00000000 00000000 00000000 0000", announceAs(func(*AnnounceRequest) {}), ""},
		{"announce, extensions of 2005", plain + "0000", url(""), ""},
		{"URL: end", plain + "00 0201 61", url(""), ""},
		{"URL: nothing", plain + "01 01 0200 01", url(""), ""},
		{"URL: parts", plain + "01 0202 2f61 ff01 78 01 0201 62 00 0201 63", url("/ab"), ""},
		{"URL: cut", plain + "0201 61 0205 62636465", url("a"), ""},
		{"URL: without length", plain + "0201 61 02", url("a"), ""},

		{"nothing", "", UDPRequest{}, "a request of 0 bytes"},
		{"15 bytes", connectHex + "000000", UDPRequest{}, "a request of 15 bytes"},
		{"connect, another number", "00000417 27101981 00000000 00000000", UDPRequest{}, "without the protocol's number"},
		{"error", "01234567 89abcdef 00000003 00000000", UDPRequest{}, "a request for action 3"},
		{"an action of 32 bits", "01234567 89abcdef 01000000 00000000", UDPRequest{}, "a request for action 16777216"},
		{"announce, short", announceHex + "00000005", UDPRequest{}, "an announce of 16 bytes"},
		{"announce, 97 bytes", plain[:len(plain)-2], UDPRequest{}, "an announce of 97 bytes"},
		{"scrape, cut", scrapeHex + "00000000" + hashHex + "12", UDPRequest{}, "a scrape of 37 bytes"},
	} {
		r, err := ParseUDPRequest(unhex(t, tt.packet))
		checkParsed(t, tt.name, r, err, &tt.want, tt.err)
	}
}

// TestUDPResponse has answers as they are written, which are read again as the
// same.
func TestUDPResponse(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    UDPResponse
		v6   bool
		want string
	}{
		{"connect", UDPResponse{Action: ActionConnect, Transaction: 0xfedcba98, Connection: 0x0123456789abcdef}, false, "00000000 fedcba98 01234567 89abcdef"},
		{"announce, zeros", UDPResponse{Action: ActionAnnounce, Announce: AnnounceResponse{Counts: Counts{0, 0, Unknown}}}, false,
			"00000001 00000000 00000000 00000000 00000000"},
		{"announce, IPv4", UDPResponse{Action: ActionAnnounce, Transaction: 5, Announce: AnnounceResponse{
			Interval: 30 * time.Minute, Counts: Counts{Seeders: 1, Leechers: 2, Completed: Unknown}, Peers: []Peer{peer("192.0.2.17:6881"), peer("0.0.0.0:0")},
		}}, false, "00000001 00000005 00000708 00000002 00000001 c00002111ae1 000000000000"},
		{"announce, IPv6", UDPResponse{Action: ActionAnnounce, Announce: AnnounceResponse{
			Interval: maxInterval, Counts: Counts{Seeders: math.MaxInt32, Leechers: math.MaxInt32, Completed: Unknown}, Peers: []Peer{peer("[2001:db8::1]:65535")},
		}}, true, "00000001 00000000 01e28500 7fffffff 7fffffff 20010db8 00000000 00000000 00000001 ffff"},
		{"scrape of nothing", UDPResponse{Action: ActionScrape, Transaction: 1}, false, "00000002 00000001"},
		{"scrape", UDPResponse{Action: ActionScrape, Counts: []Counts{{Seeders: 1, Completed: 2, Leechers: 3}, {}}}, true,
			"00000002 00000000 00000001 00000002 00000003 00000000 00000000 00000000"},
		{"error", UDPResponse{Action: ActionError, Transaction: 7, Failure: Failure{Reason: "\x1b no\xff"}}, false, "00000003 00000007 1b206e6fff"},
		{"error without a reason", UDPResponse{Action: ActionError}, false, "00000003 00000000"},
	} {
		want := unhex(t, tt.want)
		if got := tt.r.Append([]byte("before"), tt.v6); string(got) != "before"+string(want) {
			t.Errorf("%s:\n got %x\nwant %x", tt.name, got[len("before"):], want)
		}
		packet := append([]byte(nil), want...)
		r, err := ParseUDPResponse(packet, tt.v6)
		for i := range packet {
			packet[i] = 'x' // nothing may be left of it
		}
		checkParsed(t, tt.name, r, err, &tt.r, "")
		if got, ok := TransactionOf(want); !ok || got != tt.r.Transaction {
			t.Errorf("%s: transaction %x, %t", tt.name, got, ok)
		}
	}
}

// Values that UDP can't represent are written as the nearest ones, or left out.
func TestUDPResponseBounds(t *testing.T) {
	peers := []Peer{{}, {Host: "t.example"}, peer("[2001:db8::1]:1"), peer("[::ffff:192.0.2.17]:2"), peer("192.0.2.18:3")}
	for v6, want := range map[bool]string{
		false: "00000001 00000000 7fffffff 00000000 7fffffff c00002110002 c00002120003",
		true:  "00000001 00000000 7fffffff 00000000 7fffffff 20010db8 00000000 00000000 00000001 0001",
	} {
		r := UDPResponse{Action: ActionAnnounce, Announce: AnnounceResponse{Interval: Never, Counts: Counts{Seeders: math.MaxInt64, Leechers: Unknown}, Peers: peers}}
		if got := r.Append(nil, v6); string(got) != string(unhex(t, want)) {
			t.Errorf("IPv6 %t:\n got %x\nwant %s", v6, got, want)
		}
	}
}

func TestParseUDPResponse(t *testing.T) {
	announced := func(a AnnounceResponse) UDPResponse { return UDPResponse{Action: ActionAnnounce, Announce: a} }
	counts := Counts{2, 1, Unknown}
	for _, tt := range []struct {
		name, packet string
		v6           bool
		want         UDPResponse
		err          string
	}{
		{"connect, longer", "00000000 00000001 01234567 89abcdef 00", false, UDPResponse{Transaction: 1, Connection: 0x0123456789abcdef}, ""},
		{"announce, cut", "00000001 00000000 0000003c 00000001 00000002 c00002111ae1 c0000211", false,
			announced(AnnounceResponse{Interval: time.Minute, Counts: counts, Peers: []Peer{peer("192.0.2.17:6881")}}), ""},
		{"announce, IPv4 on IPv6", "00000001 00000000 0000003c 00000001 00000002 c00002111ae1 c00002111ae1", true,
			announced(AnnounceResponse{Interval: time.Minute, Counts: counts}), ""},
		{"announce, IPv4 in IPv6", "00000001 00000000 0000003c 00000001 00000002 00000000 00000000 0000ffff c0000211 1ae1", true,
			announced(AnnounceResponse{Interval: time.Minute, Counts: counts, Peers: []Peer{peer("192.0.2.17:6881")}}), ""},
		{"announce, a negative interval", "00000001 00000000 ffffffff 00000001 00000002", false, announced(AnnounceResponse{Counts: counts}), ""},
		{"announce, a huge interval", "00000001 00000000 7fffffff 00000001 00000002", false, announced(AnnounceResponse{Interval: maxInterval, Counts: counts}), ""},
		{"error with NULs", "00000003 00000000 00 6e6f 0000", false, UDPResponse{Action: ActionError, Failure: Failure{Reason: "\x00no"}}, ""},

		{"nothing", "", false, UDPResponse{}, "an answer of 0 bytes"},
		{"7 bytes", "00000000 000000", false, UDPResponse{}, "an answer of 7 bytes"},
		{"an unknown action", "00000004 00000000", false, UDPResponse{}, "an answer of action 4"},
		{"connect, cut", "00000000 00000000 01234567 89abcd", false, UDPResponse{}, "an answer to connect of 15 bytes"},
		{"announce, short", "00000001 00000000 0000003c 00000001 000000", false, UDPResponse{}, "an answer to an announce of 19 bytes"},
		{"announce, leechers below 0", "00000001 00000000 0000003c ffffffff 00000002", false, announced(AnnounceResponse{Interval: time.Minute, Counts: Counts{Seeders: 2, Leechers: Unknown, Completed: Unknown}}), ""},
		{"announce, seeders below 0", "00000001 00000000 0000003c 00000001 80000000", false, announced(AnnounceResponse{Interval: time.Minute, Counts: Counts{Seeders: Unknown, Leechers: 1, Completed: Unknown}}), ""},
		{"announce of opentracker, unlisted", "00000001 00000000", false, UDPResponse{}, ErrUnlisted.Error()},
		{"announce, 9 bytes", "00000001 00000000 00", false, UDPResponse{}, "an answer to an announce of 9 bytes"},
		{"scrape, cut", "00000002 00000000 00000001 00000002", false, UDPResponse{}, "an answer to a scrape of 16 bytes"},
		{"scrape, 1 more byte", "00000002 00000000 00000001 00000002 00000003 00", false, UDPResponse{}, "an answer to a scrape of 21 bytes"},
		{"scrape, seeders below 0", "00000002 00000000 ffffffff 00000002 00000003", false, UDPResponse{}, "a negative number of peers"},
		{"scrape, completed below 0", "00000002 00000000 00000001 ffffffff 00000003", false, UDPResponse{}, "a negative number of peers"},
		{"scrape, leechers below 0", "00000002 00000000 00000001 00000002 ffffffff", false, UDPResponse{}, "a negative number of peers"},
	} {
		r, err := ParseUDPResponse(unhex(t, tt.packet), tt.v6)
		checkParsed(t, tt.name, r, err, &tt.want, tt.err)
	}
	if n, ok := TransactionOf(make([]byte, 7)); ok {
		t.Errorf("7 bytes have the transaction %d", n)
	}
}
