package main

import (
	"fmt"
	"strings"
)

// The reasons why a program is left out of a case. They were found with mktorrent
// 1.1, transmission-create 3.00 and libtorrent 2.0.8, and are not documented.
const (
	interopWholePath  = "compares whole paths as strings, so that '-', '.' and ' ' come before the '/' of a directory"
	interopIgnoreCase = "compares whole paths without regard to ASCII case"
	interopSigned     = "compares bytes as signed numbers, so that all beyond ASCII come first"
	interopDropEmpty  = "drops empty files"
	interopDropHidden = "drops files and directories whose names begin with a dot"
	interopNoOption   = "has no option for it"
	interopNeedsUTF8  = "takes only names in UTF-8"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// interopTree is content that all programs turn into the same torrent, except
// those in leave.
type interopTree struct {
	name    string
	content string // name of the file or directory
	files   []interopFile
	single  bool
	links   map[string]string // hard links to other files
	flags   []string          // additional flags for bt: --name or --source
	leave   map[string]string // programs that are left out, and why

	pieceLengths []int64 // nil for all
}

func interopTrees() []interopTree {
	single := func(name, content string, size int) interopTree {
		return interopTree{name: name, content: content, files: []interopFile{{content, size}}, single: true}
	}
	var many []interopFile
	for i := range 10_000 {
		many = append(many, interopFile{fmt.Sprintf("%02d/%05d.txt", i%7, i), i * 7919 % 2001})
	}
	return []interopTree{
		single("single file", "film.mkv", 2_345_678),
		single("one byte", "x", 1),
		single("16 KiB", "piece.bin", 16*kib),
		single("32 KiB", "piece.bin", 32*kib),
		single("256 KiB", "piece.bin", 256*kib),
		single("1 MiB", "piece.bin", mib),
		single("1 MiB less a byte", "piece.bin", mib-1),
		single("1 MiB and a byte", "piece.bin", mib+1),
		single("single file beyond ASCII", "été 映画 🎬.mkv", 70_000),
		{name: "directory of one file", content: "movie", files: []interopFile{{"movie.mkv", 300_000}}},
		{name: "nested", content: "movie", files: []interopFile{
			{"10.txt", 10}, {"9.txt", 9}, {"extras/making of.mkv", 700_001}, {"extras/stills/1.png", 40_000},
			{"extras/stills/2.png", 32*kib + 1}, {"movie.mkv", 1_500_000}, {"subs/de.srt", 1234}, {"subs/en.srt", 4321},
		}},
		{name: "20 levels", content: "deep", files: []interopFile{
			{strings.Repeat("d/", 19) + "file", 100_000}, {strings.Repeat("d/", 10) + "file", 50_000}, {"file", 1},
		}},
		{name: "whole pieces", content: "whole", files: []interopFile{{"a", mib}, {"b", 2 * mib}, {"c", mib}}},
		{name: "whole pieces together", content: "total", files: []interopFile{
			{"a", 1}, {"b", 300_000}, {"c", 2*mib - 300_001}, {"d", 5}, {"e", mib - 5},
		}},
		{name: "about blocks", content: "blocks", files: []interopFile{
			{"1", 1}, {"15", 16*kib - 1}, {"16", 16 * kib}, {"17", 16*kib + 1}, {"32", 32 * kib}, {"33", 32*kib + 1}, {"47", 48*kib - 1},
			{"80", 5 * 16 * kib}, {"111", 7*16*kib - 1}, {"144", 9 * 16 * kib}, {"272", 17 * 16 * kib}, {"273", 17*16*kib + 1}, {"511", 512*kib - 1},
		}},
		// bt hashes hard links to a large file once; in v2 they share their piece
		// layer.
		{name: "alike", content: "alike", files: []interopFile{
			{"a", mib + 100_000}, {"b", 1}, {"c/a", mib + 100_000}, {"c/b", 100_000}, {"d", mib + 100_000}, {"e", 100_000},
		}, links: map[string]string{"c/a": "a", "d": "a", "e": "c/b"}},
		{name: "empty files", content: "empties", files: []interopFile{
			{"0", 0}, {"a", 40_000}, {"b", 0}, {"c/0", 0}, {"c/1", 32*kib - 40_000%(32*kib)}, {"d/e/f", 0}, {"z", 0},
		}, leave: map[string]string{"transmission-create": interopDropEmpty}},
		{name: "spaces", content: "a name  with spaces ", files: []interopFile{
			{" first", 20_000}, {"b c/d  e", 30_000}, {"f ", 1}, {"g h i", 50_000},
		}},
		{name: "composed and decomposed", content: "cafe\u0301 \u00e9t\u00e9", files: []interopFile{
			{"caf\u00e9.txt", 1000}, {"cafe\u0301.txt", 2000}, {"\u00e9/z", 40_000}, {"e\u0301/z", 3}, {"z", 5},
		}, leave: map[string]string{"transmission-create": interopSigned}},
		{name: "CJK and emoji", content: "映画", files: []interopFile{
			{"字幕/日本語.srt", 20_000}, {"字幕/中文.srt", 30_000}, {"한국어", 7}, {"映画.mkv", 400_000}, {"🎬", 40_000}, {"👩‍👩‍👧", 1},
		}},
		{name: "shared prefixes", content: "prefix", files: []interopFile{
			{"a b/x", 1}, {"a-b", 20_000}, {"a.txt", 3}, {"a/x", 40_000}, {"a0", 5}, {"b.bin", 30_000}, {"b/y", 7},
		}, leave: map[string]string{"mktorrent": interopWholePath, "transmission-create": interopWholePath}},
		{name: "upper and lower case", content: "Case", files: []interopFile{
			{"B", 1}, {"Z/z", 20_000}, {"Z/Z", 3}, {"_", 40_000}, {"a", 5}, {"c", 6},
		}, leave: map[string]string{"transmission-create": interopIgnoreCase}},
		{name: "hidden files", content: "hidden", files: []interopFile{
			{".dir/file", 20_000}, {".file", 30_000}, {"shown", 40_000},
		}, leave: map[string]string{"transmission-create": interopDropHidden}},
		{name: "not UTF-8", content: "latin", files: []interopFile{{"caf\xe9", 40_000}, {"caf\xc3\xa9", 30_000}},
			leave: map[string]string{"libtorrent": interopNeedsUTF8}},
		{name: "another name", content: "here", flags: []string{"--name", "There, elsewhere"}, files: []interopFile{
			{"a", 20_000}, {"b/c", 30_000},
		}, leave: map[string]string{"transmission-create": interopNoOption}},
		{name: "a source", content: "sourced", flags: []string{"--source", "ÄBC"}, files: []interopFile{
			{"a", 20_000}, {"b/c", 30_000},
		}, leave: map[string]string{"transmission-create": interopNoOption}},
		{name: "10,000 small files", content: "many", files: many, pieceLengths: []int64{64 * kib},
			leave: map[string]string{"transmission-create": interopDropEmpty}},
	}
}
