package maketorrent

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bt/internal/metainfo"
)

// Gaps in numbered series of files and directories, such as the episodes of a season.

// A gap lists the numbers that are missing in a series.
type gap struct {
	missing     []int
	first, last int
	example     string // the path of one of the series
}

func (g gap) String() string {
	return fmt.Sprintf("%q goes from %d to %d without %s", g.example, g.first, g.last, ranges(g.missing))
}

// ranges formats sorted numbers, as in "1, 3-5".
func ranges(numbers []int) string {
	const most = 10
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		text := strconv.Itoa(numbers[i])
		if j > i {
			text += "-" + strconv.Itoa(numbers[j])
		}
		if parts = append(parts, text); len(parts) == most && j+1 < len(numbers) {
			return strings.Join(parts, ", ") + " and more"
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// A series is the numbered names of one form in one directory.
type series struct {
	numbered
	example string
	main    map[int]bool // numbers of the other files and directories
	other   map[int]bool // numbers of textExtensions, used if there are no others
}

// A seriesKey names a series.
type seriesKey struct {
	dir, name string
	kind      seriesKind
}

// companionExtensions are those of files that accompany others. A series of these has
// gaps where there was nothing to accompany.
var companionExtensions = extensionSet("srt sub idx ass ssa vtt sup smi nfo sfv md5 sha1 sha256 sha512 par2 log cue m3u m3u8 xml url srr srs nzb torrent db ini json lrc")

// textExtensions are those of texts and pictures, which are content or accompany it.
var textExtensions = extensionSet("txt jpg jpeg png gif webp bmp pdf htm html")

// A collector groups the names of a content by their series.
type collector map[seriesKey]*series

// add adds the name of a file or directory.
func (c collector) add(dir, name string, isDir bool) {
	ext := ""
	if !isDir {
		ext = extension(strings.ToLower(name))
	}
	if companionExtensions[ext] {
		return
	}
	if v, ok := parseVolume(name); ok && v.number > 0 {
		return
	}
	n, ok := parseNumbered(name, isDir)
	if !ok {
		return
	}
	key := seriesKey{dir, n.series, n.kind}
	s := c[key]
	if s == nil {
		s = &series{numbered: n, example: name, main: make(map[int]bool), other: make(map[int]bool)}
		if dir != "" {
			s.example = dir + "/" + name
		}
		c[key] = s
	}
	s.padded = s.padded || n.padded
	into := s.main
	if textExtensions[ext] {
		into = s.other
	}
	for _, number := range n.numbers {
		into[number] = true
	}
}

// present returns the numbers of the series.
func (s *series) present() map[int]bool {
	if len(s.main) > 0 {
		return s.main
	}
	return s.other
}

// gap returns what is missing in the series, or false. Numbers that are elsewhere are not
// missing.
func (s *series) gap(elsewhere map[int]bool) (g gap, ok bool) {
	present := s.present()
	numbers := slices.Sorted(maps.Keys(present))
	least, most := 3, len(numbers)/2 // numbers that are present and missing
	if s.explicit {
		least, most = 2, len(numbers)-1
	}
	if len(numbers) < least {
		return g, false
	}
	first, ok := s.first(numbers)
	if !ok {
		return g, false
	}
	g = gap{first: first, last: numbers[len(numbers)-1], example: s.example}
	for n := g.first; n <= g.last; n++ {
		if present[n] || elsewhere[n] {
			continue
		}
		if g.missing = append(g.missing, n); len(g.missing) > most {
			return g, false // more likely a selection
		}
	}
	return g, len(g.missing) > 0
}

// first returns the number that the series begins with, which may be missing. It returns
// false if the sorted numbers are more likely a part of a longer series, or numbers of
// another kind.
func (s *series) first(numbers []int) (first int, ok bool) {
	first = numbers[0]
	if first == 2 && len(numbers) > 2 && (s.explicit || s.padded && s.kind != seriesTrailing) {
		first = 1
	}
	return first, s.explicit || first <= 1 && (s.padded || s.kind < seriesMiddle)
}

// gaps returns the gaps of all series, sorted by directory.
func (c collector) gaps() []gap {
	// A single file of another name or place may be the missing one.
	alone := make(map[seriesKind]map[int]bool)
	for key, s := range c {
		if present := s.present(); len(present) == 1 {
			if alone[key.kind] == nil {
				alone[key.kind] = make(map[int]bool)
			}
			maps.Copy(alone[key.kind], present)
		}
	}
	keys := slices.SortedFunc(maps.Keys(c), func(a, b seriesKey) int {
		return slices.Compare([]string{a.dir, a.name, string(rune(a.kind))}, []string{b.dir, b.name, string(rune(b.kind))})
	})
	var list []gap
	for _, key := range keys {
		if g, ok := c[key].gap(alone[key.kind]); ok {
			list = append(list, g)
		}
	}
	return list
}

// maxSeriesFiles is the maximum number of files whose names are looked at. A release of
// more is no series that people number.
const maxSeriesFiles = 20_000

// seriesGaps returns the gaps in the series of a content, whose paths are sorted.
func seriesGaps(files []metainfo.BuildFile) []gap {
	if len(files) > maxSeriesFiles {
		return nil
	}
	c := make(collector)
	var last []string // directories of the path before
	for _, f := range files {
		path := f.Path
		dirs := path[:len(path)-1]
		same := 0
		for same < min(len(last), len(dirs)) && last[same] == dirs[same] {
			same++
		}
		for i := same; i < len(dirs); i++ {
			c.add(display(dirs[:i]), dirs[i], true)
		}
		c.add(display(dirs), path[len(dirs)], false)
		last = dirs
	}
	return c.gaps()
}
