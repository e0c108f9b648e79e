package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bt/internal/testenv"
)

// interopReading is a torrent that bt makes in each format, and the values that
// other programs must read from it.
type interopReading struct {
	name, content string
	single        bool
	files         []interopFile
	flags         []string
	want          ltAnswer // without the info-hashes; the number of pieces is that of v1
	aligned       int      // number of pieces if each file begins a piece: v2 and hybrid
	private       *bool
	source        string
	total         string // total size in the format of transmission-show

	format  string
	torrent string // the torrent that bt wrote
}

func interopReadings() []*interopReading {
	yes := true
	return []*interopReading{{
		name: "everything", content: "Ünï 漢字 🎬",
		files: []interopFile{{"sub dir/empty", 0}, {"sub dir/Å.txt", 2}, {"z", 20_000}, {"ä film.mkv", 100_000}},
		flags: []string{
			"--announce", "http://a.invalid/announce,http://b.invalid:8080/announce", "--announce", "udp://c.invalid:6969",
			"--announce", "https://d.invalid/0123456789abcdef0123456789abcdef/announce",
			"--web-seed", "http://w.invalid/files/", "--web-seed", "https://w2.invalid/",
			"--http-seed", "http://h.invalid/seed.php", "--node", "192.0.2.1:6881", "--node", "[2001:db8::1]:6882",
			"--comment", "Ein Kömmentar: “x”", "--source", "SRC", "--private", "--date", "1700000000",
			"--created-by", "tëster 1.0", "--piece-length", "32K",
		},
		want: ltAnswer{
			Name: "Ünï 漢字 🎬", Comment: "Ein Kömmentar: “x”", Creator: "tëster 1.0", Date: 1700000000, Private: true,
			PieceLength: 32 * kib, Pieces: 4,
			Trackers: [][]string{
				{"http://a.invalid/announce", "http://b.invalid:8080/announce"}, {"udp://c.invalid:6969"},
				{"https://d.invalid/0123456789abcdef0123456789abcdef/announce"},
			},
			WebSeeds: []string{"http://w.invalid/files/", "https://w2.invalid/"}, HTTPSeeds: []string{"http://h.invalid/seed.php"},
			Nodes: []string{"192.0.2.1 6881", "2001:db8::1 6882"},
			Files: []ltFile{{Path: "Ünï 漢字 🎬/sub dir/empty", Size: 0}, {Path: "Ünï 漢字 🎬/sub dir/Å.txt", Size: 2}, {Path: "Ünï 漢字 🎬/z", Size: 20_000}, {Path: "Ünï 漢字 🎬/ä film.mkv", Size: 100_000}},
		},
		aligned: 6, private: &yes, source: "SRC", total: "120.0 kB",
	}, {
		name: "nothing but content", content: "one.bin", single: true,
		files:   []interopFile{{"one.bin", 64 * kib}},
		flags:   []string{"--no-date", "--no-created-by", "--piece-length", "16K"},
		want:    ltAnswer{Name: "one.bin", PieceLength: 16 * kib, Pieces: 4, Files: []ltFile{{Path: "one.bin", Size: 64 * kib}}},
		aligned: 4, total: "65.54 kB",
	}, {
		name: "one of each", content: "dir",
		files: []interopFile{{"file", 7}},
		flags: []string{"--announce", "udp://t.invalid:80/announce", "--web-seed", "http://w.invalid/", "--node", "192.0.2.1:1", "--comment", "c",
			"--source", "s", "--date", "2023-11-14T22:13:20Z", "--created-by", "me", "--piece-length", "1M"},
		want: ltAnswer{
			Name: "dir", Comment: "c", Creator: "me", Date: 1700000000, PieceLength: mib, Pieces: 1,
			Trackers: [][]string{{"udp://t.invalid:80/announce"}}, WebSeeds: []string{"http://w.invalid/"},
			Nodes: []string{"192.0.2.1 1"}, Files: []ltFile{{Path: "dir/file", Size: 7}},
		},
		aligned: 1, source: "s", total: "0.01 kB",
	}}
}

// Other programs read every field of the torrents that bt writes with the right
// value, not only without an error.
func TestInteropReadByOthers(t *testing.T) {
	t.Parallel()
	readings := map[string][]*interopReading{} // by format
	for _, format := range interopFormats {
		for _, r := range interopReadings() {
			r.make(t, format)
			readings[format] = append(readings[format], r)
		}
	}
	t.Run("libtorrent", func(t *testing.T) {
		all := slices.Concat(readings["v1"], readings["v2"], readings["hybrid"])
		var requests []ltRequest
		for _, r := range all {
			requests = append(requests, ltRequest{Op: "read", Torrent: r.torrent})
		}
		for i, got := range interopLibtorrent(t, requests) {
			r := all[i]
			if d := cmp.Diff(r.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s, %s (-want +got):\n%s", r.name, r.format, d)
			}
			got.Name = r.content // bt uses the name of the content, and libtorrent may not
			(&interopForeign{
				name: r.name + ", " + r.format, format: r.format, torrent: r.torrent, private: r.private, source: r.source,
				oneFile: r.format == "v2" && !r.single && len(r.files) == 1,
			}).compare(t, got)
		}
	})
	// Two programs have bugs with the empty keys in a file tree:
	// transmission-show 3.00 can't read hybrids (its issue 1339), and aria2c 1.36
	// omits the keys when it computes the info-hash (its issue 1903).
	t.Run("transmission-show", func(t *testing.T) {
		program := testenv.Program(t, "transmission-show")
		for _, r := range readings["v1"] {
			got := interopParseTransmission(t, interopRun(t, program, r.torrent))
			if d := cmp.Diff(r.shownByTransmission(), got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s (-want +got):\n%s", r.name, d)
			}
		}
	})
	t.Run("aria2c", func(t *testing.T) {
		program := testenv.Program(t, "aria2c")
		for _, r := range readings["v1"] {
			got := interopParseAria2(t, interopRun(t, program, "--no-conf=true", "-S", r.torrent))
			if d := cmp.Diff(r.shownByAria2(), got, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("%s (-want +got):\n%s", r.name, d)
			}
		}
	})
}

// make writes the content and makes the torrent with bt.
func (r *interopReading) make(t *testing.T, format string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, r.content)
	if r.single {
		interopWrite(t, dir, r.name, r.files)
	} else {
		interopWrite(t, path, r.name, r.files)
	}
	r.format, r.torrent = format, filepath.Join(dir, "made.torrent")
	var made interopHashes
	interopBt(t, exitOK, &made, append([]string{"make", path, "--json", "--output", r.torrent, "--format", format}, r.flags...)...)
	r.want.V1, r.want.V2 = made.V1, made.V2
	if format != "v1" {
		r.want.Pieces = r.aligned
	}
	if format == "v2" && len(r.files) == 1 {
		// BEP 52: a file tree with one file is a single file, whatever the name
		// of the torrent. libtorrent uses the name of the file as the name of the
		// torrent.
		r.want.Name, r.want.Files = r.files[0].path, []ltFile{{Path: r.files[0].path, Size: int64(r.files[0].size)}}
	}
}

// interopShown is the output of a program for a torrent: a line with a colon is a
// field, and other lines belong to the list above them.
type interopShown struct {
	Fields map[string]string
	Lists  map[string][]string
}

func (s *interopShown) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	s.Fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
}

// It does not show HTTP seeds, nodes and the source.
func (r *interopReading) shownByTransmission() interopShown {
	s := interopShown{map[string]string{
		"Name": r.want.Name, "Hash": r.want.V1, "Created by": r.want.Creator, "Created on": "Unknown", "Piece Count": strconv.Itoa(r.want.Pieces),
		"Piece Size": fmt.Sprintf("%d.00 KiB", r.want.PieceLength/kib), "Total Size": r.total, "Privacy": "Public torrent",
	}, map[string][]string{"WEBSEEDS": r.want.WebSeeds}}
	if r.want.PieceLength == mib {
		s.Fields["Piece Size"] = "1.00 MiB"
	}
	if r.want.Date != 0 {
		s.Fields["Created on"] = time.Unix(r.want.Date, 0).UTC().Format(time.ANSIC)
	}
	if r.want.Private {
		s.Fields["Privacy"] = "Private torrent"
	}
	if r.want.Comment != "" {
		s.Fields["Comment"] = r.want.Comment
	}
	for i, tier := range r.want.Trackers {
		s.Lists["TRACKERS"] = append(append(s.Lists["TRACKERS"], fmt.Sprintf("Tier #%d", i+1)), tier...)
	}
	for _, f := range r.want.Files {
		s.Lists["FILES"] = append(s.Lists["FILES"], f.Path)
	}
	slices.Sort(s.Lists["FILES"]) // its order is not that of the torrent
	return s
}

func interopParseTransmission(t *testing.T, out string) interopShown {
	t.Helper()
	s := interopShown{map[string]string{}, map[string][]string{"WEBSEEDS": nil}}
	section := ""
	for line := range strings.Lines(out) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.TrimSpace(line) == "":
		case !strings.HasPrefix(line, "  "):
			section = line
		case section == "GENERAL":
			s.field(line)
		case section == "FILES":
			path, _, ok := strings.Cut(line[2:], " (") // the size is rounded
			if !ok {
				t.Errorf("transmission-show: a file without a size: %s", line)
			}
			s.Lists[section] = append(s.Lists[section], path)
		default:
			s.Lists[section] = append(s.Lists[section], line[2:])
		}
	}
	slices.Sort(s.Lists["FILES"])
	return s
}

// It does not show HTTP seeds, the source and the private flag.
func (r *interopReading) shownByAria2() interopShown {
	s := interopShown{map[string]string{
		"Mode": "multi", "Info Hash": r.want.V1, "Name": r.want.Name, "The Number of Pieces": strconv.Itoa(r.want.Pieces),
		"Piece Length": fmt.Sprintf("%dKiB", r.want.PieceLength/kib),
	}, map[string][]string{"URL List": r.want.WebSeeds}}
	if r.want.PieceLength == mib {
		s.Fields["Piece Length"] = "1.0MiB"
	}
	if r.single {
		s.Fields["Mode"] = "single"
	}
	if r.want.Comment != "" {
		s.Fields["Comment"] = r.want.Comment
	}
	if r.want.Creator != "" {
		s.Fields["Created By"] = r.want.Creator
	}
	if r.want.Date != 0 {
		s.Fields["Creation Date"] = time.Unix(r.want.Date, 0).UTC().Format(http.TimeFormat)
	}
	for _, tier := range r.want.Trackers {
		s.Lists["Announce"] = append(s.Lists["Announce"], strings.Join(tier, " "))
	}
	for _, node := range r.want.Nodes {
		s.Lists["Nodes"] = append(s.Lists["Nodes"], strings.Replace(node, " ", ":", 1))
	}
	total := int64(0)
	for i, f := range r.want.Files {
		s.Lists["Files"] = append(s.Lists["Files"], fmt.Sprintf("%d|./%s", i+1, f.Path), fmt.Sprintf("|%d", f.Size))
		total += f.Size
	}
	s.Fields["Total Length"] = strconv.FormatInt(total, 10)
	return s
}

func interopParseAria2(t *testing.T, out string) interopShown {
	t.Helper()
	_, out, ok := strings.Cut(out, "*** BitTorrent File Information ***\n")
	if !ok {
		t.Fatalf("aria2c: no information: %s", out)
	}
	s := interopShown{map[string]string{}, map[string][]string{"URL List": nil}}
	list := ""
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n ")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case line == "" || line == "idx|path/length" || strings.HasPrefix(line, "===+") || strings.HasPrefix(line, "---+"):
		case list == "Files":
			s.Lists[list] = append(s.Lists[list], interopExactSize(strings.TrimSpace(line)))
		case strings.HasPrefix(line, " "):
			s.Lists[list] = append(s.Lists[list], line[1:])
		case value == "":
			list = name
		case name == "Magnet URI":
			// bt can parse the link, and it has the same info-hash.
			var info struct {
				Hash string `json:"info_hash_v1"`
				Name string `json:"name"`
			}
			interopBt(t, exitOK, &info, "info", "--json", strings.TrimSpace(value))
			if info.Hash != s.Fields["Info Hash"] || info.Name != s.Fields["Name"] {
				t.Errorf("bt info: in %s found %+v", line, info)
			}
		default:
			s.Fields[name] = interopExactSize(strings.TrimSpace(value))
		}
	}
	return s
}

// interopExactSize extracts "100002" from a size such as "97KiB (100,002)", which
// may follow a bar.
func interopExactSize(s string) string {
	rounded, exact, ok := strings.Cut(s, " (")
	if !ok || !strings.HasSuffix(rounded, "B") {
		return s
	}
	bar := ""
	if strings.HasPrefix(rounded, "|") {
		bar = "|"
	}
	return bar + strings.ReplaceAll(strings.TrimSuffix(exact, ")"), ",", "")
}
