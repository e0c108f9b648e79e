package maketorrent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bt/internal/metainfo"
)

// A volume is a part of a split archive or file.
type volume struct {
	set    string // the name without the number, in lower case; one of its directory
	number int
	first  int // the number of the first volume of such a set
}

// splitExtensions are the extensions before the number of a volume, as in x.7z.001.
var splitExtensions = extensionSet("7z zip rar tar tgz gz bz2 xz zst iso img mkv mp4 avi wmv mpg mpeg ts m2ts vob")

// parseVolume returns the volume that a name belongs to: x.part1.rar, x.7z.001, x.z01, and
// x.r00 to x.y99, of which x.rar is the first.
func parseVolume(name string) (volume, bool) {
	name = strings.ToLower(name)
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		return volume{}, false
	}
	stem, ext := name[:i], name[i+1:]
	j := strings.LastIndexByte(stem, '.')
	inner := stem[j+1:]
	switch {
	case ext == "rar" && j > 0 && strings.HasPrefix(inner, "part"):
		n, ok := digits(inner[len("part"):], 1, 4)
		return volume{stem[:j] + ".part", n, 1}, ok
	case ext == "rar":
		return volume{stem + ".r", 0, 0}, true
	case j > 0 && splitExtensions["."+inner]:
		n, ok := digits(ext, 3, 4)
		return volume{stem, n, 1}, ok
	case len(ext) == 3 && ext[0] == 'z':
		n, ok := digits(ext[1:], 2, 2)
		return volume{stem + ".z", n, 1}, ok
	case len(ext) == 3 && 'r' <= ext[0] && ext[0] < 'z':
		n, ok := digits(ext[1:], 2, 2)
		return volume{stem + ".r", int(ext[0]-'r')*100 + n + 1, 0}, ok
	}
	return volume{}, false
}

// digits returns a number of least to most digits.
func digits(s string, least, most int) (int, bool) {
	if len(s) < least || len(s) > most || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// A volumeSet is a split archive.
type volumeSet struct {
	first   string // path of the first volume that was found
	numbers []int
	from    int
}

// volumeSets returns the split archives of a content, in its order.
func volumeSets(files []metainfo.BuildFile) []*volumeSet {
	var list []*volumeSet
	sets := make(map[string]*volumeSet)
	for _, f := range files {
		path := f.Path
		v, ok := parseVolume(path[len(path)-1])
		if !ok {
			continue
		}
		key := display(path[:len(path)-1]) + "/" + v.set
		s := sets[key]
		if s == nil {
			s = &volumeSet{first: display(path), from: v.first}
			sets[key] = s
			list = append(list, s)
		}
		s.numbers = append(s.numbers, v.number)
	}
	for _, s := range list {
		slices.Sort(s.numbers)
		s.numbers = slices.Compact(s.numbers)
	}
	return slices.DeleteFunc(list, func(s *volumeSet) bool { return !s.split() })
}

// split reports whether the set is a split archive. A .rar alone is a whole one, and
// without x.r00 and x.rar a name such as x.s01 is something else.
func (s *volumeSet) split() bool {
	if s.from > 0 {
		return true
	}
	return len(s.numbers) > 1 && s.numbers[0] <= 1
}

// missing returns the volumes that are missing, as their numbers or extensions.
func (s *volumeSet) missing() (list []string) {
	if len(s.numbers) < 2 {
		return nil // more likely a sample than the rest of an archive
	}
	for n, i := min(s.from, s.numbers[0]), 0; i < len(s.numbers); n++ {
		if s.numbers[i] == n {
			i++
		} else {
			list = append(list, s.label(n))
		}
	}
	return list
}

func (s *volumeSet) label(n int) string {
	switch {
	case s.from > 0:
		return strconv.Itoa(n)
	case n == 0:
		return ".rar"
	}
	return fmt.Sprintf(".%c%02d", 'r'+(n-1)/100, (n-1)%100)
}
