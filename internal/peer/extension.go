package peer

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"bt/internal/bencode"
)

// The extensions (BEP 10) by their numbers when they are sent to us: this is
// what our handshake says. A peer's handshake has numbers of its own.
const (
	ExtHandshake = 0 // every peer's number for it
	ExtMetadata  = 1
	ExtPEX       = 2
)

// The names that handshakes number.
const (
	MetadataName = "ut_metadata" // BEP 9
	PEXName      = "ut_pex"      // BEP 11
)

// Limits of what a peer's handshake can make us keep. What passes one is left
// out or cut, and no error: nothing depends on it.
const (
	MaxExtensions    = 64      // names
	MaxExtensionName = 64      // bytes
	MaxClient        = 128     // bytes
	MaxQueue         = 1 << 16 // requests

	// MaxMetadata is the longest info dict, in bytes; no parser here reads a
	// longer one.
	MaxMetadata = bencode.DefaultMaxSize
)

// extensionParser has limits that no honest message comes near: what is known of
// the largest is some twenty keys, two deep.
var extensionParser = bencode.Parser{MaxDepth: 16, MaxItems: 2000, MaxSize: MaxExtended}

// An ExtendedHandshake is the first extended message, and may be sent again
// (BEP 10). A field with its zero value is not told.
//
//	d4:ipv44:....4:ipv616:................1:md11:ut_metadatai1ee13:metadata_sizei31235e
//	1:pi6881e4:reqqi250e11:upload_onlyi1e1:v6:bt 1.06:yourip4:....e
type ExtendedHandshake struct {
	// Extensions has the number by which its sender wants each extension; 0 turns
	// one off. A later handshake changes those that it names and no others.
	Extensions map[string]uint8

	Client       string     // "v": name and version, of any bytes
	Port         uint16     // "p": where its sender listens
	Queue        int        // "reqq": how many requests its sender keeps
	MetadataSize int        // bytes of the info dict (BEP 9)
	UploadOnly   bool       // its sender wants nothing (BEP 21)
	YourIP       netip.Addr // "yourip": its receiver, as its sender sees it
	IPv4, IPv6   netip.Addr // where its sender can be reached too
}

// Append writes the whole message. That no two extensions have one number is for
// the caller to see to.
func (h *ExtendedHandshake) Append(b []byte) []byte {
	var e bencode.Encoder
	number := func(key string, n int) {
		if n != 0 {
			e.Key(key)
			e.Int(int64(n))
		}
	}
	address := func(key string, a netip.Addr) {
		if a.IsValid() {
			e.Key(key)
			e.Blob(a.AsSlice())
		}
	}
	e.Dict()
	if ip := h.IPv4.Unmap(); ip.Is4() {
		address("ipv4", ip)
	}
	if ip := h.IPv6.Unmap(); ip.Is6() {
		address("ipv6", ip)
	}
	e.Key("m")
	e.Dict()
	for _, name := range slices.Sorted(maps.Keys(h.Extensions)) {
		e.Key(name)
		e.Int(int64(h.Extensions[name]))
	}
	e.End()
	number("metadata_size", h.MetadataSize)
	number("p", int(h.Port))
	number("reqq", h.Queue)
	if h.UploadOnly {
		number("upload_only", 1)
	}
	if h.Client != "" {
		e.Key("v")
		e.String(h.Client)
	}
	address("yourip", h.YourIP.Unmap())
	e.End()

	b = appendExtendedHead(b, ExtHandshake, len(e.Bytes()))
	return append(b, e.Bytes()...)
}

// ParseExtendedHandshake reads the payload of an extended message to
// ExtHandshake, and keeps nothing of it. It must be a dict; a value in it that
// makes no sense counts as not told.
func ParseExtendedHandshake(payload []byte) (h ExtendedHandshake, err error) {
	doc, err := extensionParser.Parse(payload)
	if err != nil {
		return h, errorf("an extended handshake: %v", err)
	}
	d := doc.Root()
	if d.Kind() != bencode.KindDict {
		return h, errorf("an extended handshake that is %s", d.Kind())
	}
	h = ExtendedHandshake{
		Extensions:   parseExtensions(d.Get("m")),
		Port:         uint16(within(d.Get("p"), 1<<16-1)),
		MetadataSize: within(d.Get("metadata_size"), MaxMetadata),
		YourIP:       parseAddress(d.Get("yourip")),
	}
	if n, ok := d.Get("reqq").Int(); ok {
		h.Queue = int(min(max(n, 0), MaxQueue))
	}
	if n, ok := d.Get("upload_only").Int(); ok {
		h.UploadOnly = n != 0
	}
	if v := d.Get("v").Text(); v != "" {
		h.Client = strings.Clone(v[:min(len(v), MaxClient)])
	}
	if ip := parseAddress(d.Get("ipv4")); ip.Is4() {
		h.IPv4 = ip
	}
	if ip := parseAddress(d.Get("ipv6")); ip.Is6() {
		h.IPv6 = ip
	}
	return h, nil
}

// parseExtensions reads names and numbers; nil if there are none.
func parseExtensions(m bencode.Value) map[string]uint8 {
	var extensions map[string]uint8
	for k, v := range m.Entries() {
		name := k.Text()
		n, ok := v.Int()
		if !ok || n < 0 || n > 255 || len(name) > MaxExtensionName {
			continue
		}
		if _, ok := extensions[name]; ok {
			continue // the first counts, as everywhere in a dict
		}
		if len(extensions) == MaxExtensions {
			break
		}
		if extensions == nil {
			extensions = map[string]uint8{}
		}
		extensions[strings.Clone(name)] = uint8(n)
	}
	return extensions
}

// within reads a number from 1 to most; anything else is 0.
func within(v bencode.Value, most int64) int {
	n, ok := v.Int()
	if !ok || n < 0 || n > most {
		return 0
	}
	return int(n)
}

// parseAddress reads 4 or 16 bytes. An IPv4 address inside an IPv6 one is itself.
func parseAddress(v bencode.Value) netip.Addr {
	ip, _ := netip.AddrFromSlice(v.Bytes())
	return ip.Unmap()
}
