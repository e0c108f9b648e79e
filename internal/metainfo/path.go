package metainfo

import (
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"
)

// CheckComponent says why a name out of a torrent must not touch a disk as one
// component of a path, on any system: it is empty, ".", "..", a drive letter,
// or holds a separator or a NUL.
func CheckComponent(c string) error {
	switch {
	case c == "":
		return errors.New("is empty")
	case c == "." || c == "..":
		return errors.New("means another directory")
	case strings.IndexByte(c, 0) >= 0:
		return errors.New("holds a NUL byte")
	case strings.ContainsAny(c, `/\`):
		return errors.New("holds a path separator")
	case len(c) == 2 && c[1] == ':' && isLetter(c[0]):
		return errors.New("is a drive letter")
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
		r.add(LongName, at, "a name of %d bytes; file systems take %d", len(c), maxComponent)
	}
	if !utf8.ValidString(c) {
		r.add(NotUTF8, at, "a name that is not UTF-8: %s", quote(c))
	}
	if windowsRefuses(c) {
		r.add(WindowsName, at, "a name that Windows can't store: %s", quote(c))
	}
}

// windowsRefuses tells names that Windows file systems can't hold.
func windowsRefuses(c string) bool {
	for i := 0; i < len(c); i++ {
		if c[i] < 0x20 || strings.IndexByte(`<>:"|?*`, c[i]) >= 0 {
			return true
		}
	}
	if last := c[len(c)-1]; last == '.' || last == ' ' {
		return true
	}
	if len(c) < 3 || len(c) > 4 && c[3] != '.' && (len(c) < 5 || c[4] != '.') {
		return false
	}
	base, _, _ := strings.Cut(c, ".")
	switch base = strings.ToUpper(base); base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (base[:3] == "COM" || base[:3] == "LPT") && '1' <= base[3] && base[3] <= '9'
}

// collisions finds files that would be the same file on disk, and files that
// would have to be directories too. Pad files are not on disk.
func (r *reader) collisions() {
	files := r.t.Files
	order := make([]int32, 0, len(files))
	sorted := true
	for i := range files {
		if files[i].Pad || len(files[i].Path) == 0 {
			continue
		}
		if n := len(order); n > 0 && slices.Compare(files[order[n-1]].Path, files[i].Path) >= 0 {
			sorted = false
		}
		order = append(order, int32(i))
	}
	if !sorted {
		slices.SortStableFunc(order, func(a, b int32) int { return slices.Compare(files[a].Path, files[b].Path) })
	}
	// In the order of components nothing stands between a path and what is below it.
	for i := 1; i < len(order); i++ {
		a, b := &files[order[i-1]], &files[order[i]]
		if len(a.Path) > len(b.Path) || !slices.Equal(a.Path, b.Path[:len(a.Path)]) {
			continue
		}
		if len(a.Path) == len(b.Path) {
			r.add(DuplicatePath, int(b.at), "two files have the path %s", quotePath(b.Path))
		} else {
			r.add(DuplicatePath, int(b.at), "%s is a file and a directory", quotePath(a.Path))
		}
	}
	r.caseCollisions(order)
}

// caseCollisions keeps a hash of each folded path and not the path: a torrent
// may have millions.
func (r *reader) caseCollisions(order []int32) {
	seed := maphash.MakeSeed()
	seen := make(map[uint64]int32, len(order))
	for _, i := range order {
		f := &r.t.Files[i]
		folded := strings.ToLower(strings.Join(f.Path, "/"))
		h := maphash.String(seed, folded)
		j, ok := seen[h]
		if ok && !slices.Equal(r.t.Files[j].Path, f.Path) {
			r.add(CaseCollision, int(f.at), "two paths differ only in case: %s", quotePath(f.Path))
		}
		seen[h] = i
	}
}
