// Package peerid reads and makes peer ids: the 20 bytes by which a client
// introduces itself to trackers and to peers. How clients put their name into
// them is custom (BEP 20), and there are several customs:
//
//	-qB4520-............    Azureus style: a code of two, a version of four
//	T03I-----...........    Shadow's style: a letter, a version of up to five
//	M4-20-8-............    Mainline style: a letter, numbers between dashes
//	OP7685..............    and whatever else came to mind
//
// Anybody may send any id, so what is read from one is for showing, and nothing
// may be decided by it. Left out are clients whose only mark is two bytes, as random
// ids have them too (eXeem, BTGetit), and the search for ids that imitate others.
package peerid

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
)

const size = 20

// Our own code. Neither it nor BQ, Bq and bq (ban lists fold case) stands in any
// of these, as of August 2026: BEP 20, wiki.theory.org, libtorrent's
// identify_client.cpp, Transmission's clients.cc, BiglyBT's
// BTPeerIDByteDecoderDefinitions.java, libTorrent's client_list.cc, ruTorrent's
// common.js, webtorrent/bittorrent-peerid; and a search of public source found
// nobody who makes ids with it. Nearer letters are taken: BT, Bt, BP, BI, and BA,
// BO, BV, BY, BZ by small projects.
const code = "bQ"

// Prefix begins every peer id of bt.
const Prefix = "-" + code + "0001-"

// New makes a peer id: Prefix, then 12 random letters and digits, which need no
// escaping in the URL of an announce.
func New() [size]byte {
	var id [size]byte
	n := copy(id[:], Prefix)
	copy(id[n:], rand.Text())
	return id
}

// Client names the client that a peer id tells of, with its version if that is
// told too: "Transmission 3.00". An Azureus-style id with a code that is in no
// list gives the code: "XX 1.2.3.4". All else, and what is not 20 bytes long,
// gives "". The text is printable and shorter than 64 bytes, whatever the id.
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

// The first that knows the id names it, so the surer ones come first.
var styles = []func(id []byte) string{bitSpirit, knownCode, marked, rufus, shadow, unknownCode}

// bitSpirit goes first, since BitSpirit may begin with the first eight bytes of
// the peer that it talks to (BEP 20).
func bitSpirit(id []byte) string {
	switch {
	case id[0] == 0 && id[1] <= 3 && string(id[2:4]) == "BS":
		return "BitSpirit " + strconv.Itoa(max(1, int(id[1])))
	case bytes.HasSuffix(id, []byte("UDP0")):
		return "BitSpirit"
	}
	return ""
}

// knownCode reads Azureus style. A known code between dashes names the client
// even if the version can't be read: some fill it with what they like.
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

// unknownCode goes last, as other customs begin with a dash too.
func unknownCode(id []byte) string {
	if id[0] != '-' || id[7] != '-' || !alphanumeric(id[1:7]) {
		return ""
	}
	v, _ := four(id[3:])
	return string(id[1:3]) + " " + v
}

// marked looks for what some clients write into their ids. Marks are short and
// ids are random, so where a version belongs there must be one.
func marked(id []byte) string {
	for _, m := range marks {
		if !bytes.HasPrefix(id[m.at:], []byte(m.text)) {
			continue
		}
		if m.version == nil {
			return m.name
		}
		if v, ok := m.version(id[m.at+len(m.text):]); ok {
			return strings.TrimSpace(m.name + " " + v) // Bits on Wheels has none at times
		}
	}
	return ""
}

// rufus reads the ids of Rufus and its forerunner: two bytes of version, 0.6.9
// being 0 and 69, then the mark.
func rufus(id []byte) string {
	name, ok := map[string]string{"RS": "Rufus", "BM": "BitMagnet"}[string(id[2:4])]
	if !ok || id[0] > 9 || id[1] > 99 {
		return ""
	}
	return name + " " + numbers(int(id[0]), int(id[1]/10), int(id[1]%10))
}

// shadow reads Shadow's style: a letter, then five characters of version with
// dashes for those not needed, then three that are dashes for a client of one
// torrent and may be others.
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
