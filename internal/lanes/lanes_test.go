package lanes

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math/rand/v2"
	"slices"
	"testing"
)

// messages is a Source that cuts messages into segments.
type messages struct {
	t    testing.TB
	data [][]byte
	cut  func(left int) int // length of the next segment

	pos  []int
	in   [Max]int // the message in each lane, plus 1
	sums [][32]byte
	done []bool
}

func newMessages(t testing.TB, cut func(int) int, lengths ...int) *messages {
	rnd := rand.NewChaCha8([32]byte{byte(len(lengths))})
	m := &messages{t: t, cut: cut, pos: make([]int, len(lengths)), sums: make([][32]byte, len(lengths)), done: make([]bool, len(lengths))}
	for _, n := range lengths {
		b := make([]byte, n)
		rnd.Read(b)
		m.data = append(m.data, b)
	}
	return m
}

func (m *messages) Next(lane, message int) []byte {
	if m.in[lane] != 0 && m.in[lane] != message+1 {
		m.t.Fatalf("lane %d has message %d and wants %d", lane, m.in[lane]-1, message)
	}
	m.in[lane] = message + 1
	left := m.data[message][m.pos[message]:]
	n := len(left)
	if n > 0 {
		n = min(n, max(m.cut(n), 1))
	}
	m.pos[message] += n
	return left[:n:n]
}

func (m *messages) Done(lane, message int, sum *[32]byte) {
	if m.done[message] {
		m.t.Errorf("message %d is done twice", message)
	}
	m.done[message] = true
	m.in[lane] = 0
	m.sums[message] = *sum
}

func (m *messages) check(h *Hasher) {
	m.t.Helper()
	for i, data := range m.data {
		d := h.new()
		d.Write(data)
		if want := d.Sum(nil); !m.done[i] || !bytes.Equal(m.sums[i][:len(want)], want) {
			m.t.Errorf("%s: message %d of %d bytes: %x, want %x", h.path.name, i, len(data), m.sums[i][:len(want)], want)
		}
	}
}

// hashers are all ways on this machine, and the portable kernels.
func hashers() []*Hasher {
	var list []*Hasher
	for _, p := range append(slices.Clone(sha1Paths), path{"portable", sha1Portable, 16, 1}) {
		list = append(list, newHasher(sha1Algorithm, p))
	}
	for _, p := range append(slices.Clone(sha256Paths), path{"portable", sha256Portable, 16, 1}) {
		list = append(list, newHasher(sha256Algorithm, p))
	}
	return list
}

func (h *Hasher) String() string {
	return map[int]string{sha1.Size: "SHA-1 ", sha256.Size: "SHA-256 "}[h.size] + h.path.name
}

// each runs a test with every Hasher, both as it is dispatched and with its
// kernel down to the last message.
func each(t *testing.T, f func(t *testing.T, h *Hasher)) {
	for _, h := range hashers() {
		t.Run(h.String(), func(t *testing.T) { f(t, h) })
		if h.kernel != nil && h.least > 1 {
			h.least = 1
			t.Run(h.String()+" alone", func(t *testing.T) { f(t, h) })
		}
	}
}

func whole(n int) int { return n }

func TestPathsOfThisMachine(t *testing.T) {
	for _, h := range hashers() {
		t.Log("tested here:", h)
	}
	if sha1Paths[0].name == standard.name {
		t.Log("not tested here: kernels, for want of the instructions, or by the tag purego")
	}
}

// Kernels, block by block, against the portable ones.
func TestKernels(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, h := range hashers() {
		portable := sha1Portable
		if h.size == sha256.Size {
			portable = sha256Portable
		}
		for range 200 {
			if h.kernel == nil {
				break
			}
			blocks := 1 + rnd.IntN(5)
			var got, want state
			var ptrs [Max]*byte
			buf := make([]byte, Max*(blocks+1)*blockSize)
			for i := range buf {
				buf[i] = byte(rnd.Uint32())
			}
			for i := range ptrs {
				ptrs[i] = &buf[rnd.IntN(len(buf)-blocks*blockSize)] // not aligned
			}
			for w := range got {
				for i := range got[w] {
					got[w][i] = rnd.Uint32()
				}
			}
			want = got
			h.kernel(&got, &ptrs, blocks)
			portable(&want, &ptrs, blocks)
			for w := range h.iv {
				if !slices.Equal(got[w][:h.lanes], want[w][:h.lanes]) {
					t.Fatalf("%s: word %d after %d blocks is %x, want %x", h, w, blocks, got[w][:h.lanes], want[w][:h.lanes])
				}
			}
		}
	}
}

func TestLengths(t *testing.T) {
	each(t, func(t *testing.T, h *Hasher) {
		// Around blocks and the 9 bytes that padding takes, alone and together.
		var lengths []int
		for _, n := range []int{0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 121, 127, 128, 129, 183, 184, 1000, 16384, 16385} {
			m := newMessages(t, whole, n)
			h.Run(1, m)
			m.check(h)
			lengths = append(lengths, n, n)
		}
		m := newMessages(t, whole, lengths...)
		h.Run(len(lengths), m)
		m.check(h)
		h.Run(0, newMessages(t, whole))
	})
}

func TestCounts(t *testing.T) {
	each(t, func(t *testing.T, h *Hasher) {
		for n := 1; n <= 40; n++ {
			lengths := make([]int, n)
			for i := range lengths {
				lengths[i] = 300 + 7*i*i
			}
			m := newMessages(t, whole, lengths...)
			h.Run(n, m)
			m.check(h)
		}
	})
}

func TestSegments(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	each(t, func(t *testing.T, h *Hasher) {
		for _, cut := range []func(int) int{
			func(int) int { return 1 },
			func(int) int { return 63 },
			func(int) int { return 64 },
			func(int) int { return 65 },
			func(int) int { return rnd.IntN(200) },
			func(int) int { return rnd.IntN(3) * rnd.IntN(2000) },
		} {
			lengths := make([]int, 37)
			for i := range lengths {
				lengths[i] = rnd.IntN(3000)
			}
			m := newMessages(t, cut, lengths...)
			h.Run(len(lengths), m)
			m.check(h)
		}
	})
}

func FuzzHasher(f *testing.F) {
	f.Add(uint64(1), uint8(20), uint16(100), uint16(64))
	f.Add(uint64(2), uint8(3), uint16(5000), uint16(1))
	f.Fuzz(func(t *testing.T, seed uint64, count uint8, longest, segment uint16) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		lengths := make([]int, count%50)
		for i := range lengths {
			switch rnd.IntN(3) {
			case 0:
				lengths[i] = rnd.IntN(int(longest) + 1)
			case 1: // around a block and the padding
				lengths[i] = max(64*rnd.IntN(20)+rnd.IntN(20)-10, 0)
			case 2:
				lengths[i] = int(longest)
			}
		}
		for _, h := range hashers() {
			h.least = 1 + rnd.IntN(h.lanes+1)
			if h.kernel == nil {
				h.least = standard.least
			}
			m := newMessages(t, func(int) int { return 1 + rnd.IntN(int(segment)+1) }, lengths...)
			h.Run(len(lengths), m)
			m.check(h)
		}
	})
}

// A same is a Source of messages of one length with the same bytes.
type same struct {
	data []byte
	gone [Max]bool
}

func (s *same) Next(lane, _ int) []byte {
	s.gone[lane] = !s.gone[lane]
	if s.gone[lane] {
		return s.data
	}
	return nil
}

func (s *same) Done(int, int, *[32]byte) {}

func BenchmarkHasher(b *testing.B) {
	const length = 256 << 10
	for _, h := range hashers() {
		if h.path.name == "portable" {
			continue
		}
		for n := 1; n <= h.lanes; n++ {
			b.Run(fmt.Sprintf("%s/%d messages", h, n), func(b *testing.B) {
				src := &same{data: make([]byte, length)}
				b.SetBytes(int64(n) * length)
				for b.Loop() {
					h.Run(n, src)
				}
			})
		}
	}
}

func BenchmarkStandardLibrary(b *testing.B) {
	for name, new := range map[string]func() hash.Hash{"SHA-1": sha1.New, "SHA-256": sha256.New} {
		b.Run(name, func(b *testing.B) {
			data := make([]byte, 256<<10)
			d := new()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				d.Reset()
				d.Write(data)
				d.Sum(nil)
			}
		})
	}
}

// The marshaled form of the standard library's states is what restore writes.
func TestRestore(t *testing.T) {
	for _, a := range []algorithm{sha1Algorithm, sha256Algorithm} {
		d := a.new()
		b, err := d.(interface{ MarshalBinary() ([]byte, error) }).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		want := []byte(a.magic)
		for _, w := range a.iv {
			want = binary.BigEndian.AppendUint32(want, w)
		}
		want = append(want, make([]byte, blockSize+8)...)
		if !bytes.Equal(b, want) {
			t.Errorf("%x, want %x", b, want)
		}
	}
}
