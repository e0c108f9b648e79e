//go:build !linux

package partial

import "os"

// writeBuffers writes buffers, one after another, at an offset of a file.
func writeBuffers(f *os.File, buffers [][]byte, offset int64) error {
	for _, b := range buffers {
		n, err := f.WriteAt(b, offset)
		if err != nil {
			return err
		}
		offset += int64(n)
	}
	return nil
}
