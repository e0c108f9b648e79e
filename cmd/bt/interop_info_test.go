package main

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bt/internal/testenv"
)

// interopForeign is a torrent that another program makes of the movie (a tree) or
// the disc (a single file).
type interopForeign struct {
	name    string
	single  bool
	format  string
	program string // "" for libtorrent
	flags   []string
	request ltRequest // for libtorrent

	// Values that libtorrent does not return.
	private  *bool // nil if the key is absent
	source   string
	encoding string

	oneFile bool // bt reports the finding for it

	torrent string
}

var interopMovieFiles = []interopFile{
	{"extras/empty.nfo", 0}, {"extras/making of.mkv", 300_000}, {"movie.mkv", 1_000_000}, {"subs/fr été.srt", 20_000}, {"subs/zh 中文.srt", 16 * kib},
}

func interopForeigners() []*interopForeign {
	yes, no := true, false
	all := ltRequest{
		PieceLength: 32 * kib, Private: true, Comment: "ein Kömmentar", Creator: "a maker",
		Trackers: [][]string{{"http://a.invalid/announce"}, {"http://b.invalid/announce", "udp://c.invalid:6969"}}, WebSeeds: []string{"http://w.invalid/files/"},
		HTTPSeeds: []string{"http://h.invalid/seed.php"}, Nodes: []string{"192.0.2.1 6881", "2001:db8::1 6882"},
	}
	plain := ltRequest{PieceLength: 64 * kib}
	list := []*interopForeign{
		{name: "mktorrent, everything", format: "v1", program: "mktorrent", private: &yes, source: "SRC", flags: []string{
			"-a", "http://a.invalid/announce", "-a", "http://b.invalid/announce,udp://c.invalid:6969", "-c", "ein Kömmentar",
			"-w", "http://w.invalid/files/", "-w", "http://w2.invalid/files/", "-s", "SRC", "-p", "-l", "15", "-n", "Der Fílm"}},
		{name: "mktorrent, nothing", format: "v1", program: "mktorrent", flags: []string{"-d"}},
		{name: "mktorrent, single file", format: "v1", program: "mktorrent", single: true, flags: []string{"-a", "http://a.invalid/announce"}},
		{name: "transmission-create, private", format: "v1", program: "transmission-create", private: &yes, encoding: "UTF-8", flags: []string{
			"-p", "-t", "http://a.invalid/announce", "-t", "http://b.invalid/announce", "-c", "ein Kömmentar", "-s", "32"}},
		{name: "transmission-create, public", format: "v1", program: "transmission-create", private: &no, encoding: "UTF-8"},
		{name: "transmission-create, single file", format: "v1", program: "transmission-create", private: &no, encoding: "UTF-8", single: true},
	}
	for _, format := range []string{"v1", "v2", "hybrid"} {
		list = append(list,
			&interopForeign{name: "libtorrent, " + format, format: format, request: all, private: &yes},
			&interopForeign{name: "libtorrent, single file, " + format, format: format, request: plain, single: true})
	}
	return list
}

// bt info reads torrents of other programs in the same way as libtorrent, without
// findings.
func TestInteropInfo(t *testing.T) {
	testenv.Python(t, "libtorrent")
	dir := t.TempDir()
	movie, disc := filepath.Join(dir, "movie"), filepath.Join(dir, "disc.img")
	interopWrite(t, movie, "movie", interopMovieFiles)
	interopWrite(t, dir, "disc", []interopFile{{"disc.img", 700_000}})

	for _, makers := range []string{"mktorrent", "transmission-create", ""} {
		name := makers
		if makers == "" {
			name = "libtorrent"
		}
		t.Run(name, func(t *testing.T) {
			var foreign []*interopForeign
			var requests []ltRequest
			for _, f := range interopForeigners() {
				if f.program != makers {
					continue
				}
				content := movie
				if f.single {
					content = disc
				}
				f.torrent = filepath.Join(t.TempDir(), "made.torrent")
				if f.program != "" {
					program := testenv.Program(t, f.program)
					interopRun(t, program, slices.Concat(f.flags, []string{"-o", f.torrent, content})...)
					requests = append(requests, ltRequest{Op: "read", Torrent: f.torrent})
				} else {
					f.request.Op, f.request.Format, f.request.Path, f.request.Output = "make", f.format, content, f.torrent
					requests = append(requests, f.request)
				}
				foreign = append(foreign, f)
			}
			if t.Failed() {
				return
			}
			for i, lt := range interopLibtorrent(t, requests) {
				foreign[i].compare(t, lt)
			}
		})
	}
}

// interopFacts is the expected output of bt info --json for a torrent.
type interopFacts struct {
	Path         string           `json:"path"`
	Name         string           `json:"name"`
	Format       string           `json:"format"`
	InfoHashV1   string           `json:"info_hash_v1"`
	InfoHashV2   string           `json:"info_hash_v2"`
	Size         int64            `json:"size"`
	FileCount    int              `json:"file_count"`
	PieceLength  int64            `json:"piece_length"`
	PieceCount   int              `json:"piece_count"`
	Private      *bool            `json:"private"`
	Source       string           `json:"source"`
	Comment      string           `json:"comment"`
	CreatedBy    string           `json:"created_by"`
	CreationDate *time.Time       `json:"creation_date"`
	Encoding     string           `json:"encoding"`
	Trackers     [][]string       `json:"trackers"`
	WebSeeds     []string         `json:"web_seeds"`
	HTTPSeeds    []string         `json:"http_seeds"`
	Nodes        []string         `json:"nodes"`
	Files        []ltFile         `json:"files"`
	UnknownKeys  []string         `json:"unknown_keys"`
	Findings     []interopFinding `json:"findings"`
	Error        *interopFail     `json:"error"`
}

type interopFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
}

type interopFail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *interopForeign) compare(t *testing.T, lt ltAnswer) {
	t.Helper()
	want := interopFacts{
		Path: f.torrent, Name: lt.Name, Format: f.format, InfoHashV1: lt.V1, InfoHashV2: lt.V2, FileCount: len(lt.Files),
		PieceLength: lt.PieceLength, PieceCount: lt.Pieces, Private: f.private, Source: f.source, Comment: lt.Comment,
		CreatedBy: lt.Creator, Encoding: f.encoding, Trackers: lt.Trackers, WebSeeds: lt.WebSeeds, HTTPSeeds: lt.HTTPSeeds,
	}
	if f.oneFile {
		want.Findings = []interopFinding{{"one-file", "warning", "a v2 torrent of a directory with one file: some clients leave the directory out"}}
	}
	for _, node := range lt.Nodes {
		host, port, _ := strings.Cut(node, " ")
		want.Nodes = append(want.Nodes, net.JoinHostPort(host, port))
	}
	if lt.Date != 0 {
		date := time.Unix(lt.Date, 0).UTC()
		want.CreationDate = &date
	}
	if lt.Private != (f.private != nil && *f.private) {
		t.Errorf("%s: libtorrent says that private is %t", f.name, lt.Private)
	}
	if (lt.V1 != "") != (f.format != "v2") || (lt.V2 != "") != (f.format != "v1") {
		t.Errorf("%s: made as another format: v1 %q, v2 %q", f.name, lt.V1, lt.V2)
	}
	for _, file := range lt.Files {
		file.Path = strings.TrimPrefix(file.Path, lt.Name+"/")
		want.Files = append(want.Files, file)
		want.Size += file.Size
	}
	var got interopFacts
	interopBt(t, exitOK, &got, "info", "--json", f.torrent)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-libtorrent +bt):\n%s", f.name, d)
	}
}
