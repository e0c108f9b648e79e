package maketorrent

import (
	"slices"
	"strconv"
	"strings"
)

// The forms of numbered names. Each function parses one of them, in a name in lower case
// without its extension.

// parseEpisode parses S01E02, S01E02E03, S01E02-E04, S01E02-04, S01.E02, 1x02 and 1x02-04.
func parseEpisode(s string) (numbered, bool) {
	for season, ok := nextRun(s, 0); ok; season, ok = nextRun(s, season.to) {
		n, _, ok := season.number(s)
		if !ok || season.digits() > 2 {
			continue
		}
		begin, first, ok := firstEpisode(s, season)
		if !ok {
			continue
		}
		if numbers := episodes(s, first); numbers != nil {
			series := seriesTitle(s[:begin]) + "\x00" + strconv.Itoa(n)
			return numbered{kind: seriesEpisode, series: series, numbers: numbers, explicit: true}, n > 0
		}
	}
	return numbered{}, false
}

// firstEpisode returns the number of the episode that follows the number of a season, and
// where the season begins: at the S of S01E02, or at the 1 of 1x02.
func firstEpisode(s string, season run) (begin int, episode run, ok bool) {
	begin = season.from
	if byteAt(s, begin-1, "s") {
		begin--
		episode, ok = runAfterE(s, season.to)
	} else {
		episode, ok = runAfterX(s, season.to)
	}
	return begin, episode, ok && !wordByte(s, begin-1)
}

// runAfterE returns the run of E02, EP02 or .E02 at i, or false.
func runAfterE(s string, i int) (run, bool) {
	i = skip(s, i, " ._-")
	if !byteAt(s, i, "e") {
		return run{}, false
	}
	return runAt(s, skip(s, i+1, "p"))
}

// runAfterX returns the run of x02 at i, or false. One digit is more likely a factor.
func runAfterX(s string, i int) (run, bool) {
	if !byteAt(s, i, "x") {
		return run{}, false
	}
	r, ok := runAt(s, i+1)
	return r, ok && r.digits() >= 2 && !wordByte(s, r.to)
}

// longestRange is the maximum number of episodes in one file.
const longestRange = 30

// episodes returns the numbers of the episodes of a name, of which r is the first. It
// returns nil if that is no number.
func episodes(s string, r run) []int {
	n, _, ok := r.number(s)
	if !ok {
		return nil
	}
	list := []int{n}
	for {
		next, isRange, ok := nextEpisode(s, r.to)
		if !ok {
			return list
		}
		to, _, ok := next.number(s)
		last := list[len(list)-1]
		if !ok || to <= last || to > last+longestRange {
			return list
		}
		if !isRange {
			last = to - 1
		}
		for n := last + 1; n <= to; n++ {
			list = append(list, n)
		}
		r = next
	}
}

// nextEpisode returns the run of another episode, whose mark begins at i: that of E03 or
// -E03 or -03. isRange reports whether the mark has a dash, so that the episodes between
// belong to the name too.
func nextEpisode(s string, i int) (r run, isRange, ok bool) {
	isRange = byteAt(s, i, "-")
	i = skip(s, i, "-+&._ ")
	if !isRange && !byteAt(s, i, "ex") {
		return run{}, false, false
	}
	r, ok = runAt(s, skip(s, i, "ex"))
	return r, isRange, ok && (!wordByte(s, r.to) || byteAt(s, r.to, "ev"))
}

// parseWord parses a number after one of seriesWords. If there are several, the last one
// counts, as in "season 1 episode 2", but not the part of an episode or the like.
func parseWord(s string) (found numbered, ok bool) {
	for r, ok := nextRun(s, 0); ok; r, ok = nextRun(s, r.to) {
		word, begin := wordBefore(s, r)
		n, padded, ok := r.number(s)
		if word == "" || !ok || wordByte(s, r.to) && s[r.to] != 'v' {
			continue
		}
		if word == "part" && found.undivided() {
			break
		}
		numbers := []int{n}
		if byteAt(s, r.to, "-") {
			numbers = episodes(s, r)
		}
		series := seriesTitle(s[:begin]) + "\x00" + word
		found = numbered{kind: seriesWord, series: series, numbers: numbers, padded: padded, explicit: true}
	}
	return found, found.explicit
}

// wordBefore returns what seriesWords has for the word before a number, and where the
// word begins, or "". A word of one letter must touch a number of two digits, as in e02.
func wordBefore(s string, r run) (word string, begin int) {
	end := len(strings.TrimRight(s[:r.from], " ._-#"))
	begin = len(strings.TrimRightFunc(s[:end], isLower))
	switch {
	case wordByte(s, begin-1):
		return "", 0
	case end-begin == 1 && (end < r.from || r.digits() < 2):
		return "", 0
	}
	return seriesWords[s[begin:end]], begin
}

// undividedWords are the words whose parts are no series of their own.
var undividedWords = []string{"episode", "chapter", "track", "lesson", "lecture"}

// undivided reports whether a name that parseWord parsed has one of undividedWords.
func (n *numbered) undivided() bool {
	return slices.ContainsFunc(undividedWords, func(w string) bool { return strings.HasSuffix(n.series, "\x00"+w) })
}

// parseLeading parses a number at the beginning, also in brackets, and that of a disc and
// track.
func parseLeading(s string) (numbered, bool) {
	s = strings.TrimLeft(s, "([#")
	r, ok := runAt(s, 0)
	if !ok {
		return numbered{}, false
	}
	disc := ""
	if track, ok := trackOf(s, r); ok {
		disc, r = s[:r.to], track
	}
	n, padded, ok := r.number(s)
	padded = padded || disc != ""
	if !ok || !startsName(s[r.to:], padded) {
		return numbered{}, false
	}
	return numbered{kind: seriesLeading, series: disc, numbers: []int{n}, padded: padded}, true
}

// trackOf returns the number of a track after that of its disc, as in "1-01 name".
func trackOf(s string, disc run) (track run, ok bool) {
	if disc.digits() > 2 || !byteAt(s, disc.to, "-") {
		return run{}, false
	}
	track, ok = runAt(s, disc.to+1)
	return track, ok && track.digits() == 2 && byteAt(s, track.to, " ._-") && !digitAt(s, track.to+1)
}

// startsName reports whether the text after a leading number shows that the number counts
// something: there is none, or a separator and a name.
func startsName(rest string, padded bool) bool {
	name := strings.TrimLeft(rest, " ._-)]")
	separator := rest[:len(rest)-len(name)]
	switch {
	case rest == "":
		return true
	case separator == "": // as in "3d"
		return false
	case len(separator) == 1 && digitAt(name, 0): // as in "01-02-2020"
		return false
	}
	return padded || strings.TrimSpace(separator) != "" // unlike "12 monkeys"
}

// parseMiddle parses a number of two digits or more after a dash, as in names of anime.
func parseMiddle(s string) (numbered, bool) {
	const dash = " - "
	for from := 0; ; {
		i := strings.Index(s[from:], dash)
		if i < 0 {
			return numbered{}, false
		}
		title := s[:from+i]
		from += i + len(dash)
		if r, ok := middleRun(s, from); ok {
			if n, padded, ok := r.number(s); ok {
				return numbered{kind: seriesMiddle, series: seriesTitle(title), numbers: []int{n}, padded: padded}, true
			}
		}
	}
}

// middleRun returns the run at i if it ends the name, or what follows it can follow the
// number of an episode: other words, or a version as in 01v2.
func middleRun(s string, i int) (run, bool) {
	r, ok := runAt(s, i)
	switch {
	case !ok || r.digits() < 2:
		return run{}, false
	case r.to == len(s), byteAt(s, r.to, "v"):
		return r, true
	}
	return r, byteAt(s, r.to, " .[(_") && !digitAt(s, r.to+1)
}

// parseTrailing parses a number at the end that begins with a zero, or whose series may
// have one that does, and that is no part of a date or version.
func parseTrailing(s string) (numbered, bool) {
	from := len(strings.TrimRight(s, "0123456789"))
	r := run{from, len(s)}
	if r.digits() < 2 || from == 0 {
		return numbered{}, false
	}
	before := strings.TrimRight(s[:from], " ._-")
	if before == "" || byteAt(before, len(before)-1, "0123456789v") {
		return numbered{}, false
	}
	title := seriesTitle(before)
	if len(title) < 2 || slices.ContainsFunc(cameras, func(c string) bool { return strings.HasPrefix(title, c) }) {
		return numbered{}, false
	}
	n, padded, ok := r.number(s)
	return numbered{kind: seriesTrailing, series: title, numbers: []int{n}, padded: padded}, ok
}
