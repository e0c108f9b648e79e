package metainfo

import (
	"errors"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CheckComponent returns an error if a name of a torrent must not be used on disk as a
// component of a path: if it is empty, "." or "..", or contains a slash or a NUL. On
// Windows, it also must not contain a backslash, and must not be a drive letter or a
// device name.
func CheckComponent(c string) error {
	switch {
	case c == "":
		return errors.New("is empty")
	case c == "." || c == "..":
		return errors.New("means another directory")
	case strings.IndexByte(c, 0) >= 0:
		return errors.New("holds a NUL byte")
	case strings.IndexByte(c, '/') >= 0:
		return errors.New("holds a path separator")
	case runtime.GOOS == "windows":
		return checkWindowsComponent(c)
	}
	return nil
}

func checkWindowsComponent(c string) error {
	switch {
	case strings.IndexByte(c, '\\') >= 0:
		return errors.New("holds a path separator")
	case len(c) == 2 && c[1] == ':' && isLetter(c[0]):
		return errors.New("is a drive letter")
	case !filepath.IsLocal(c):
		return errors.New("is a device")
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// maxComponent is the maximum length of a file name, in bytes, on common file systems.
const maxComponent = 255

// component adds findings about a name.
func (r *reader) component(unsafe Code, c string, at int) {
	if err := CheckComponent(c); err != nil {
		r.add(unsafe, at, "a name that %v: %s", err, quote(c))
		return
	}
	if len(c) > maxComponent {
		r.add(CodeLongName, at, "a name of %d bytes; file systems take %d", len(c), maxComponent)
	}
	switch {
	case isASCII(c):
	case !utf8.ValidString(c) && r.count[CodeNotUTF8] > maxFindings:
		r.count[CodeNotUTF8]++
	case !utf8.ValidString(c):
		r.add(CodeNotUTF8, at, "a name that is not UTF-8: %s%s", quote(c), r.decodedNote(c))
	case !norm.NFC.IsNormalString(c):
		r.add(CodeDecomposedName, at, "a name in decomposed Unicode, as Macs write it; elsewhere it is another name than the composed one: %s", quote(c))
	}
	if windowsRefuses(c) {
		r.add(CodeWindowsName, at, "a name that Windows can't store: %s", quote(c))
	}
}

// decodedNote returns a note with the name decoded by the torrent's encoding, or "".
func (r *reader) decodedNote(c string) string {
	if len(c) > 1<<10 {
		return "" // no file has such a name
	}
	if decoded, ok := r.t.recoder().decode(c); ok {
		return fmt.Sprintf(" (%s in %s)", quote(decoded), r.t.recoder().name)
	}
	return ""
}

// UnfinishedSuffixes are the suffixes that clients append to the names of unfinished
// files: Transmission and others, qBittorrent, uTorrent, BitComet.
var UnfinishedSuffixes = []string{".part", ".!qB", ".!ut", ".bc!"}

// unfinished adds a finding about a file that was unfinished when the torrent was made.
func (r *reader) unfinished(name string, at int) {
	if slices.ContainsFunc(UnfinishedSuffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
		r.add(CodeUnfinishedName, at, "a name that clients give to files that are not complete: %s", quote(name))
	}
}

// windowsRefuses reports whether a name is invalid on Windows.
func windowsRefuses(c string) bool {
	for i := range len(c) {
		if windowsReserved[c[i]] {
			return true
		}
	}
	if strings.HasSuffix(c, ".") || strings.HasSuffix(c, " ") {
		return true
	}
	// A device name remains one with an extension, or with blanks before it.
	base, _, _ := strings.Cut(c, ".")
	base = strings.TrimRight(base, " ")
	if base == "" || strings.IndexByte("ACLNPaclnp", base[0]) < 0 {
		return false // not a device name: the usual case
	}
	return slices.ContainsFunc(windowsDevices, func(device string) bool { return strings.EqualFold(device, base) })
}

// windowsReserved are the bytes that are invalid in names on Windows.
var windowsReserved = func() (reserved [256]bool) {
	for c := range byte(' ') {
		reserved[c] = true
	}
	for _, c := range []byte(`<>:"|?*\`) {
		reserved[c] = true
	}
	return reserved
}()

// windowsDevices are the device names of Windows, which treats the Latin-1 digits ¹, ²
// and ³ like 1, 2 and 3.
var windowsDevices = func() []string {
	names := []string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
	for _, digit := range strings.Split("123456789¹²³", "") {
		names = append(names, "COM"+digit, "LPT"+digit)
	}
	return names
}()

// collisions finds files with the same path, and files that are also directories. Pad
// files are not on disk.
func (r *reader) collisions() {
	files := r.t.Files
	order := make([]int32, 0, len(files))
	sorted := true
	var last, path []string
	for i := range files {
		f := &files[i]
		if f.Pad || !f.HasPath() {
			continue
		}
		if sorted {
			path = f.AppendPath(path[:0])
			sorted = len(order) == 0 || slices.Compare(last, path) < 0
			last, path = path, last
		}
		order = append(order, int32(i))
	}
	if !sorted {
		slices.SortStableFunc(order, func(a, b int32) int {
			last, path = files[a].AppendPath(last[:0]), files[b].AppendPath(path[:0])
			return slices.Compare(last, path)
		})
	}
	// In this order a path is directly before the paths below it.
	for k, i := range order {
		f := &files[i]
		path = f.AppendPath(path[:0])
		switch {
		case k == 0 || len(last) > len(path) || !slices.Equal(last, path[:len(last)]):
		case len(last) == len(path):
			r.add(CodeDuplicatePath, int(f.at), "two files have the path %s", quotePath(path))
		default:
			r.add(CodeDuplicatePath, int(f.at), "%s is a file and a directory", quotePath(last))
		}
		last, path = path, last
	}
	r.caseCollisions(order)
}

// caseCollisions stores a hash of each folded path instead of the path, as a torrent
// may have millions.
func (r *reader) caseCollisions(order []int32) {
	files := r.t.Files
	f := folder{seed: maphash.MakeSeed()}
	hashes := make([]uint64, len(order))
	for k, i := range order {
		hashes[k] = f.hash(&files[i])
	}
	slices.Sort(hashes)
	alike := make(map[uint64]int32) // hashes of several files, with the latest of those; 0: none
	for k := 1; k < len(hashes); k++ {
		if hashes[k] == hashes[k-1] {
			alike[hashes[k]] = 0
		}
	}
	if len(alike) == 0 {
		return
	}
	for _, i := range order {
		hash := f.hash(&files[i])
		before, several := alike[hash]
		if !several {
			continue
		}
		if path := files[i].Path(); before > 0 && !slices.Equal(files[before-1].Path(), path) {
			r.add(CodeCaseCollision, int(files[i].at), "two paths differ only in case or in their Unicode form: %s", quotePath(path))
		}
		alike[hash] = i + 1
	}
}

// A folder hashes paths. Paths that differ only in case or Unicode normal form have the
// same hash.
type folder struct {
	seed maphash.Seed
	path []string
	buf  []byte
}

func (f *folder) hash(file *File) uint64 {
	const longest = 64 << 10 // longer than any path on disk
	f.path, f.buf = file.AppendPath(f.path[:0]), f.buf[:0]
	ascii := true
	for _, c := range f.path {
		if len(f.buf)+len(c) > longest {
			return maphash.Comparable(f.seed, file.at)
		}
		for i := range len(c) {
			b := c[i]
			ascii = ascii && b < utf8.RuneSelf
			if 'A' <= b && b <= 'Z' {
				b += 'a' - 'A'
			}
			f.buf = append(f.buf, b)
		}
		f.buf = append(f.buf, '/')
	}
	if !ascii {
		f.buf = append(f.buf[:0], strings.ToLower(norm.NFC.String(strings.Join(f.path, "/")+"/"))...)
	}
	return maphash.Bytes(f.seed, f.buf)
}
