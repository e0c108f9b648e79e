package peerid

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Ids as clients send them, at least in their first bytes; the rest is filled.
var known = []struct{ id, want string }{
	// Azureus style.
	{"-TR0006-", "Transmission 0.6"},
	{"-TR0072-8vd6hrmp04an", "Transmission 0.72"},
	{"-TR072Z-zihst5yvg22f", "Transmission 0.72+"},
	{"-TR133X-", "Transmission 1.33+"},
	{"-TR2940-", "Transmission 2.94"},
	{"-TR3000-", "Transmission 3.00"},
	{"-TR4050-", "Transmission 4.0.5"},
	{"-TR400B-", "Transmission 4.0.0 beta"},
	{"-TR40aZ-", "Transmission 4.0.36 dev"},
	{"-TR4A00-", "Transmission 4.10.0"},
	{"-qB4520-", "qBittorrent 4.5.2"},
	{"-qB24A0-", "qBittorrent 2.4.10"},
	{"-qB3130-kwsSnUYwydys", "qBittorrent 3.1.3"},
	{"-DE13F0-", "Deluge 1.3.15"},
	{"-DE211s-", "Deluge 2.1.1"},
	{"-DE201b-", "Deluge 2.0.1 beta"},
	{"-DE200D-", "Deluge 2.0.0 dev"},
	{"-DE210r-", "Deluge 2.1.0 rc"},
	{"-LT20B0-", "libtorrent (Rasterbar) 2.0.11"},
	{"-LT2080-", "libtorrent (Rasterbar) 2.0.8"},
	{"-lt0D80-", "libTorrent (rTorrent) 0.13.8"},
	{"-lt0B20-\r\x73\x9b\x93\xe6\xbe\x21\xfe\xbb\x55\x7b\x20", "libTorrent (rTorrent) 0.11.2"},
	{"-UT355W-", "µTorrent 3.5.5"},
	{"-UT340-\x00\x09\x71", "µTorrent 3.4.0"},
	{"-UT170B-\x92\x84\x46", "µTorrent 1.7.0 beta"},
	{"-UM15110\xc9\x64\xbe", "µTorrent Mac 1.5.11"},
	{"-UW1293-NJu6-J8YPRiE", "µTorrent Web 1.2.9"},
	{"-UW1110Q", "µTorrent Web 1.1.10"},
	{"-BT791-\x00\xa5\x79", "BitTorrent 7.9.1"},
	{"-BT791\x00-", "BitTorrent 7.9.1"},
	{"-BT7a1-\x00\xa5\x79", "BitTorrent 7.10.1"},
	{"-BT71000\x8b", "BitTorrent 7.10.0"},
	{"-BW1293-", "BitTorrent Web 1.2.9"},
	{"-WW0068-b9539e1e4f95", "WebTorrent 0.68"},
	{"-WW0012-", "WebTorrent 0.12"},
	{"-WW0102-", "WebTorrent 1.2"},
	{"-WD0024-", "WebTorrent Desktop 0.24"},
	{"-AZ2060-", "Azureus (Vuze) 2.0.6.0"},
	{"-AZ5750-", "Azureus (Vuze) 5.7.5.0"},
	{"-BI2300-", "BiglyBT 2.3.0.0"},
	{"-BC0241-", "BitComet 2.41"},
	{"-BC0059-", "BitComet 0.59"},
	{"-KT11R1-693649213030", "KTorrent 1.1 rc1"},
	{"-KT22B1-695754334315", "KTorrent 2.2 beta1"},
	{"-KT33D1-", "KTorrent 3.3 dev1"},
	{"-KT2140-584815613993", "KTorrent 2.1.4"},
	{"-KT300-\x00jq9rx", "KTorrent 3.0.0"},
	{"-AG2053-Em6o1EmvwLtD", "Ares 2.0.5.3"},
	{"-A~2070-", "Ares 2.0.7"},
	{"-BR0332-!XVceSn(*KIl", "BitRocket 0.3 (32)"},
	{"-GR6300-13s3iFKmbArc", "GetRight 6.3"},
	{"-HL0290-xUO*9ugvENUE", "Halite 0.2.9"},
	{"-LP0302-\x00", "Lphant 3.02"},
	{"-LW0001-1\xe0\xb3", "LimeWire"},
	{"-ST0117-01234567890!", "SymTorrent 1.17"},
	{"-SZ2132-\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "Shareaza 2.1.3.2"},
	{"-TT210w-dq!nWf~Qcext", "TuoTu 2.1.0"},
	{"-PI0150-9aa757efd5be", "PicoTorrent 0.15.0"},
	{"-MG21\x110-", "MediaGet 2.1"},
	{"-MG1Cr0-", "MediaGet"},
	{"-XF9990-", "Xfplay 9.9.9"},
	{"-XF9992-", "Xfplay 9.9.92"},
	{"-FD51R\xff-", "Free Download Manager 5.1.27"},
	{"-FD51]\xc7-", "Free Download Manager 5.1"},
	{"-FL09\xc6\xf2-_Cch2zmy.(8g", "Folx or Flud"},
	{"-ADB560-", "Advanced Download Manager 11.5.6"},
	{"-Lr10X0-", "LibreTorrent 1.0.33"},
	{"-FW6830-", "FrostWire 6.8.3"},
	{"-GT0003-", "anacrolix/torrent 0.0.0.3"},
	{"-rQ9000-", "rqbit 9.0.0"},
	{"-rQAFa.-", "rqbit 10.15.36.62"},
	{"-BN0001-", "Baidu Netdisk"},
	{"-TR\x00\x1b[m-", "Transmission"}, // the code says it, the rest nothing

	// Nearly Azureus style.
	{"-FG0180u\xf8\x00\x57", "FlashGet 1.80"},
	{"-NE1090002IKyMn4g7Ko", "BT Next Evolution 1.0.9"},
	{"-SP3605\x01", "BitSpirit 3.6.0"},
	{"-BL244311-b9539e1e95", "BitLord 2.4.4-311"},
	{"-G3Anonymousp\xe8\xd9", "G3 Torrent"},
	{"-BOWA0C-", "Bits on Wheels 1.0.6"},
	{"-BOWP05-EPICNZOGQPHP", "Bits on Wheels"},
	{"-ML2.7.2-kgjjfkd", "MLdonkey 2.7.2"},
	{"-RN2.2.2-", "Rain 2.2.2"},

	// Shadow's style.
	{"S58B-----", "Shadow's client 5.8.11"},
	{"T03I--008gY6iB6Aq27C", "BitTornado 0.3.18"},
	{"T03C-----6tYolxhVUFS", "BitTornado 0.3.12"},
	{"T03A0----", "BitTornado 0.3.10.0"},
	{"A269----4Pw", "ABC 2.6.9"},
	{"A--------YMyoBPXYy2L", "ABC"},
	{"R37---003uApHy851-Pq", "Tribler 3.7"},
	{"R100--003hR6s07XWcov", "Tribler 1.0.0"},
	{"O123-----", "Osprey Permaseed 1.2.3"},
	{"Q1A2-----", "BTQueue 1.10.2"},
	{"U12345---", "UPnP NAT BitTorrent 1.2.3.4.5"},

	// Mainline style.
	{"M4-3-1--", "Mainline 4.3.1"},
	{"M4-20-8-", "Mainline 4.20.8"},
	{"M5-0-7--9aa757efd5be", "Mainline 5.0.7"},
	{"Q1-0-0--", "Queen Bee 1.0.0"},
	{"Q1-10-0-", "Queen Bee 1.10.0"},
	{"A2-1-36-0-", "aria2 1.36.0"},
	{"A2-1-2-0-", "aria2 1.2.0"},
	{"S3-1-0-0--0123456789", "Amazon S3 1.0.0"},

	// The rest.
	{"exbc\x00\x38zDc\x10\x2d\x6e", "BitComet 0.56"},
	{"exbc\x00\x05zDc\x10\x2d\x6e", "BitComet 0.05"},
	{"exbc\x00\x38LORD2\x00\x04\x8e", "BitLord 0.56"},
	{"exbc\x01\x01LORD", "BitLord 1.1"},
	{"FUTB\x00\x3a", "BitComet (Solidox mod) 0.58"},
	{"XBT054d-", "XBT Client 0.5.4 debug"},
	{"XBT054--", "XBT Client 0.5.4"},
	{"OP7685f2c1495b1680bf", "Opera (build 7685)"},
	{"O100634008270e29150a", "Opera (build 10063)"},
	{"TIX0137-i6i6f0i5d5b7", "Tixati 1.37"},
	{"346------", "TorrenTopia"},
	{"10-------", "JVtorrent"},
	{"AZ2500BT", "BitTyrant"},
	{"\x00\x45RSAnonymous\x82\xbe", "Rufus 0.6.9"},
	{"\x00\x02BS\x53\x9b\x7e\xd3\xe0\x58\xa8\x38\x4a\xa7HTTPBT", "BitSpirit 2"},
	{"\x00\x03BS\x07\x24\x88\x96\x44\xc5\x95\x30\x8a\x5f\xf2\xcaUDP0", "BitSpirit 3"},
	{"M4-0-2--h\x98\xd9\xd0\xca\xf2\x5eEUDP0", "BitSpirit"},
	{"AP0.70rc30->>\xb8{1\xf2A\xdb\xfe", "AllPeers 0.70rc30"},
	{"QVOD00541234567890AB", "Qvod (build 0054)"},
	{"Mbrst1-1-32e3c394b43", "burst! 1.1.3"},
	{"DNA010000\xdd\x01", "BitTorrent DNA 1.0.0"},
	{"BTM21abcdefghijklmno", "BTuga Revolution 2.1"},
	{"BitLet01\x9a\xea", "BitLet 0.1"},
	{"TB100----abcdefghijk", "Top-BT 1.0.0"},
	{"-----AzureusTiNz*d\x54\xa7", "Azureus 2.0.3.2"},
	{"Deadman Walking-", "Deadman"},
	{"FD6k4SYy9BOU4U4rk3-J", "Free Download Manager 6"},

	// Unknown codes.
	{"-XY1234-", "XY 1.2.3.4"},
	{"-BD0300-1SGiRZ8uWpWH", "BD 0.3.0.0"},
	{"-wF2200-\x9d\xff\x29", "wF 2.2.0.0"},
	{"-99zZ00-", "99 61.35.0.0"},
}

func pad(id string) []byte {
	return []byte((id + strings.Repeat("k", size))[:size])
}

func TestClient(t *testing.T) {
	for _, tt := range known {
		if len(tt.id) > size {
			t.Errorf("%q has %d bytes", tt.id, len(tt.id))
		}
		if got := Client(pad(tt.id)); got != tt.want {
			t.Errorf("Client(%q) = %q, want %q", tt.id, got, tt.want)
		}
	}
}

// What no table can name, or would name by chance.
func TestNobody(t *testing.T) {
	ids := [][]byte{nil, {}, make([]byte, size), []byte("-TR3000-"), []byte("-TR3000-kkkkkkkkkkkkk")}
	for _, id := range []string{
		"\x31\x7d\xa3\x2f\x83\x1f\xf0\x41\xa5\x15\xfe\x3c\xe7\xf1\x63\xbb\x0e\x5f\xcd\x35",
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00LS\x44\x19\x33\x10\x42\x77",
		"--------------------", "kkkkkkkkkkkkkkkkkkkk", "\x1b[31mred\x1b[0m",
		"-XY123\x07-", "-X\x001234-", "-XY1234k", "-#@0000-Em6o1EmvwLtD", "-XY12\xc3\xa9-", "-X~1234-",
		"-UT\x1b[m-", "-UTxyz-", "-ML\x07.7-", "-ML2.7.2", "-BOWA0Ck",
		"A", "A-------k", "T03\x1b-----", "Tk3------", "T0-3-----", "T03A0k-k-", "T03A0kkkk", "X03------",
		"M4-3", "M4--1--", "M400-1-1-", "Mx-1-1--", "A2-1-36-", "OP76x5", "O1006x", "XBT05x", "TIX01x7",
		"exbc\xff\xff", "exbc\x00\xffLORD", "\x00\x64RS", "\x0a\x00RS", "\x04\x00BS", "eXkk", "AP\x07-", "AP0.7",
	} {
		ids = append(ids, pad(id))
	}
	for _, id := range ids {
		if got := Client(id); got != "" {
			t.Errorf("Client(%q) = %q", id, got)
		}
	}
}

// The text must be printable and short whatever follows a code, a mark or a
// letter, and none of them may be forgotten by the look-up.
func TestJunkBehind(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	junk := func() []byte {
		id := make([]byte, size)
		alphabet := []string{"", "0123456789", "0123456789-.ABZabz"}[r.IntN(3)]
		for i := range id {
			id[i] = byte(r.Uint32())
			if alphabet != "" {
				id[i] = alphabet[r.IntN(len(alphabet))]
			}
		}
		return id
	}
	for range 200 {
		for c, want := range codes {
			id := junk()
			copy(id, "-"+c)
			id[7] = '-'
			if got := Client(id); !strings.HasPrefix(got, want.name) {
				t.Errorf("Client(%q) = %q, want %s", id, got, want.name)
			}
		}
		for _, m := range marks {
			id := junk()
			copy(id[m.at:], m.text)
			check(t, id)
		}
		for c := range letters {
			id := junk()
			id[0], id[5] = c, '-'
			check(t, id)
		}
		check(t, junk())
	}
}

func TestMarks(t *testing.T) {
	for _, m := range marks {
		if m.version != nil {
			continue
		}
		id := bytes.Repeat([]byte{0xff}, size)
		copy(id[m.at:], m.text)
		if got := Client(id); got != m.name {
			t.Errorf("Client(%q) = %q, want %s", id, got, m.name)
		}
	}
}

func TestCodes(t *testing.T) {
	for c := range codes {
		if len(c) != 2 {
			t.Errorf("code %q", c)
		}
		if c != code && strings.EqualFold(c, code) {
			t.Errorf("%s is too like our own %s: some fold case", c, code)
		}
	}
}

func TestNew(t *testing.T) {
	seen := map[[size]byte]bool{}
	for range 1000 {
		id := New()
		if seen[id] {
			t.Fatalf("%s twice", id)
		}
		seen[id] = true
		if !bytes.HasPrefix(id[:], []byte(Prefix)) || !alphanumeric(id[len(Prefix):]) {
			t.Errorf("%q", id)
		}
		if got := Client(id[:]); got != "bt 0.0.0.1" {
			t.Errorf("Client(%s) = %q", id, got)
		}
	}
}

func FuzzClient(f *testing.F) {
	for _, k := range known {
		f.Add(pad(k.id))
	}
	for _, m := range marks {
		f.Add(pad(strings.Repeat("0", m.at) + m.text))
	}
	f.Fuzz(check)
}

func check(t *testing.T, id []byte) {
	got := Client(id)
	if len(got) >= 64 || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("Client(%q) = %q", id, got)
	}
	if len(id) != size && got != "" {
		t.Errorf("Client of %d bytes = %q", len(id), got)
	}
	if strings.TrimSpace(got) != got {
		t.Errorf("Client(%q) = %q, with space around", id, got)
	}
}
