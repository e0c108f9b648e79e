package maketorrent

import (
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

// digits returns how many digits a run has.
func (r run) digits() int { return r.to - r.from }

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

// byteAt reports whether s has one of some bytes at i.
func byteAt(s string, i int, some string) bool {
	return 0 <= i && i < len(s) && strings.IndexByte(some, s[i]) >= 0
}

// digitAt reports whether s has a digit at i.
func digitAt(s string, i int) bool { return byteAt(s, i, "0123456789") }

// skip returns i+1 if s has one of some bytes at i, else i.
func skip(s string, i int, some string) int {
	if byteAt(s, i, some) {
		return i + 1
	}
	return i
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
