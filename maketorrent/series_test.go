package maketorrent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

// filesOf returns the files of a list of paths, separated by |.
func filesOf(list string) []metainfo.BuildFile {
	var files []metainfo.BuildFile
	for path := range strings.SplitSeq(list, "|") {
		files = append(files, metainfo.BuildFile{Path: strings.Split(path, "/")})
	}
	slices.SortFunc(files, func(a, b metainfo.BuildFile) int { return slices.Compare(a.Path, b.Path) })
	return files
}

// counted replaces # by the numbers from first to last, except some. A width pads them.
func counted(format string, first, last int, except ...int) string {
	var list []string
	for n := first; n <= last; n++ {
		if !slices.Contains(except, n) {
			list = append(list, fmt.Sprintf(format, n))
		}
	}
	return strings.Join(list, "|")
}

func TestSeriesGaps(t *testing.T) {
	for _, tt := range []struct{ files, want string }{
		// Gaps.
		{"S01E01.mkv|S01E02.mkv|S01E04.mkv", "3 of 1 to 4"},
		{"Show.S01E01.1080p.WEB.h264-GRP.mkv|Show.S01E02.1080p.WEB.h264-GRP.mkv|Show.S01E04.1080p.WEB.h264-GRP.mkv", "3 of 1 to 4"},
		{"Show.S01E01.mkv|Show.S01E03.mkv", "2 of 1 to 3"},
		{"show s02e08.avi|show s02e09.avi|show s02e11.avi", "10 of 8 to 11"},
		{"Show - S01E01 - Pilot.mkv|Show - S01E02 - Two.mkv|Show - S01E05 - Five.mkv|Show - S01E03 - Three.mkv", "4 of 1 to 5"},
		{counted("Show.S03E%02d.720p.HDTV.x264-GRP.mkv", 1, 22, 7, 8, 15), "7-8, 15 of 1 to 22"},
		{counted("Show.S03E%02d.mkv", 2, 10), "1 of 1 to 10"},
		{"Show.2019.S01E01.mkv|Show.S01E02.mkv|Show.2019.S01E04.mkv", "3 of 1 to 4"},
		{"Show.S01E01-E02.mkv|Show.S01E03.mkv|Show.S01E05.mkv", "4 of 1 to 5"},
		{"Show.S01E01E02.mkv|Show.S01E04.mkv|Show.S01E05.mkv", "3 of 1 to 5"},
		{"Show.S01.E01.mkv|Show.S01.E02.mkv|Show.S01.E04.mkv", "3 of 1 to 4"},
		{"Show 1x01.avi|Show 1x02.avi|Show 1x04.avi", "3 of 1 to 4"},
		{"Show.1x01.Pilot.avi|Show.1x03.Three.avi|Show.1x04.Four.avi", "2 of 1 to 4"},
		{"Show/Season 1/Show.S01E01.mkv|Show/Season 1/Show.S01E02.mkv|Show/Season 1/Show.S01E04.mkv", "3 of 1 to 4"},
		{"Show.S01E01/a.mkv|Show.S01E02/a.mkv|Show.S01E04/a.mkv", "3 of 1 to 4"},
		{"Show.S01E01.mkv|Show.S01E02.mp4|Show.S01E04.avi", "3 of 1 to 4"},
		{"Show.S01E01.mkv|Show.S01E02.mkv|Show.S01E03.nfo|Show.S01E04.mkv", "3 of 1 to 4"},
		{"Show.S01E01.mkv|Show.S01E02.mkv|Show.S01E02.srt|Show.S01E03.srt|Show.S01E04.mkv", "3 of 1 to 4"},
		{"Show.E01.mkv|Show.E02.mkv|Show.E04.mkv", "3 of 1 to 4"},
		{"Show Episode 1.mp4|Show Episode 2.mp4|Show Episode 4.mp4", "3 of 1 to 4"},
		{"Show Ep 9.mp4|Show Ep 10.mp4|Show Ep 12.mp4", "11 of 9 to 12"},
		{"Folge 01.mp3|Folge 02.mp3|Folge 04.mp3", "3 of 1 to 4"},
		{"[Grp] Anime - 01 [1080p][1A2B3C4D].mkv|[Grp] Anime - 02 [1080p][5E6F7A8B].mkv|[Grp] Anime - 04 [1080p][9C0D1E2F].mkv", "3 of 1 to 4"},
		{counted("[Grp] Anime - %02d v2.mkv", 1, 12, 5), "5 of 1 to 12"},
		{"part1|part2|part4", "3 of 1 to 4"},
		{"video.part1.mp4|video.part2.mp4|video.part4.mp4", "3 of 1 to 4"},
		{"Movie CD1.avi|Movie CD3.avi", "2 of 1 to 3"},
		{"Album/CD1/01.flac|Album/CD2/01.flac|Album/CD4/01.flac", "3 of 1 to 4"},
		{"Disc 1/a.iso|Disc 2/a.iso|Disc 4/a.iso", "3 of 1 to 4"},
		{"Season 1/a.mkv|Season 2/a.mkv|Season 4/a.mkv", "3 of 1 to 4"},
		{"Show.S01.1080p/a.mkv|Show.S02.1080p/a.mkv|Show.S04.1080p/a.mkv", "3 of 1 to 4"},
		{"Manga Vol. 01.cbz|Manga Vol. 02.cbz|Manga Vol. 04.cbz", "3 of 1 to 4"},
		{"Manga v. Chapter 098.cbz|Manga v. Chapter 099.cbz|Manga v. Chapter 101.cbz", "100 of 98 to 101"},
		{"Comic Issue #1.cbr|Comic Issue #2.cbr|Comic Issue #4.cbr", "3 of 1 to 4"},
		{"01 - x.mp3|02 - y.mp3|04 - z.mp3", "3 of 1 to 4"},
		{"01 - x|02 - y|04 - z", "3 of 1 to 4"},
		{"01 - x.txt|02 - y.txt|04 - z.txt", "3 of 1 to 4"},
		{"1 - x.mp3|2 - y.mp3|4 - z.mp3", "3 of 1 to 4"},
		{"02 - x.mp3|03 - y.mp3|04 - z.mp3", "1 of 1 to 4"},
		{"01. x.flac|02. y.flac|04. z.flac|cover.jpg", "3 of 1 to 4"},
		{"01 x.flac|02 y.flac|04 z.flac", "3 of 1 to 4"},
		{"01_x.flac|02_y.flac|04_z.flac", "3 of 1 to 4"},
		{"01-x.ogg|02-y.ogg|04-z.ogg", "3 of 1 to 4"},
		{"01) x.ogg|02) y.ogg|04) z.ogg", "3 of 1 to 4"},
		{"1-01 x.flac|1-02 y.flac|1-04 z.flac|2-01 a.flac|2-02 b.flac", "3 of 1 to 4"},
		{"001.jpg|002.jpg|004.jpg", "3 of 1 to 4"},
		{"1.mp4|2.mp4|4.mp4", "3 of 1 to 4"},
		{counted("%03d.png", 1, 120, 77), "77 of 1 to 120"},
		{"01 Intro/a.mp4|02 Basics/a.mp4|04 More/a.mp4", "3 of 1 to 4"},
		{"Course/1. Intro.mp4|Course/2. Basics.mp4|Course/4. More.mp4", "3 of 1 to 4"},
		{"Lesson 1.mp4|Lesson 2.mp4|Lesson 4.mp4", "3 of 1 to 4"},
		{"show01.mkv|show02.mkv|show04.mkv", "3 of 1 to 4"},
		{"Audiobook - 01.mp3|Audiobook - 02.mp3|Audiobook - 04.mp3", "3 of 1 to 4"},
		{"Artist - 01 - x.mp3|Artist - 02 - y.mp3|Artist - 04 - z.mp3", "3 of 1 to 4"},
		{"Track 1.wav|Track 2.wav|Track 4.wav", "3 of 1 to 4"},
		{"A.S01E01.mkv|A.S01E03.mkv|B.S01E01.mkv|B.S01E02.mkv|B.S01E03.mkv", "2 of 1 to 3"},
		{"Season 1 Episode 1.mkv|Season 1 Episode 2.mkv|Season 1 Episode 4.mkv", "3 of 1 to 4"},
		{"Show S01 - E01.mkv|Show S01 - E02.mkv|Show S01 - E04.mkv", "3 of 1 to 4"},
		{"Show Episode 1 Part 1.mkv|Show Episode 1 Part 2.mkv|Show Episode 2.mkv|Show Episode 4.mkv", "3 of 1 to 4"},
		{"Vol 1 Chapter 1.cbz|Vol 1 Chapter 2.cbz|Vol 1 Chapter 4.cbz", "3 of 1 to 4"},
		{"(01) [Artist] x.mp3|(02) [Artist] y.mp3|(04) [Artist] z.mp3", "3 of 1 to 4"},
		{"[01] x.mp3|[02] y.mp3|[04] z.mp3", "3 of 1 to 4"},
		{"Track01.mp3|Track02.mp3|Track04.mp3", "3 of 1 to 4"},
		{"Chapter 1.rar|Chapter 2.rar|Chapter 4.rar", "3 of 1 to 4"},

		// No gaps.
		{counted("Show.S01E%02d.mkv", 1, 24), ""},
		{counted("Show.S02E%02d.mkv", 11, 20), ""}, // the second half of a season
		{"Show.S01E05.1080p.mkv|Show.S01E05.nfo", ""},
		{"Show.S01E05.mkv", ""},
		{"Show.S01E01.mkv|Show.S01E02.mkv", ""},
		{"Show.S01E01E02.mkv|Show.S01E03.mkv", ""},
		{"Show.S01E01-E03.mkv|Show.S01E04.mkv", ""},
		{"Show.S01E01-03.mkv|Show.S01E04.mkv", ""},
		{"Show.S01E01-720p.mkv|Show.S01E02-720p.mkv|Show.S01E03-720p.mkv", ""},
		{"Show.S01E01+E02.mkv|Show.S01E03.mkv", ""},
		{"Show.S01E01.mkv|Show.S01E02.mkv|Other.S01E03.mkv|Show.S01E04.mkv", ""}, // the one of another spelling
		{"Show.S01E01.mkv|Show.S01E02.mkv|Show.S01E04.mkv|Show.S01E03/Show.S01E03.mkv", ""},
		{"Show.S01E01.mkv|Show.S01E09.mkv", ""}, // a selection
		{"Show.S01E01.mkv|Show.S01E02.mkv|Show.S02E04.mkv", ""},
		{"Show.S00E01.mkv|Show.S00E05.mkv|Show.S00E07.mkv", ""}, // specials
		{"Show.S01E01.mkv|Show.S02E01.mkv|Show.S04E01.mkv", ""},
		{"Subs/S01E01.srt|Subs/S01E02.srt|Subs/S01E04.srt", ""}, // of those that need some
		{"Show.S01E01.mkv|Show.S01E02.mkv|Show.S01E03.mkv|Show.S01E01.srt|Show.S01E03.srt", ""},
		{"S01E01.mkv|S01E02.mkv|S01E03.mkv|S01E01.jpg|S01E03.jpg", ""},
		{"2001 - A Space Odyssey.mkv|2010 - The Year We Make Contact.mkv|2012 - x.mkv", ""},
		{"1999.mkv|2000.mkv|2002.mkv|2003.mkv", ""},
		{"Movie (1999).mkv|Movie (2001).mkv|Movie (2003).mkv", ""},
		{"Movie.1999.1080p.mkv|Movie.2001.720p.mkv|Movie.2003.2160p.mkv", ""},
		{"Movie 480p.mkv|Movie 720p.mkv|Movie 1080p.mkv", ""},
		{"clip 640x480.mp4|clip 800x600.mp4|clip 1024x768.mp4", ""},
		{"icon-16.png|icon-32.png|icon-48.png|icon-64.png", ""},
		{"font-100.woff2|font-300.woff2|font-400.woff2", ""},
		{"8 Mile.mkv|9.mkv|10 Things I Hate About You.mkv|12 Monkeys.mkv", ""},
		{"2 Guns.mkv|3 Idiots.mkv|5 Centimeters per Second.mkv|300.mkv", ""},
		{"1 Night.mkv|2 Guns.mkv|4 Rooms.mkv", ""},
		{"1917.mkv|1984.mkv|2012.mkv", ""},
		{"Rocky.mkv|Rocky 2.mkv|Rocky 4.mkv", ""},
		{"2024-01-01.log|2024-01-02.log|2024-01-04.log", ""},
		{"log-2024-01-01.txt|log-2024-01-02.txt|log-2024-01-04.txt", ""},
		{"01-02-2020.jpg|02-02-2020.jpg|04-02-2020.jpg", ""},
		{"01.02.2020.jpg|02.02.2020.jpg|04.02.2020.jpg", ""},
		{"20240101_a.jpg|20240102_b.jpg|20240104_c.jpg", ""},
		{"Daily.Show.2024.01.02.mkv|Daily.Show.2024.01.03.mkv|Daily.Show.2024.01.05.mkv", ""},
		{"IMG_0001.JPG|IMG_0002.JPG|IMG_0004.JPG", ""},
		{"DSC00001.ARW|DSC00002.ARW|DSC00004.ARW", ""},
		{"IMG-20240101-WA0001.jpg|IMG-20240101-WA0002.jpg|IMG-20240101-WA0004.jpg", ""},
		{"app-1.01.zip|app-1.02.zip|app-1.04.zip", ""},
		{"app-v01.zip|app-v02.zip|app-v04.zip", ""},
		{"linux-6.1.tar.xz|linux-6.2.tar.xz|linux-6.4.tar.xz", ""},
		{"python3.8.exe|python3.9.exe|python3.11.exe", ""},
		{"01ab34cd.bin|02ab34cd.bin|04ab34cd.bin", ""},
		{"1a2b3c4d5e6f.bin|2a2b3c4d5e6f.bin|4a2b3c4d5e6f.bin", ""},
		{"d41d8cd98f00b204e9800998ecf8427e|d41d8cd98f00b204e9800998ecf84201", ""},
		{"a.h264.mkv|b.x265.mkv|c.x264.mkv", ""},
		{"a 5.1.flac|b 7.1.flac|c 2.0.flac", ""},
		{"Movie.DVD5.iso|Movie.DVD9.iso", ""},
		{"Movie Part 2.mkv|Movie Part 3.mkv", ""},
		{"Kill Bill Vol. 2.mkv", ""},
		{"Deathly Hallows Part 1.mkv|Deathly Hallows Part 2.mkv", ""},
		{"Manga Vol. 01-03.cbz|Manga Vol. 04.cbz", ""},
		{"rfc1.txt|rfc2.txt|rfc2616.txt|rfc4.txt", ""},
		{"chunk_15.bin|chunk_16.bin|chunk_18.bin", ""}, // a part of a longer series
		{"10 - x.mp3|11 - y.mp3|13 - z.mp3", ""},
		{"01 - x.mp3|09 - y.mp3|17 - z.mp3", ""}, // a selection
		{"1|15|16|17|32|33", ""},
		{"file.s01|file.s02|file.s04", ""}, // no volumes without x.rar
		{"S01.mkv", ""},
		{"[2001] Album/01 x.mp3|[2003] Other/01 x.mp3|[2004] Third/01 x.mp3", ""},
		{"Season 1 Episode 1.mkv|Season 1 Episode 2.mkv|Season 2 Episode 4.mkv", ""},
		{"Show Episode 1 Part 1.mkv|Show Episode 1 Part 3.mkv", ""},
		{"iPhone 6s.pdf|iPhone 8.pdf|Vitamin E12.pdf|Vitamin E15.pdf", ""},
		{"[Grp] Anime - 01v2 [1080p].mkv|[Grp] Anime - 02 [1080p].mkv|[Grp] Anime - 03 [1080p].mkv", ""},
		{"readme|license|Makefile", ""},
		{"été 01.mkv|été 02.mkv|été 03.mkv", ""},
		{"7z2301.exe|7z2401.exe|7z2404.exe", ""},
		{"x (1).jpg|x (2).jpg|x (4).jpg", ""}, // copies
		{counted("data/%02d.txt", 0, 9), ""},
		{counted("%d/x", 1, 12), ""},
	} {
		var got []string
		for _, g := range seriesGaps(filesOf(tt.files)) {
			got = append(got, fmt.Sprintf("%s of %d to %d", ranges(g.missing), g.first, g.last))
		}
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%s: %q, want %q", tt.files, text, tt.want)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, tt := range []struct {
		numbers []int
		want    string
	}{
		{[]int{3}, "3"},
		{[]int{1, 3, 4, 5, 9}, "1, 3-5, 9"},
		{[]int{1, 2}, "1-2"},
		{[]int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19}, "1, 3, 5, 7, 9, 11, 13, 15, 17, 19"},
		{[]int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21}, "1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and more"},
	} {
		if got := ranges(tt.numbers); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.numbers, got, tt.want)
		}
	}
}

// The numbers of any name are few, ascending and not negative.
func FuzzParseNumbered(f *testing.F) {
	for _, name := range []string{"Show.S01E01-E03.mkv", "1x02-04", "1-01 x", "[G] a - 01v2 (x)", "part 1", "s1e", "é01", "0", "1-", "s01e01e", "a - 12"} {
		f.Add(name, false)
		f.Add(name, true)
	}
	f.Fuzz(func(t *testing.T, name string, dir bool) {
		n, ok := parseNumbered(name, dir)
		if ok && (len(n.numbers) == 0 || n.numbers[0] < 0) || !slices.IsSorted(n.numbers) || len(n.numbers) > len(name)*longestRange {
			t.Errorf("%q: %+v", name, n)
		}
		if v, ok := parseVolume(name); ok && (v.number < 0 || v.set == "") {
			t.Errorf("%q: %+v", name, v)
		}
	})
}

func BenchmarkSeriesGaps(b *testing.B) {
	var files []metainfo.BuildFile
	for i := range maxSeriesFiles {
		files = append(files, metainfo.BuildFile{Path: []string{fmt.Sprintf("d%03d", i/1000), fmt.Sprintf("Show.S%02dE%03d.txt", i/1000, i%1000)}})
	}
	for b.Loop() {
		seriesGaps(files)
	}
}
