// Package bencode reads and writes bencoding (BEP 3), the syntax of torrents
// and of what trackers and peers say.
//
//	integer   i42e
//	string    4:spam          bytes of any kind, length in decimal
//	list      l ... e
//	dict      d key value ... e   keys are strings, sorted as raw bytes
//
// Reading is lossless: a [Document] keeps the input and an index into it, a
// [Value] is a sub-slice of the input, and dicts keep the order and the
// duplicates of the file. One [Parser] serves strict and lenient readers: what
// breaks a rule but has only one possible meaning (unsorted keys, leading
// zeros, bytes after the end, ...) is recorded as an [Irregularity]; a strict
// parser makes an error of the first one. What has no meaning is an error for
// both, with its offset.
//
// Writing is canonical, by [Encoder]. The package leaves out mapping to Go
// structs: that would lose what the struct does not name.
package bencode

import "fmt"

// Kind says what a Value is.
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

// A SyntaxError says why the input is no bencode, or passes a limit, and where.
type SyntaxError struct {
	Offset int // bytes from the start of the input
	Msg    string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bad bencode at byte %d: %s", e.Offset, e.Msg)
}

// Irregular names a rule of bencoding that an input broke without becoming
// unreadable.
type Irregular uint8

const (
	IrregularUnsorted          Irregular = iota + 1 // a dict key sorts before the one before it
	IrregularDuplicateKey                           // a dict key stands twice
	IrregularLeadingZero                            // an integer like i007e
	IrregularNegativeZero                           // i-0e
	IrregularBigInteger                             // an integer beyond 64 bits, signed
	IrregularLeadingZeroLength                      // a string length like 04:
	IrregularTrailingBytes                          // something follows the first value
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

// An Irregularity is one broken rule and the byte where it shows.
type Irregularity struct {
	What   Irregular
	Offset int
}
