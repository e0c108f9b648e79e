package metainfo

import "slices"

// size returns an upper bound, close to the length of the torrent, as its memory is
// allocated at once.
func (b *Builder) size(l *Layout) int64 {
	n := 4096 + textLength(b.Comment)
	var dir []string
	for i, f := range b.Files {
		length := digits(f.Length) + f.attributesSize()
		path := int64(0)
		for _, c := range f.Path {
			path += textLength(c)
		}
		if b.V1 {
			n += int64(len("d6:lengthie4:pathlee")) + length + path
			if pad := l.gapAfter(i); pad > 0 {
				n += int64(len("d4:attr1:p6:lengthie4:pathl4:.pad1:ee")) + 2*digits(pad)
			}
		}
		if !b.V2 {
			continue
		}
		n += int64(len("d0:d6:lengthie11:pieces root32:ee")) + length + 32
		if len(f.Path) > 0 {
			in := f.Path[:len(f.Path)-1]
			if n += textLength(f.Path[len(in)]); !slices.Equal(in, dir) {
				n += path + 2*int64(len(in)) // at most: paths may share a prefix
				dir = in
			}
		}
		if hashes := b.layerHashes(i); hashes > 0 {
			n += int64(len("32:00000000:")) + 32 + hashes*32
		}
	}
	if b.V1 {
		n += int64(l.Pieces()) * 20
	}
	for _, tier := range b.Trackers {
		n += 2
		for _, u := range tier {
			n += textLength(u)
		}
	}
	return n
}

// textLength returns the length of a text in bencode.
func textLength(s string) int64 { return int64(len(s)) + digits(int64(len(s))) + 1 }

// digits returns the number of digits of a number that is not negative.
func digits(n int64) int64 {
	d := int64(1)
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// items returns an upper bound of the number of values and keys that the files need.
func (b *Builder) items(l *Layout) int {
	n := 1000
	for i, f := range b.Files {
		if b.V1 {
			n += 6 + len(f.Path) + f.attributesItems()
			if l.gapAfter(i) > 0 {
				n += 9
			}
		}
		if b.V2 {
			n += 8 + f.attributesItems() + 2*(len(f.Path)-1) // at most: files may share directories
			if b.layerHashes(i) > 0 {
				n += 2
			}
		}
	}
	return n
}
