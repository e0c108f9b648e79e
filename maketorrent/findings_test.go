package maketorrent

import (
	"archive/zip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

func TestVolumes(t *testing.T) {
	for _, tt := range []struct {
		files   string
		want    string // the first volume of each set, and the number of volumes
		missing string
	}{
		{"x.part1.rar|x.part2.rar|x.part3.rar", "x.part1.rar 3", ""},
		{"x.part01.rar|x.part02.rar|x.part04.rar", "x.part01.rar 3", "3"},
		{"x.part02.rar|x.part03.rar", "x.part02.rar 2", "1"},
		{"X.Part1.RAR|x.part2.rar", "X.Part1.RAR 2", ""},
		{"x.part1.rar", "x.part1.rar 1", ""},
		{"x.part1.exe|x.part2.rar", "x.part2.rar 1", ""},
		{"x.rar|x.r00|x.r01", "x.r00 3", ""},
		{"x.rar|x.r00|x.r02", "x.r00 3", ".r01"},
		{"x.r00|x.r01|x.r02", "x.r00 3", ".rar"},
		{"a/x.rar|a/x.r00|b/x.rar|b/x.r00", "a/x.r00 2|b/x.r00 2", ""},
		{"x.rar|x.r98|x.r99|x.s00|x.s01", "x.r98 5", ".r00 to .r97"},
		{"x.7z.001|x.7z.002", "x.7z.001 2", ""},
		{"x.7z.001|x.7z.003", "x.7z.001 2", "2"},
		{"x.7z.001", "x.7z.001 1", ""},
		{"x.zip.001|x.zip.002", "x.zip.001 2", ""},
		{"x.tar.000|x.tar.001", "x.tar.000 2", ""},
		{"x.z01|x.z02|x.zip", "x.z01 2", ""},
		{"x.z01|x.z03|x.zip", "x.z01 2", "2"},
		{"movie.avi.001|movie.avi.002|movie.avi.003", "movie.avi.001 3", ""},

		{"x.rar", "", ""},
		{"x.rar|y.rar", "", ""},
		{"x.7z|x.zip", "", ""},
		{"part1.rar", "", ""},
		{"x.part.rar", "", ""},
		{"x.partition1.rar|x.partition2.rar", "", ""},
		{"run.001|run.002|run.003", "", ""}, // results, not volumes
		{"app.log.1|app.log.2|app.log.3", "", ""},
		{"Show.s01|Show.s02", "", ""},
		{"file.z1|file.zz1", "", ""},
		{"x.r00", "", ""},
		{".rar|.r00", "", ""},
		{"x.s01|x.s02", "", ""},
		{"doc.t01|doc.t02", "", ""},
	} {
		var got, missing []string
		for _, s := range volumeSets(filesOf(tt.files)) {
			got = append(got, s.first+" "+string(rune('0'+len(s.numbers))))
			list := s.missing()
			if len(list) > 10 {
				list = []string{list[0] + " to " + list[len(list)-1]}
			}
			missing = append(missing, list...)
		}
		if sets := strings.Join(got, "|"); sets != tt.want || strings.Join(missing, " ") != tt.missing {
			t.Errorf("%s: %q, missing %q; want %q, missing %q", tt.files, sets, missing, tt.want, tt.missing)
		}
	}
}

// zipOf writes a zip archive of members, and returns its path.
func zipOf(t *testing.T, path string, members ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, m := range members {
		w, err := z.Create(m)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(m, "/") {
			if _, err := w.Write([]byte(m)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// codesOf returns the codes of findings.
func codesOf(r *Result) string {
	var codes []string
	for _, f := range r.Findings {
		codes = append(codes, string(f.Code))
	}
	slices.Sort(codes)
	return strings.Join(codes, " ")
}

func TestFileFindings(t *testing.T) {
	for _, tt := range []struct{ files, want string }{
		{"a.mkv|a.par2|a.vol000+01.par2", "parity-files"},
		{"a.mkv|A.PAR2", "parity-files"},
		{"a.par2|a.vol000+01.par2", ""}, // nothing but parity
		{"a.mkv|a.sfv", "checksum-files"},
		{"a.iso|a.iso.md5|a.iso.sha256", "checksum-files"},
		{"a.md5", ""},
		{"a.mkv|a.nfo|readme.txt", ""},
		{"a.rar|a.r00|a.r01|a.sfv", "checksum-files split-archive"},
		{"a.rar|a.r00|a.r02", "missing-number split-archive"},
		{"a.part1.rar|a.part2.rar|a.part4.rar", "missing-number split-archive"},
		{"S01E01.mkv|S01E02.mkv|S01E04.mkv|S01.sfv", "checksum-files missing-number"},
		{"a.rar", "lone-archive"},
		{"a.7z", "lone-archive"},
		{"a.rar|b.rar", ""},
		{"a.tar.gz", ""},
		{"a.par2.mkv|sfv", ""},
	} {
		for _, single := range []bool{false, true} {
			names := strings.Split(tt.files, "|")
			o := Options{Path: tree(t, names...)}
			if single && len(names) > 1 {
				continue
			} else if single {
				o.Path = filepath.Join(o.Path, names[0])
			}
			r, err := Make(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := codesOf(r); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.files, got, tt.want)
			}
		}
	}
}

func TestArchives(t *testing.T) {
	for name, tt := range map[string]struct {
		members []string
		other   string // a file beside the archive
		want    string
	}{
		"a film":                     {[]string{"film.mkv"}, "", "needless-archive"},
		"a film in a directory":      {[]string{"d/", "d/film.MKV"}, "", "needless-archive"},
		"beside another file":        {[]string{"film.mkv"}, "readme.txt", "needless-archive"},
		"an archive in an archive":   {[]string{"a.rar"}, "", "needless-archive"},
		"a text":                     {[]string{"a.txt"}, "", "lone-archive"},
		"a text beside another file": {[]string{"a.txt"}, "readme.txt", ""},
		"several":                    {[]string{"a.mkv", "b.mkv"}, "", "lone-archive"},
		"none":                       {nil, "", "lone-archive"},
		"only directories":           {[]string{"d/"}, "", "lone-archive"},
	} {
		root := tree(t)
		zipOf(t, filepath.Join(root, "x.zip"), tt.members...)
		if tt.other != "" {
			if err := os.WriteFile(filepath.Join(root, tt.other), []byte("o"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Make(t.Context(), Options{Path: root})
		if err != nil {
			t.Fatal(err)
		}
		if got := codesOf(r); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	// What is no archive, and one with more names than are read.
	root := tree(t, "fake.zip", "empty.zip")
	if err := os.Truncate(filepath.Join(root, "empty.zip"), 0); err != nil {
		t.Fatal(err)
	}
	many := make([]string, 10_000)
	for i := range many {
		many[i] = strings.Repeat("d", 200) + "/"
	}
	zipOf(t, filepath.Join(root, "many.zip"), append(many, "film.mkv")...)
	r, err := Make(t.Context(), Options{Path: root})
	if err != nil || codesOf(r) != "" {
		t.Errorf("%q, %v", codesOf(r), err)
	}
	// All codes are in the table, whose severities Make uses.
	for _, code := range []metainfo.Code{metainfo.CodeParityFiles, metainfo.CodeChecksumFiles, metainfo.CodeSplitArchive, metainfo.CodeNeedlessArchive, metainfo.CodeLoneArchive, metainfo.CodeMissingNumber} {
		if !slices.ContainsFunc(metainfo.Kinds, func(k metainfo.Kind) bool { return k.Code == code && k.Severity != metainfo.SeverityError }) {
			t.Errorf("%s is not in the table", code)
		}
	}
}
