// Package peerid parses and generates peer ids: the 20 bytes that identify a client to
// trackers and peers. There are several conventions for the name of the client in them
// (BEP 20):
//
//	-qB4520-............    Azureus style: a code of two letters, a version of four
//	T03I-----...........    Shadow style: a letter, a version of up to five
//	M4-20-8-............    Mainline style: a letter, numbers between dashes
//	OP7685..............    and others
//
// Peer ids can be forged, so their content is for display only. The package leaves out
// clients with a mark of only two bytes, which random ids may have too (eXeem,
// BTGetit), and the detection of forged ids.
package peerid

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
)

const size = 20

// The code of this program. As of August 2026, neither bQ nor BQ, Bq and bq (ban lists
// ignore case) is in any of these: BEP 20, wiki.theory.org, libtorrent's
// identify_client.cpp, Transmission's clients.cc, BiglyBT's
// BTPeerIDByteDecoderDefinitions.java, libTorrent's client_list.cc, ruTorrent's
// common.js, webtorrent/bittorrent-peerid. A search of public source code found no
// other use. Better codes are taken: BT, Bt, BP, BI, and BA, BO, BV, BY, BZ by small
// projects.
const code = "bQ"

// Prefix is the beginning of every peer id of bt.
const Prefix = "-" + code + "0001-"

// New returns a new peer id: Prefix, then 12 random letters and digits, which need no
// escaping in the URL of an announce.
func New() [size]byte {
	var id [size]byte
	n := copy(id[:], Prefix)
	copy(id[n:], rand.Text())
	return id
}

// Client returns the name of the client that a peer id identifies, with its version if
// that is known: "Transmission 3.00". For an unknown code of Azureus style it returns
// the code: "XX 1.2.3.4". For any other id, or one that is not 20 bytes long, it
// returns "". The text is printable and shorter than 64 bytes for any id.
func Client(id []byte) string {
	if len(id) != size {
		return ""
	}
	for _, style := range styles {
		if name := style(id); name != "" {
			return name
		}
	}
	return ""
}

// The first parser that recognizes the id is used, so more reliable ones are first.
var styles = []func(id []byte) string{bitSpirit, knownCode, marked, rufus, shadow, unknownCode}

// bitSpirit is first, since BitSpirit may use the first eight bytes of the id of the
// peer that it is connected to (BEP 20).
func bitSpirit(id []byte) string {
	switch {
	case id[0] == 0 && id[1] <= 3 && string(id[2:4]) == "BS":
		return "BitSpirit " + strconv.Itoa(max(1, int(id[1])))
	case bytes.HasSuffix(id, []byte("UDP0")):
		return "BitSpirit"
	}
	return ""
}

// knownCode parses Azureus style. A known code between dashes is enough, even if the
// version is invalid, which some clients fill with other data.
func knownCode(id []byte) string {
	if id[0] != '-' || id[7] != '-' {
		return ""
	}
	c, ok := codes[string(id[1:3])]
	if !ok {
		return ""
	}
	if c.version != nil {
		if v, ok := c.version(id[3:]); ok {
			return c.name + " " + v
		}
	}
	return c.name
}

// unknownCode is last, as other styles also begin with a dash.
func unknownCode(id []byte) string {
	if id[0] != '-' || id[7] != '-' || !alphanumeric(id[1:7]) {
		return ""
	}
	v, _ := four(id[3:])
	return string(id[1:3]) + " " + v
}

// marked finds the marks of some clients. As marks are short and ids random, it
// requires a valid version after a mark.
func marked(id []byte) string {
	for _, m := range marks {
		if !bytes.HasPrefix(id[m.at:], []byte(m.text)) {
			continue
		}
		if m.version == nil {
			return m.name
		}
		if v, ok := m.version(id[m.at+len(m.text):]); ok {
			return strings.TrimSpace(m.name + " " + v) // Bits on Wheels may have no version
		}
	}
	return ""
}

// rufus parses the ids of Rufus and its predecessor: two bytes of version, where 0.6.9
// is 0 and 69, then the mark.
func rufus(id []byte) string {
	name, ok := map[string]string{"RS": "Rufus", "BM": "BitMagnet"}[string(id[2:4])]
	if !ok || id[0] > 9 || id[1] > 99 {
		return ""
	}
	return name + " " + numbers(int(id[0]), int(id[1]/10), int(id[1]%10))
}

// shadow parses Shadow style: a letter, then a version of five characters, padded with
// dashes, then three dashes, or other characters from clients that seed several
// torrents.
func shadow(id []byte) string {
	name, ok := letters[id[0]]
	if !ok {
		return ""
	}
	v := strings.TrimRight(string(id[1:6]), "-")
	dashes := string(id[6:9]) == "---"
	switch {
	case v == "" && dashes:
		return name
	case v == "" || id[1] < '0' || id[1] > '9' || len(v) == 5 && !dashes:
		return ""
	}
	if text, ok := dotted([]byte(v)); ok {
		return name + " " + text
	}
	return ""
}
