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

// CheckComponent says why a name out of a torrent must not touch a disk as one
// component of a path: it is empty, ".", "..", or holds a slash or a NUL. On
// Windows so is one that holds a backslash, or that is a drive letter or a
// device.
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

// maxComponent is the longest file name, in bytes, that common file systems take.
const maxComponent = 255

// component checks one name and lists what is wrong with it.
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

// decodedNote says what a name means by the encoding of the torrent; "" if
// nothing.
func (r *reader) decodedNote(c string) string {
	if len(c) > 1<<10 {
		return "" // no file has such a name
	}
	if decoded, ok := r.t.recoder().decode(c); ok {
		return fmt.Sprintf(" (%s in %s)", quote(decoded), r.t.recoder().name)
	}
	return ""
}

// UnfinishedSuffixes are what clients append to the name of a file until it is
// complete: Transmission and others, qBittorrent, uTorrent, BitComet.
var UnfinishedSuffixes = []string{".part", ".!qB", ".!ut", ".bc!"}

// unfinished looks for a file that was not complete when the torrent was made.
func (r *reader) unfinished(name string, at int) {
	if slices.ContainsFunc(UnfinishedSuffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
		r.add(CodeUnfinishedName, at, "a name that clients give to files that are not complete: %s", quote(name))
	}
}

// windowsRefuses reports whether Windows can't store a file of that name.
func windowsRefuses(c string) bool {
	for i := range len(c) {
		if windowsReserved[c[i]] {
			return true
		}
	}
	if strings.HasSuffix(c, ".") || strings.HasSuffix(c, " ") {
		return true
	}
	// The name of a device stays one with an extension, and with blanks before it.
	base, _, _ := strings.Cut(c, ".")
	base = strings.TrimRight(base, " ")
	if base == "" || strings.IndexByte("ACLNPaclnp", base[0]) < 0 {
		return false // no device, as nearly all names
	}
	return slices.ContainsFunc(windowsDevices, func(device string) bool { return strings.EqualFold(device, base) })
}

// windowsReserved are the bytes that no name has on Windows.
var windowsReserved = func() (reserved [256]bool) {
	for c := range byte(' ') {
		reserved[c] = true
	}
	for _, c := range []byte(`<>:"|?*\`) {
		reserved[c] = true
	}
	return reserved
}()

// windowsDevices are the names that Windows keeps for devices. It takes the
// digits ¹, ² and ³ of Latin-1 for digits.
var windowsDevices = func() []string {
	names := []string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
	for _, digit := range strings.Split("123456789¹²³", "") {
		names = append(names, "COM"+digit, "LPT"+digit)
	}
	return names
}()

// collisions finds files that would be the same file on disk, and files that
// would have to be directories too. Pad files are not on disk.
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
	// In the order of components nothing stands between a path and what is below it.
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

// caseCollisions keeps a hash of each folded path and not the path: a torrent
// may have millions.
func (r *reader) caseCollisions(order []int32) {
	files := r.t.Files
	f := folder{seed: maphash.MakeSeed()}
	hashes := make([]uint64, len(order))
	for k, i := range order {
		hashes[k] = f.hash(&files[i])
	}
	slices.Sort(hashes)
	alike := make(map[uint64]int32) // hashes of several files, and the one that was met last; 0: none
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

// A folder hashes paths so that those that differ in case or in their Unicode
// form alone have one hash.
type folder struct {
	seed maphash.Seed
	path []string
	buf  []byte
}

func (f *folder) hash(file *File) uint64 {
	const longest = 64 << 10 // of what is longer no system has a file
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
