package peer

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"bt/internal/bencode"
)

// ExtHandshake is the id of an extended handshake (BEP 10). Each side's handshake defines
// the ids of the other messages that it receives.
const ExtHandshake = 0

// The names of extensions in handshakes.
const (
	MetadataName  = "ut_metadata"  // BEP 9
	PEXName       = "ut_pex"       // BEP 11
	HolepunchName = "ut_holepunch" // BEP 55
)

// Limits of a peer's handshake. Values beyond a limit are dropped or cut, without an
// error.
const (
	MaxExtensions    = 64      // names
	MaxExtensionName = 64      // bytes
	MaxClient        = 128     // bytes
	MaxQueue         = 1 << 16 // requests

	// MaxMetadata is the maximum length of an info dict in bytes, as the parser accepts
	// no longer one.
	MaxMetadata = bencode.DefaultMaxSize
)

// extensionParser has limits that are far above real messages, of which the largest has
// about twenty keys, nested two deep.
var extensionParser = bencode.Parser{MaxDepth: 16, MaxItems: 2000, MaxSize: MaxExtended}

// An ExtendedHandshake is the first extended message, which may be repeated later (BEP
// 10). Fields with a zero value are absent.
//
//	d4:ipv44:....4:ipv616:................1:md11:ut_metadatai1ee13:metadata_sizei31235e
//	1:pi6881e4:reqqi250e11:upload_onlyi1e1:v6:bt 1.06:yourip4:....e
type ExtendedHandshake struct {
	// Extensions maps names of extensions to the ids that the sender uses for them; id
	// 0 disables an extension. A later handshake only changes the extensions that it
	// names.
	Extensions map[string]uint8

	Client       string     // "v": name and version; any bytes
	Port         uint16     // "p": the sender's listening port
	Queue        int        // "reqq": number of requests that the sender queues
	MetadataSize int        // bytes of the info dict (BEP 9)
	UploadOnly   bool       // the sender does not download (BEP 21)
	YourIP       netip.Addr // "yourip": the receiver's address, as the sender sees it
	IPv4, IPv6   netip.Addr // additional addresses of the sender
}

// Append appends the whole message. The caller ensures that no two extensions have the
// same id.
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

// ParseExtendedHandshake parses the payload of an extended message with id
// ExtHandshake. The result shares no memory with payload, which must be a dict. Invalid
// values are ignored.
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

// parseExtensions parses names and ids. It returns nil if there are none.
func parseExtensions(m bencode.Value) map[string]uint8 {
	var extensions map[string]uint8
	for k, v := range m.Entries() {
		name := k.Text()
		n, ok := v.Int()
		if !ok || n < 0 || n > 255 || len(name) > MaxExtensionName {
			continue
		}
		if _, ok := extensions[name]; ok {
			continue // the first of duplicate keys counts, as in all dicts
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

// within returns a number from 1 to most, or 0.
func within(v bencode.Value, most int64) int {
	n, ok := v.Int()
	if !ok || n < 0 || n > most {
		return 0
	}
	return int(n)
}

// parseAddress parses an address of 4 or 16 bytes. It converts IPv4-mapped IPv6
// addresses to IPv4.
func parseAddress(v bencode.Value) netip.Addr {
	ip, _ := netip.AddrFromSlice(v.Bytes())
	return ip.Unmap()
}
