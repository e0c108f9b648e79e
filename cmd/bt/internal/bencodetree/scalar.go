package bencodetree

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/bencode"
	"bt/internal/term"
)

// integer formats an integer, with its time if the key is that of a time.
func (p *printer) integer(key string, v bencode.Value, room int) string {
	digits := p.cut(string(digitsOf(v)), 0, room)
	n, ok := v.Int()
	if ok && isTime(key, n) {
		digits += p.Palette.Dim(" (" + time.Unix(n, 0).UTC().Format(time.RFC3339) + ")")
	}
	return digits
}

func digitsOf(v bencode.Value) []byte { return v.Raw()[1 : len(v.Raw())-1] }

// isTime reports whether a number is likely a time in seconds: its key says so, and it is
// after 2000, as durations are not.
func isTime(key string, n int64) bool {
	const from, to = 946_684_800, 4_102_444_800 // the years 2000 and 2100
	key = strings.ToLower(key)
	return n >= from && n < to && (strings.Contains(key, "date") || strings.Contains(key, "time") || strings.HasPrefix(key, "last") || strings.HasSuffix(key, "_on"))
}

func onlyIntegers(list bencode.Value) bool {
	for item := range list.Items() {
		if item.Kind() != bencode.KindInteger {
			return false
		}
	}
	return true
}

// integers formats a list of integers on one line.
func (p *printer) integers(list bencode.Value, n, room int) string {
	limit := maxText
	if room > 0 {
		limit = min(limit, room)
	}
	note := " (" + count(n, "integer") + ")"
	var b strings.Builder
	complete := true
	for item := range list.Items() {
		if complete = b.Len() <= limit; !complete {
			break
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.Write(digitsOf(item)[:min(len(digitsOf(item)), limit+1)])
	}
	if complete && b.Len()+2 <= limit {
		return "[" + b.String() + "]"
	}
	return p.cut(b.String(), len(note), limit) + p.Palette.Dim(note)
}

// cut cuts a text that is safe to the columns that are left beside a note, or after maxText
// bytes.
func (p *printer) cut(text string, note, room int) string {
	limit := maxText
	if room > 0 {
		limit = min(limit, max(room-note, 1))
	}
	return p.Palette.Cut(text, limit)
}

// key formats a key.
func (p *printer) key(key bencode.Value) string {
	b := key.Bytes()
	switch {
	case len(b) == 0:
		return `""`
	case !isText(b):
		return p.Palette.Shorten(hex.EncodeToString(b[:min(len(b), maxText)]), "")
	}
	return p.Palette.Shorten(p.Mask(key.Text()), "")
}

// isText reports whether bytes are UTF-8 without control characters other than white
// space.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 || unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) {
			return false
		}
		b = b[size:]
	}
	return true
}

// text prints a string: as what its key says, as bencode, as text, or in hex.
func (p *printer) text(at place, v bencode.Value, offset int) {
	b := v.Bytes()
	if known, ok := knownString(at, b); ok {
		p.line(at, offset, func(room int) string { return p.cut(known.text, 0, room) })
		p.addresses(at, known)
		return
	}
	if doc := p.inside(at, b); doc != nil {
		p.line(at, offset, func(int) string {
			return "string of " + count(len(b), "byte") + " with bencode in it"
		})
		base := p.base
		p.base = offset + len(v.Raw()) - len(b)
		p.value(place{label: "bencode", depth: at.depth + 1, nested: at.nested + 1}, doc.Root())
		p.base = base
		return
	}
	p.line(at, offset, func(room int) string {
		if isText(b) || strings.Contains(v.Text(), "://") { // hex would not hide the secrets of a URL
			return p.quoted(v.Text(), room)
		}
		return p.hex(b, room)
	})
}

// inside returns the bencode inside a string, or nil.
func (p *printer) inside(at place, b []byte) *bencode.Document {
	if at.nested == maxNested || len(b) < 2 || b[0] != 'd' && b[0] != 'l' || b[len(b)-1] != 'e' {
		return nil
	}
	doc, err := bencode.Parse(b)
	if err != nil || len(doc.Trailing()) > 0 || doc.Root().Len() == 0 {
		return nil
	}
	return doc
}

// quoted formats a text in quotes. If it is cut, its length follows.
func (p *printer) quoted(text string, room int) string {
	limit := maxText
	if room > 0 {
		limit = min(limit, room)
	}
	masked := p.Mask(text)
	head := masked
	if len(head) > 4*limit { // what is shown is in it, as a character has four bytes at most
		head = head[:4*limit]
	}
	safe := term.Safe(head)
	if len(head) == len(masked) && term.Width(safe)+2 <= limit {
		return `"` + safe + `"`
	}
	note := " (" + count(len(text), "byte") + ")"
	return `"` + p.cut(safe, len(note)+2, limit) + `"` + p.Palette.Dim(note)
}

// hex formats bytes in hex, with their number.
func (p *printer) hex(b []byte, room int) string {
	note := " (" + count(len(b), "byte") + ")"
	return p.cut(hex.EncodeToString(b[:min(len(b), maxText)]), len(note), room) + p.Palette.Dim(note)
}

// A known is a string whose meaning its key says.
type known struct {
	text      string
	addresses []string // some of them
	all       int      // addresses
}

// knownString formats a string whose key says what it is: hashes of pieces, or addresses in
// compact form (BEP 5, 7, 11, 23).
func knownString(at place, b []byte) (k known, ok bool) {
	if len(b) == 0 {
		return k, false
	}
	switch key := at.key; {
	case key == "pieces" && len(b)%20 == 0 && at.dict.Get("piece length").Exists():
		return known{text: "SHA-1 of " + count(len(b)/20, "piece")}, true
	case !at.list && len(key) == 32 && len(b)%32 == 0 && !isText([]byte(key)): // of piece layers
		return known{text: "SHA-256 of " + count(len(b)/32, "piece")}, true
	case addressKeys[key]:
		return compact(key, b, at.list)
	case key == "ip" || key == "yourip" || key == "external ip":
		ip, ok := netip.AddrFromSlice(b) // 4 or 16 bytes; else it is a text
		return known{text: ip.String()}, ok
	}
	return k, false
}

// addressKeys are the keys of addresses in compact form.
var addressKeys = map[string]bool{
	"peers": true, "peers6": true, "banned_peers": true, "banned_peers6": true, "added": true, "added6": true, "dropped": true, "dropped6": true,
	"values": true, "nodes": true, "nodes6": true,
}

// compact formats addresses in compact form. In a list, each item is one address. Those of
// DHT nodes have a node ID of 20 bytes in front, except in state files.
func compact(key string, b []byte, list bool) (k known, ok bool) {
	size := 6
	if strings.HasSuffix(key, "6") || key == "values" && len(b) == 18 {
		size = 18
	}
	id := 0
	if strings.HasPrefix(key, "nodes") && len(b)%(size+20) == 0 {
		id = 20
	}
	if len(b)%(size+id) != 0 || list && len(b) != size+id || isText(b) {
		return k, false
	}
	k.all = len(b) / (size + id)
	for i := range min(k.all, maxAddresses) {
		entry := b[i*(size+id):][:size+id]
		text := address(entry[id:])
		if id > 0 {
			text += "  " + hex.EncodeToString(entry[:id])
		}
		k.addresses = append(k.addresses, text)
	}
	if k.all == 1 {
		return known{text: k.addresses[0]}, true
	}
	k.text = fmt.Sprintf("%s addresses in %s", term.Count(int64(k.all)), count(len(b), "byte"))
	return k, true
}

func (p *printer) addresses(at place, k known) {
	for _, a := range k.addresses {
		p.line(place{depth: at.depth + 1}, -1, func(int) string { return a })
	}
	if more := k.all - len(k.addresses); more > 0 && len(k.addresses) > 0 {
		p.note(at, p.Palette.Ellipsis()+" and "+term.Count(int64(more))+" more (--json has all of them)")
	}
}

// address formats an IP address of 4 or 16 bytes that is followed by a port.
func address(b []byte) string {
	ip, _ := netip.AddrFromSlice(b[:len(b)-2])
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[len(b)-2:])).String()
}
