package metainfo

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"
)

// errNotInfoHash is the error of ParseInfoHash.
var errNotInfoHash = errors.New("not an info-hash: that is 40 or 64 digits of hex, or 32 of base32")

// The beginnings of info-hashes as multihashes: the code of the hash function and the
// number of bytes, in hex.
const (
	multihashSHA1   = "1114"
	multihashSHA256 = "1220"
)

// ParseInfoHash parses an info-hash: 40 hex or 32 base32 digits (v1), 64 hex digits (v2),
// or a multihash of either, with 1114 or 1220 before the hex digits. It may be written as
// in a magnet link, with urn:btih: or urn:btmh: in front; there a multihash is of v2, as
// BEP 9 says. The result is a link that has nothing else. A v2 info-hash that is cut to 40
// hex digits is taken for v1.
func ParseInfoHash(s string) (*Magnet, error) {
	kind, hash, found := strings.Cut(trimURN(s), ":")
	if !found {
		kind, hash = "", kind
	}
	m := new(Magnet)
	switch isV1, isV2 := kind == "btih" || kind == "", kind == "btmh" || kind == ""; {
	case isV1 && len(hash) == 40:
		m.HasV1 = decodeHash(m.V1[:], hash, hex.DecodeString)
	case isV1 && len(hash) == 32:
		m.HasV1 = decodeHash(m.V1[:], strings.ToUpper(hash), base32.StdEncoding.DecodeString)
	case kind == "" && len(hash) == len(multihashSHA1)+40 && strings.HasPrefix(hash, multihashSHA1):
		m.HasV1 = decodeHash(m.V1[:], hash[len(multihashSHA1):], hex.DecodeString)
	case isV2 && len(hash) == len(multihashSHA256)+64 && strings.HasPrefix(hash, multihashSHA256):
		m.HasV2 = decodeHash(m.V2[:], hash[len(multihashSHA256):], hex.DecodeString)
	case isV2 && len(hash) == 64:
		m.HasV2 = decodeHash(m.V2[:], hash, hex.DecodeString)
	}
	if !m.HasV1 && !m.HasV2 {
		return nil, errNotInfoHash
	}
	return m, nil
}

// trimURN removes the beginning urn: of a text, and makes the name after it lower case.
func trimURN(s string) string {
	const urn = "urn:"
	if len(s) >= len(urn) && strings.EqualFold(s[:len(urn)], urn) {
		s = s[len(urn):]
	}
	kind, hash, found := strings.Cut(s, ":")
	if !found {
		return s
	}
	return strings.ToLower(kind) + ":" + hash
}

// decodeHash sets a hash to the bytes that decode returns for a text, and reports whether
// they are valid.
func decodeHash(hash []byte, s string, decode func(string) ([]byte, error)) bool {
	b, err := decode(s)
	return err == nil && copy(hash, b) == len(hash)
}
