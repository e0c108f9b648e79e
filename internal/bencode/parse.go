package bencode

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// The default limits of a Parser.
const (
	DefaultMaxDepth = 100         // of nested lists and dicts
	DefaultMaxItems = 100_000_000 // values and dict keys
	DefaultMaxSize  = 1 << 30     // bytes
)

// maxIrregularities limits the irregularities that a Document stores. Others are only
// counted.
const maxIrregularities = 1000

// A Parser parses bencode. The zero Parser is lenient and has the default limits.
type Parser struct {
	Strict   bool  // return an error for the first Irregularity
	MaxDepth int   // 0 means DefaultMaxDepth
	MaxItems int   // 0 means DefaultMaxItems
	MaxSize  int64 // bytes; 0 means DefaultMaxSize; at most 4 GiB - 1
}

// Parse parses src with the zero Parser.
func Parse(src []byte) (*Document, error) { return Parser{}.Parse(src) }

// Parse parses the value at the start of src. The Document keeps src, which must not
// change afterwards. Every error is a *SyntaxError.
func (p Parser) Parse(src []byte) (*Document, error) {
	_, doc, err := p.parse(src)
	return doc, err
}

// ParsePart is Parse, but for invalid input it also returns a Document of what is before
// the error, if that is a part of a list or dict. Lists and dicts that are open there end
// there, and a key without a value is left out. The Document has the offsets of the input,
// but not its bytes. The error is a *SyntaxError with a Key.
func (p Parser) ParsePart(src []byte) (*Document, error) {
	s, doc, err := p.parse(src)
	if err == nil || s.depth == 0 {
		return doc, err
	}
	end := s.done
	if top := &s.stack[s.depth-1]; top.hasKey && top.keyEnd == end {
		end = top.keyOff
		if syntax, ok := errors.AsType[*SyntaxError](err); ok {
			syntax.Key = string(top.key)
		}
	}
	part := append(slices.Clip(src[:end]), bytes.Repeat([]byte("e"), s.depth)...)
	doc, _ = p.Parse(part) // it was parsed before
	return doc, err
}

func (p Parser) parse(src []byte) (*scanner, *Document, error) {
	s := &scanner{
		src:      src,
		strict:   p.Strict,
		maxDepth: cmp.Or(p.MaxDepth, DefaultMaxDepth),
		maxItems: min(cmp.Or(p.MaxItems, DefaultMaxItems), math.MaxInt32),
	}
	maxSize := min(cmp.Or(p.MaxSize, DefaultMaxSize), math.MaxUint32)
	if int64(len(src)) > maxSize {
		return s, nil, &SyntaxError{Offset: int(maxSize), Msg: fmt.Sprintf("longer than %d bytes", maxSize)}
	}
	if err := s.scan(); err != nil {
		return s, nil, err
	}
	slices.Sort(s.doc.twice)
	slices.SortStableFunc(s.doc.irregular, func(a, b Irregularity) int { return cmp.Compare(a.Offset, b.Offset) })
	return s, &s.doc, nil
}

// An extent is the range of a list or dict in the input.
type extent struct{ off, end uint32 }

// longExtent is the length in bytes from which a list or dict is in the index. Shorter
// ones, of which a torrent may have millions, are scanned again when their end is
// needed.
const longExtent = 1024

// A frame is a list or dict whose end has not been parsed yet.
type frame struct {
	off      int
	long     int // its index in Document.long, if it is long
	dict     bool
	wantKey  bool
	disorder bool // keys were not strictly ascending: look for duplicates at the end
	hasKey   bool
	key      []byte // the latest key
	keyOff   int
	keyEnd   int
}

type scanner struct {
	src                []byte
	strict             bool
	maxDepth, maxItems int

	pos   int
	items int
	stack []frame
	doc   Document

	done, depth int // pos and the number of open lists and dicts before the latest token
}

func (s *scanner) errorf(off int, format string, args ...any) error {
	return &SyntaxError{Offset: off, Msg: fmt.Sprintf(format, args...)}
}

func (s *scanner) irregular(what Irregular, off int) error {
	if s.strict {
		return s.errorf(off, "%v", what)
	}
	if len(s.doc.irregular) < maxIrregularities {
		s.doc.irregular = append(s.doc.irregular, Irregularity{what, off})
	}
	s.doc.irregularCount++
	return nil
}

func (s *scanner) scan() error {
	s.doc.src = s.src
	for {
		s.done, s.depth = s.pos, len(s.stack)
		if err := s.step(); err != nil {
			return err
		}
		if len(s.stack) == 0 {
			break
		}
	}
	s.doc.end = s.pos
	if s.pos < len(s.src) {
		return s.irregular(IrregularTrailingBytes, s.pos)
	}
	return nil
}

// step parses one token: a scalar, the start of a container, or its end.
func (s *scanner) step() error {
	var top *frame
	if n := len(s.stack); n > 0 {
		top = &s.stack[n-1]
	}
	if s.pos == len(s.src) {
		if top == nil {
			return s.errorf(s.pos, "nothing here")
		}
		return s.errorf(s.pos, "input ends inside the %s that began at byte %d", containerName(top.dict), top.off)
	}
	c := s.src[s.pos]
	digit := '0' <= c && c <= '9'
	switch {
	case c == 'e' && top != nil:
		return s.close(top)
	case top != nil && top.dict && top.wantKey:
		if !digit {
			return s.errorf(s.pos, "expected a dict key or the end of the dict, found %s", char(c))
		}
		return s.key(top)
	}
	if top != nil {
		top.wantKey = true
	}
	switch {
	case digit:
		return s.string()
	case c == 'i':
		return s.integer()
	case c == 'l', c == 'd':
		return s.open(c == 'd')
	}
	return s.errorf(s.pos, "expected a value, found %s", char(c))
}

// char formats a byte for an error: unquoted only if it is ASCII.
func char(c byte) string {
	if c < 0x80 {
		return strconv.QuoteRune(rune(c))
	}
	return fmt.Sprintf("byte 0x%02x", c)
}

func containerName(dict bool) string {
	if dict {
		return "dict"
	}
	return "list"
}

// count counts a value or key at off.
func (s *scanner) count(off int) error {
	if s.items >= s.maxItems {
		return s.errorf(off, "more than %d items", s.maxItems)
	}
	s.items++
	return nil
}

func (s *scanner) open(dict bool) error {
	if len(s.stack) >= s.maxDepth {
		return s.errorf(s.pos, "nested deeper than %d levels", s.maxDepth)
	}
	s.stack = append(s.stack, frame{off: s.pos, long: len(s.doc.long), dict: dict, wantKey: true})
	s.doc.long = append(s.doc.long, extent{off: uint32(s.pos)})
	s.pos++
	return s.count(s.pos - 1)
}

func (s *scanner) close(top *frame) error {
	if top.dict && !top.wantKey {
		return s.errorf(s.pos, "dict key without a value")
	}
	s.pos++
	if s.pos-top.off < longExtent {
		s.doc.long = s.doc.long[:top.long] // it is the last: nothing inside of it is long
	} else {
		s.doc.long[top.long].end = uint32(s.pos)
	}
	if top.disorder {
		if err := s.duplicates(Value{&s.doc, uint32(top.off), uint32(s.pos)}); err != nil {
			return err
		}
	}
	s.stack = s.stack[:len(s.stack)-1]
	return nil
}

// duplicates records every repeated key of an irregular dict. It stores only offsets of
// keys, as a hostile dict may have millions.
func (s *scanner) duplicates(dict Value) error {
	keys := make([]uint32, 0, dict.Len())
	for k := range dict.Entries() {
		keys = append(keys, k.off)
	}
	key := func(off uint32) []byte { return payload(s.src[off:s.doc.endOf(off, false)]) }
	slices.SortStableFunc(keys, func(a, b uint32) int { return bytes.Compare(key(a), key(b)) })
	found := false
	for i := 1; i < len(keys); i++ {
		if bytes.Equal(key(keys[i-1]), key(keys[i])) {
			if err := s.irregular(IrregularDuplicateKey, int(keys[i])); err != nil {
				return err
			}
			found = true
		}
	}
	if found {
		s.doc.twice = append(s.doc.twice, dict.off)
	}
	return nil
}

func (s *scanner) key(top *frame) error {
	off := s.pos
	if err := s.string(); err != nil {
		return err
	}
	key := payload(s.src[off:s.pos])
	if top.hasKey {
		switch c := bytes.Compare(top.key, key); {
		case c == 0 && s.strict:
			return s.irregular(IrregularDuplicateKey, off)
		case c == 0:
			top.disorder = true
		case c > 0:
			top.disorder = true
			if err := s.irregular(IrregularUnsorted, off); err != nil {
				return err
			}
		}
	}
	top.key, top.hasKey, top.wantKey = key, true, false
	top.keyOff, top.keyEnd = off, s.pos
	return nil
}

func (s *scanner) string() error {
	off := s.pos
	n := 0
	for s.pos < len(s.src) && '0' <= s.src[s.pos] && s.src[s.pos] <= '9' {
		// Stop at the first digit that makes it longer than the input, so that it can't
		// overflow.
		d := int(s.src[s.pos] - '0')
		if n > (len(s.src)-d)/10 {
			return s.errorf(off, "string is longer than the input")
		}
		n = n*10 + d
		s.pos++
	}
	if s.pos == len(s.src) {
		return s.errorf(s.pos, "input ends inside the length of a string")
	}
	if s.src[s.pos] != ':' {
		return s.errorf(s.pos, "expected ':' after the length of a string, found %s", char(s.src[s.pos]))
	}
	if s.src[off] == '0' && s.pos-off > 1 {
		if err := s.irregular(IrregularLeadingZeroLength, off); err != nil {
			return err
		}
	}
	s.pos++
	if n > len(s.src)-s.pos {
		return s.errorf(off, "string of %d bytes, but only %d are left", n, len(s.src)-s.pos)
	}
	s.pos += n
	return s.count(off)
}

func (s *scanner) integer() error {
	off := s.pos
	s.pos++
	negative := s.pos < len(s.src) && s.src[s.pos] == '-'
	if negative {
		s.pos++
	}
	first := s.pos
	for s.pos < len(s.src) && '0' <= s.src[s.pos] && s.src[s.pos] <= '9' {
		s.pos++
	}
	digits := s.src[first:s.pos]
	switch {
	case s.pos == len(s.src):
		return s.errorf(s.pos, "input ends inside an integer")
	case len(digits) == 0 || s.src[s.pos] != 'e':
		return s.errorf(s.pos, "expected a digit, found %s", char(s.src[s.pos]))
	}
	s.pos++
	// An integer of few digits and without a leading zero is regular.
	if n := len(digits); n > 18 || digits[0] == '0' && (n > 1 || negative) {
		if err := s.irregularInteger(off, negative, digits); err != nil {
			return err
		}
	}
	return s.count(off)
}

// irregularInteger records the irregularities of the integer at off.
func (s *scanner) irregularInteger(off int, negative bool, digits []byte) error {
	var err error
	switch {
	case digits[0] != '0':
	case len(digits) > 1:
		err = s.irregular(IrregularLeadingZero, off)
	case negative:
		err = s.irregular(IrregularNegativeZero, off)
	}
	if _, ok := parseInt(negative, digits); err == nil && !ok {
		err = s.irregular(IrregularBigInteger, off)
	}
	return err
}

// parseInt parses decimal digits. It returns false if the number overflows 64 bits.
func parseInt(negative bool, digits []byte) (int64, bool) {
	var n uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	switch {
	case negative && n <= 1<<63:
		return -int64(n), true // 1<<63 becomes the smallest int64, as it should
	case !negative && n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}
