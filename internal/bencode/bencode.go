// Package bencode parses and encodes bencoding (BEP 3), the format of torrents and of
// messages of trackers and peers.
//
//	integer   i42e
//	string    4:spam          bytes of any kind, length in decimal
//	list      l ... e
//	dict      d key value ... e   keys are strings, sorted as raw bytes
//
// Parsing is lossless: a [Document] keeps the input and an index into it, a [Value] is
// a sub-slice of the input, and dicts keep the order and the duplicate keys of the
// input. A [Parser] is lenient or strict. Input that breaks a rule but is unambiguous
// (unsorted keys, leading zeros, bytes after the end, ...) is recorded as an
// [Irregularity]; a strict parser returns an error for it. Any other invalid input is
// an error for both, with its offset.
//
// [Encoder] writes canonical bencode. The package does not map bencode to Go structs,
// which would lose unknown keys.
package bencode

import "fmt"

// A Kind is the kind of a Value.
type Kind uint8

const (
	KindInvalid Kind = iota // the zero Value: absent
	KindInteger
	KindString
	KindList
	KindDict
)

func (k Kind) String() string {
	return [...]string{"nothing", "an integer", "a string", "a list", "a dict"}[k]
}

// A SyntaxError reports invalid input, or input that exceeds a limit.
type SyntaxError struct {
	Offset int // bytes from the start of the input
	Msg    string

	// Key is the dict key that Parser.ParsePart left out because its value is invalid, or
	// "".
	Key string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bad bencode at byte %d: %s", e.Offset, e.Msg)
}

// An Irregular is a rule of bencoding that a lenient parser allows an input to break.
type Irregular uint8

const (
	IrregularUnsorted          Irregular = iota + 1 // a dict key sorts before the one before it
	IrregularDuplicateKey                           // a dict has a key twice
	IrregularLeadingZero                            // an integer like i007e
	IrregularNegativeZero                           // i-0e
	IrregularBigInteger                             // an integer of more than 64 bits, signed
	IrregularLeadingZeroLength                      // a string length like 04:
	IrregularTrailingBytes                          // bytes follow the first value
)

func (i Irregular) String() string {
	switch i {
	case IrregularUnsorted:
		return "unsorted dict key"
	case IrregularDuplicateKey:
		return "duplicate dict key"
	case IrregularLeadingZero:
		return "leading zero in an integer"
	case IrregularNegativeZero:
		return "negative zero"
	case IrregularBigInteger:
		return "integer beyond 64 bits"
	case IrregularLeadingZeroLength:
		return "leading zero in a string length"
	case IrregularTrailingBytes:
		return "bytes after the end"
	}
	return fmt.Sprintf("Irregular(%d)", uint8(i))
}

// An Irregularity is a broken rule and its offset in the input.
type Irregularity struct {
	What   Irregular
	Offset int
}
