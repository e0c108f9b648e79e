//go:build unix

package lanes

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Messages that end where no memory follows: a kernel that reads a byte too
// much, or a prefetch that is more than a hint, ends the test.
func TestBeforeUnmappedPage(t *testing.T) {
	page := os.Getpagesize()
	each(t, func(t *testing.T, h *Hasher) {
		m := newMessages(t, whole)
		for i := range 40 {
			b, err := unix.Mmap(-1, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Munmap(b)
			if err := unix.Mprotect(b[2*page:], unix.PROT_NONE); err != nil {
				t.Fatal(err)
			}
			n := []int{1, 55, 56, 63, 64, 65, 119, 120, 128, page - 1, page, page + 1, 2 * page}[i%13]
			data := b[2*page-n : 2*page : 2*page]
			for j := range data {
				data[j] = byte(i + j)
			}
			m.data = append(m.data, data)
		}
		n := len(m.data)
		m.pos, m.sums, m.done = make([]int, n), make([][32]byte, n), make([]bool, n)
		h.Run(n, m)
		m.check(h)
	})
}
