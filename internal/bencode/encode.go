package bencode

import (
	"fmt"
	"strconv"
)

// An Encoder writes canonical bencode. The zero Encoder is ready to use. Methods panic
// if the calls don't make valid bencode, such as keys out of order or too many Ends.
type Encoder struct {
	buf  []byte
	open []encFrame

	counting bool
	size     int64
	values   int
}

// NewCounter returns an Encoder that counts what is written, and does not keep it.
func NewCounter() *Encoder { return &Encoder{counting: true} }

// Counts reports whether the Encoder is from NewCounter.
func (e *Encoder) Counts() bool { return e.counting }

// Size returns the number of bytes that were written.
func (e *Encoder) Size() int64 { return e.size + int64(len(e.buf)) }

// Values returns the number of values and keys that a counter has counted.
func (e *Encoder) Values() int { return e.values }

// CountString counts a string of n bytes, as a value or a key.
func (e *Encoder) CountString(n int64) {
	if n := len(e.open); n > 0 {
		e.open[n-1].needValue = false
	}
	e.buf = strconv.AppendInt(e.buf, n, 10)
	e.size += 1 + n
	e.count()
}

// count forgets the bytes of the latest value or key of a counter.
func (e *Encoder) count() {
	if e.counting {
		e.size += int64(len(e.buf))
		e.buf = e.buf[:0]
		e.values++
	}
}

type encFrame struct {
	dict, hasKey, needValue bool
	key                     string
}

// Grow allocates memory for n more bytes.
func (e *Encoder) Grow(n int) {
	if cap(e.buf)-len(e.buf) < n {
		e.buf = append(make([]byte, 0, len(e.buf)+n), e.buf...)
	}
}

// Bytes returns the encoded bytes. All lists and dicts must be ended.
func (e *Encoder) Bytes() []byte {
	if len(e.open) > 0 {
		panic("bencode: Bytes inside a list or dict")
	}
	return e.buf
}

// value is called before each value is written.
func (e *Encoder) value() {
	if n := len(e.open); n > 0 && e.open[n-1].dict {
		if !e.open[n-1].needValue {
			panic("bencode: value without a key in a dict")
		}
		e.open[n-1].needValue = false
	}
}

// Int writes an integer.
func (e *Encoder) Int(n int64) {
	e.value()
	e.buf = append(e.buf, 'i')
	e.buf = strconv.AppendInt(e.buf, n, 10)
	e.buf = append(e.buf, 'e')
	e.count()
}

// String writes a string.
func (e *Encoder) String(s string) {
	e.value()
	e.string(s)
}

func (e *Encoder) string(s string) {
	e.buf = strconv.AppendInt(e.buf, int64(len(s)), 10)
	e.buf = append(e.buf, ':')
	e.buf = append(e.buf, s...)
	e.count()
}

// Blob writes a string given as bytes.
func (e *Encoder) Blob(b []byte) {
	e.value()
	e.buf = strconv.AppendInt(e.buf, int64(len(b)), 10)
	e.buf = append(e.buf, ':')
	e.buf = append(e.buf, b...)
	e.count()
}

// Encoded writes a value that is encoded already. It does not check it.
func (e *Encoder) Encoded(value []byte) {
	e.value()
	e.buf = append(e.buf, value...)
	e.count()
}

// List begins a list, Dict a dict; End ends the innermost.
func (e *Encoder) List() {
	e.value()
	e.buf = append(e.buf, 'l')
	e.count()
	e.open = append(e.open, encFrame{})
}

// Dict begins a dict.
func (e *Encoder) Dict() {
	e.value()
	e.buf = append(e.buf, 'd')
	e.count()
	e.open = append(e.open, encFrame{dict: true})
}

// Key writes a dict key. Its value must follow. Keys must be in ascending order of
// their bytes.
func (e *Encoder) Key(k string) {
	if len(e.open) == 0 || !e.open[len(e.open)-1].dict {
		panic("bencode: key outside a dict")
	}
	f := &e.open[len(e.open)-1]
	switch {
	case f.needValue:
		panic(fmt.Sprintf("bencode: key %q without a value", f.key))
	case f.hasKey && k <= f.key && !e.counting: // a counter may count before names are checked
		panic(fmt.Sprintf("bencode: key %q after %q", k, f.key))
	}
	f.key, f.hasKey, f.needValue = k, true, true
	e.string(k)
}

// End ends the innermost list or dict.
func (e *Encoder) End() {
	if len(e.open) == 0 {
		panic("bencode: End without a beginning")
	}
	f := e.open[len(e.open)-1]
	if f.needValue {
		panic(fmt.Sprintf("bencode: key %q without a value", f.key))
	}
	e.open = e.open[:len(e.open)-1]
	e.buf = append(e.buf, 'e')
}
