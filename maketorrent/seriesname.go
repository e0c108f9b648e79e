package maketorrent

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// A numbered is what a name says about its place in a series.
type numbered struct {
	kind     seriesKind
	series   string // names with the same kind and series are of one series
	numbers  []int  // several for a double episode
	padded   bool   // the number begins with a zero
	explicit bool   // the name says of what the number is, as in "part 1"
}

// A seriesKind is a form of numbered names.
type seriesKind uint8

const (
	seriesEpisode  seriesKind = iota // S01E02, 1x02
	seriesWord                       // part 1, CD 1, E02
	seriesLeading                    // 01 - name, 01. name, 01_name, 1-01 name
	seriesMiddle                     // name - 01 [1080p]
	seriesTrailing                   // name 01
)

// seriesWords are the words before the number of a part, and the one that stands for all
// of its spellings.
var seriesWords = map[string]string{
	"part": "part", "pt": "part", "parte": "part", "teil": "part", "cd": "cd", "dvd": "dvd", "disc": "disc", "disk": "disc",
	"vol": "volume", "volume": "volume", "tome": "volume", "band": "volume", "book": "book", "issue": "issue",
	"chapter": "chapter", "ch": "chapter", "kapitel": "chapter", "capitulo": "chapter", "track": "track",
	"episode": "episode", "ep": "episode", "e": "episode", "folge": "episode", "episodio": "episode",
	"season": "season", "s": "season", "staffel": "season", "saison": "season", "temporada": "season",
	"lesson": "lesson", "lecture": "lecture", "module": "module", "week": "week",
}

// cameras are the beginnings of names that cameras and phones number. Such series have
// gaps where a picture was deleted.
var cameras = []string{"img", "dsc", "pict", "mvi", "vid", "gopr", "gx", "gh", "dji", "sam", "cimg", "wp", "photo", "scan", "screenshot", "mov", "pxl", "rimg", "imag"}

// parseNumbered returns what a name says about its place in a series. It returns false
// for a name without a number, and for one whose number means something else, such as a
// year, a date, a resolution or a version.
func parseNumbered(name string, dir bool) (n numbered, ok bool) {
	if !strings.ContainsAny(name, "0123456789") {
		return n, false
	}
	stem := strings.ToLower(name)
	if !dir {
		stem = strings.TrimSuffix(stem, extension(stem))
	}
	for _, parse := range []func(string) (numbered, bool){parseEpisode, parseWord, parseLeading, parseMiddle, parseTrailing} {
		if n, ok = parse(stem); ok {
			return n, true
		}
	}
	return n, false
}

// extension returns the extension of a name in lower case, with its dot. A number or an
// episode after a dot is none.
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) < 2 || len(ext) > 6 || strings.ContainsFunc(ext[1:], func(c rune) bool { return !isLower(c) && !isDigit(c) }) {
		return ""
	}
	if strings.ContainsAny(ext, "0123456789") && !slices.Contains(numberedExtensions, ext) {
		return ""
	}
	return ext
}

var numberedExtensions = []string{".mp2", ".mp3", ".mp4", ".m4a", ".m4b", ".m4v", ".m2ts", ".mk3d", ".3gp", ".ac3", ".m3u", ".m3u8", ".7z", ".bz2", ".par2", ".azw3", ".jp2", ".cr2", ".md5", ".sha1"}

func isLower(c rune) bool { return 'a' <= c && c <= 'z' }
func isDigit(c rune) bool { return '0' <= c && c <= '9' }

// A run is a sequence of digits in a name.
type run struct{ from, to int }

// nextRun returns the first run at or after i, or false.
func nextRun(s string, i int) (run, bool) {
	for ; i < len(s); i++ {
		if r, ok := runAt(s, i); ok {
			return r, true
		}
	}
	return run{}, false
}

// runAt returns the run that begins at i, or false.
func runAt(s string, i int) (run, bool) {
	to := i
	for to < len(s) && isDigit(rune(s[to])) {
		to++
	}
	return run{i, to}, to > i
}

// number returns the number of a run, or false if it has too many digits, or is a year.
func (r run) number(s string) (n int, padded, ok bool) {
	text := s[r.from:r.to]
	padded = text[0] == '0' && len(text) > 1
	if len(text) > 3 && !padded || len(text) > 6 {
		return 0, false, false
	}
	n, err := strconv.Atoi(text)
	return n, padded, err == nil
}

// wordByte reports whether s has a letter or digit at i, also one beyond ASCII.
func wordByte(s string, i int) bool {
	return 0 <= i && i < len(s) && (isLower(rune(s[i])) || isDigit(rune(s[i])) || s[i] >= 0x80)
}

// seriesTitle returns the text before a number, in a form that is equal for spellings of
// one title: without punctuation, a year, and a group in brackets before it.
func seriesTitle(s string) string {
	if strings.HasPrefix(s, "[") {
		if _, rest, ok := strings.Cut(s, "]"); ok {
			s = rest
		}
	}
	words := strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(" ._-()[]#,", c) })
	return strings.Join(slices.DeleteFunc(words, isYear), " ")
}

func isYear(word string) bool {
	n, err := strconv.Atoi(word)
	return len(word) == 4 && err == nil && 1900 <= n && n < 2100
}

// parseEpisode parses S01E02, S01E02E03, S01E02-E04, S01E02-04, S01.E02, 1x02 and 1x02-04.
func parseEpisode(s string) (numbered, bool) {
	for r, ok := nextRun(s, 0); ok; r, ok = nextRun(s, r.to) {
		season, _, ok := r.number(s)
		if !ok || r.to-r.from > 2 {
			continue
		}
		begin, mark := r.from, "x"
		if begin > 0 && s[begin-1] == 's' {
			begin, mark = begin-1, "e"
		}
		at := r.to
		if mark == "e" && at < len(s) && strings.IndexByte(" ._-", s[at]) >= 0 {
			at++
		}
		if wordByte(s, begin-1) || !strings.HasPrefix(s[at:], mark) {
			continue
		}
		at += len(mark)
		if mark == "e" && strings.HasPrefix(s[at:], "p") {
			at++
		}
		first, ok := runAt(s, at)
		if !ok || mark == "x" && (first.to-first.from < 2 || wordByte(s, first.to)) {
			continue
		}
		if numbers := episodes(s, first); numbers != nil {
			return numbered{seriesEpisode, seriesTitle(s[:begin]) + "\x00" + strconv.Itoa(season), numbers, false, true}, season > 0
		}
	}
	return numbered{}, false
}

// longestRange is the maximum number of episodes in one file.
const longestRange = 30

// episodes returns the episodes of a name from the first on.
func episodes(s string, r run) []int {
	n, _, ok := r.number(s)
	if !ok {
		return nil
	}
	list := []int{n}
	for {
		at := r.to
		sep := byte(0)
		if at < len(s) && strings.IndexByte("-+&._ ", s[at]) >= 0 {
			sep = s[at]
			at++
		}
		marked := at < len(s) && (s[at] == 'e' || s[at] == 'x')
		if marked {
			at++
		}
		if !marked && sep != '-' {
			return list
		}
		next, ok := runAt(s, at)
		if !ok || wordByte(s, next.to) && s[next.to] != 'e' && s[next.to] != 'v' {
			return list
		}
		to, _, ok := next.number(s)
		last := list[len(list)-1]
		if !ok || to <= last || to > last+longestRange {
			return list
		}
		if sep != '-' {
			last = to - 1
		}
		for n := last + 1; n <= to; n++ {
			list = append(list, n)
		}
		r = next
	}
}

// parseWord parses a number after one of seriesWords. If there are several, the last one
// counts, as in "season 1 episode 2", but not the part of an episode or the like.
func parseWord(s string) (found numbered, ok bool) {
	for r, ok := nextRun(s, 0); ok; r, ok = nextRun(s, r.to) {
		end := len(strings.TrimRight(s[:r.from], " ._-#"))
		begin := end
		for begin > 0 && isLower(rune(s[begin-1])) {
			begin--
		}
		word, known := seriesWords[s[begin:end]]
		letter := end-begin == 1
		if !known || wordByte(s, begin-1) || letter && (end < r.from || r.to-r.from < 2) {
			continue
		}
		n, padded, ok := r.number(s)
		if !ok || wordByte(s, r.to) && s[r.to] != 'v' {
			continue
		}
		numbers := []int{n}
		if r.to < len(s) && s[r.to] == '-' {
			numbers = episodes(s, r)
		}
		if word == "part" && slices.ContainsFunc(undivided, func(w string) bool { return strings.HasSuffix(found.series, "\x00"+w) }) {
			break
		}
		found = numbered{seriesWord, seriesTitle(s[:begin]) + "\x00" + word, numbers, padded, true}
	}
	return found, found.explicit
}

// undivided are the words whose parts are no series of their own.
var undivided = []string{"episode", "chapter", "track", "lesson", "lecture"}

// parseLeading parses a number at the beginning, also in brackets, and that of a disc and
// track.
func parseLeading(s string) (numbered, bool) {
	s = strings.TrimLeft(s, "([#")
	r, ok := runAt(s, 0)
	if !ok {
		return numbered{}, false
	}
	disc := ""
	if track, ok := runAt(s, r.to+1); ok && s[r.to] == '-' && r.to <= 2 && track.to-track.from == 2 && track.to < len(s) &&
		strings.IndexByte(" ._-", s[track.to]) >= 0 && !wordDigit(s, track.to+1) {
		disc, r = s[:r.to], track
	}
	n, padded, ok := r.number(s)
	rest := s[r.to:]
	bare := strings.TrimLeft(rest, " ._-)]")
	mark := strings.TrimSpace(rest[:len(rest)-len(bare)])
	switch {
	case !ok, len(rest) > 0 && len(bare) == len(rest), wordDigit(bare, 0) && len(rest)-len(bare) == 1:
		return numbered{}, false
	case rest != "" && mark == "" && !padded && disc == "":
		return numbered{}, false // as in "12 monkeys"
	}
	return numbered{seriesLeading, disc, []int{n}, padded || disc != "", false}, true
}

func wordDigit(s string, i int) bool { return i < len(s) && isDigit(rune(s[i])) }

// parseMiddle parses a number of two digits or more after a dash, as in names of anime.
func parseMiddle(s string) (numbered, bool) {
	for at := 0; ; {
		i := strings.Index(s[at:], " - ")
		if i < 0 {
			return numbered{}, false
		}
		dash := at + i
		at = dash + len(" - ")
		r, ok := runAt(s, at)
		if !ok || r.to-r.from < 2 || r.to < len(s) && strings.IndexByte(" .[(v_", s[r.to]) < 0 || wordDigit(s, r.to+1) && s[r.to] != 'v' {
			continue
		}
		if n, padded, ok := r.number(s); ok {
			return numbered{seriesMiddle, seriesTitle(s[:dash]), []int{n}, padded, false}, true
		}
	}
}

// parseTrailing parses a number at the end that begins with a zero, or whose series may
// have one that does, and that is no part of a date or version.
func parseTrailing(s string) (numbered, bool) {
	from := len(strings.TrimRight(s, "0123456789"))
	r := run{from, len(s)}
	if r.to-r.from < 2 || from == 0 {
		return numbered{}, false
	}
	before := strings.TrimRight(s[:from], " ._-")
	if before == "" || isDigit(rune(before[len(before)-1])) || before[len(before)-1] == 'v' {
		return numbered{}, false
	}
	title := seriesTitle(before)
	if len(title) < 2 || slices.ContainsFunc(cameras, func(c string) bool { return strings.HasPrefix(title, c) }) {
		return numbered{}, false
	}
	n, padded, ok := r.number(s)
	return numbered{seriesTrailing, title, []int{n}, padded, false}, ok
}
