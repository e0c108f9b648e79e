package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Names of --field are parsed, checked and suggested.
func TestFieldList(t *testing.T) {
	for _, tt := range []struct{ in, want, err, hint string }{
		{in: "name", want: "name"},
		{in: " name , size ", want: "name|size"},
		{in: "info.source", want: "info/source"},
		{in: "info.piece length,name", want: "info/piece length|name"},
		{in: `info."a.b".c`, want: "info/a.b/c"},
		{in: `info."a,b" , "name"`, want: "info/a,b|name"},
		{in: `info."\xff\n\""`, want: "info/\xff\n\""},
		{in: `info.""`, want: "info/"},
		{in: `info.a"b`, want: `info/a"b`},
		{in: "info", want: "info"},
		{in: "files.path,files.0.path,files.12", want: "files/path|files/0/path|files/12"},
		{in: "trackers.0.1,trackers.0,nodes.3,pieces.7", want: "trackers/0/1|trackers/0|nodes/3|pieces/7"},
		{in: "findings.code,findings.0.offset", want: "findings/code|findings/0/offset"},
		{in: "bogus", err: `there is no field "bogus"`, hint: "the fields are path, name, "},
		{in: "nam", err: `there is no field "nam"`, hint: "did you mean name?"},
		{in: "info_hashv1", err: `there is no field "info_hashv1"`, hint: "did you mean info_hash_v1?"},
		{in: "Info.source", err: `there is no field "Info.source"`, hint: "did you mean info.source?"},
		{in: "NAME", err: `there is no field "NAME"`, hint: "did you mean name?"},
		{in: "Files.Path", err: `there is no field "Files.Path"`, hint: "did you mean files.Path?"},
		{in: "pieces_length", err: `there is no field "pieces_length"`, hint: "did you mean piece_length?"},
		{in: "PieceLength", err: `there is no field "PieceLength"`, hint: "did you mean piece_length?"},
		{in: "created by", err: `there is no field "created by"`, hint: "did you mean created_by?"},
		{in: "infohash", err: `there is no field "infohash"`, hint: "did you mean info_hash_v1 or info_hash_v2?"},
		{in: "hash", err: `there is no field "hash"`, hint: "did you mean info_hash_v1 or info_hash_v2?"},
		{in: "INFO.source", err: `there is no field "INFO.source"`, hint: "did you mean info.source?"},
		{in: "announce-list.0", err: `there is no field "announce-list.0"`, hint: "did you mean trackers.0?"},
		{in: "url-list", err: `there is no field "url-list"`, hint: "did you mean web_seeds?"},
		{in: "piece", err: `there is no field "piece"`, hint: "did you mean piece_length or piece_count or pieces?"},
		{in: "files.0.length", err: `there is no field "files.0.length"`, hint: "did you mean files.0.size?"},
		{in: "files.LastPiece", err: `there is no field "files.LastPiece"`, hint: "did you mean files.last_piece?"},
		{in: "x", err: `there is no field "x"`, hint: "the fields are path, name, "},
		{in: `""`, err: `there is no field "\"\""`, hint: "the fields are path, name, "},
		{in: "files.pth", err: `there is no field "files.pth"`, hint: "did you mean files.path?"},
		{in: "files.0.pth", err: `there is no field "files.0.pth"`, hint: "did you mean files.0.path?"},
		{in: "findings.bogus", err: `there is no field "findings.bogus"`, hint: "the fields are findings.code, findings.severity, findings.message, findings.offset"},
		{in: "name.x", err: `there is no field "name.x": there is nothing below name`},
		{in: "creation_date.year", err: `there is no field "creation_date.year": there is nothing below creation_date`},
		{in: "files.path.x", err: `there is no field "files.path.x": there is nothing below files.path`},
		{in: "trackers.x", err: `there is no field "trackers.x": trackers is a list`, hint: "its items are trackers.0, trackers.1 ..."},
		{in: "trackers.0.x", err: `there is no field "trackers.0.x": trackers.0 is a list`, hint: "its items are trackers.0.0, trackers.0.1 ..."},
		{in: "web_seeds.-1", err: `there is no field "web_seeds.-1": web_seeds is a list`, hint: "its items are web_seeds.0, web_seeds.1 ..."},
		{in: "", err: `"": a name is missing; an empty key is written ""`},
		{in: "name,", err: `"": a name is missing; an empty key is written ""`},
		{in: "info.", err: `"info.": a name is missing; an empty key is written ""`},
		{in: "info..x", err: `"info..x": a name is missing; an empty key is written ""`},
		{in: `info."x`, err: `info."x: a quote does not end, or has an escape that is not one of Go`},
		{in: `info."x"y`, err: `info."x"y: a dot or comma is missing behind "x"`},
		{in: `info.files."a.b,""c"`, err: `info.files."a.b,""c": a dot or comma is missing behind "a.b,"`},
	} {
		fields, err := fieldList(tt.in)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err || codeOf(err) != exitUsage || !strings.HasPrefix(hintOf(err), tt.hint) {
				t.Errorf("%s: %v, hint %q, want %s", tt.in, err, hintOf(err), tt.err)
			}
			continue
		}
		var names []string
		for _, f := range fields {
			names = append(names, strings.Join(f, "/"))
		}
		if got := strings.Join(names, "|"); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

const fieldTorrent = "d13:announce-listll8:http://a8:http://bel8:http://cee7:comment3:a\tb4:infod" +
	"1:ad1:bd1:ci7eee3:a.bi-12e5:emptyle" +
	"5:filesld6:lengthi5e4:pathl1:d3:x yeed6:lengthi0e4:pathl1:eeed4:attr1:x6:lengthi7e4:pathl2:\"qeee" +
	"4:listli1el1:x0:ed1:k1:vee4:name3:n m12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa" +
	"6:source1:s1:zi007e4:\xff\xfe,.2:\xff\xfeee"

// The values of fields of any depth: absent ones are empty, items of lists have blanks
// between them and are quoted if that is not clear.
func TestFieldValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.torrent")
	if err := os.WriteFile(path, []byte(fieldTorrent), 0o644); err != nil {
		t.Fatal(err)
	}
	const magnet = "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&tr=http://t/a"
	for _, tt := range []struct{ field, file, want string }{
		{"name,size,comment,private,creation_date", path, `n m	12	a\tb		`},
		{"trackers", path, "http://a http://b http://c"},
		{"trackers.0,trackers.1,trackers.2", path, "http://a http://b	http://c	"},
		{"trackers.0.1,trackers.1.1,trackers.99999999999999999999", path, "http://b		"},
		{"files.path", path, `"d/x y" e "\"q"`},
		{"files.size,files.0.size,files.3.size", path, "5 0 7	5	"},
		{"files.attr,files.first_piece", path, `"" "" x	0 "" 0`},
		{"files.2.attr,files.0.attr", path, "x	"},
		{"files.1", path, `{"path":"e","size":0,"offset":5}`},
		{"pieces,pieces.0,pieces.1", path, strings.Repeat("61", 20) + "	" + strings.Repeat("61", 20) + "	"},
		{"findings.code", path, "leading-zero windows-name"},
		{"unknown_keys", path, `info.a info.a.b info.empty info.list info.z info.\xff\xfe,.`},
		{"info.source,info.name,info.private,info.x.y.z", path, "s	n m		"},
		{"info.piece length,info.z", path, "16384	007"},
		{`info.a.b.c,info.a,info.a.b.c.d,info."a.b"`, path, `7	{"b":{"c":7}}		-12`},
		{`info."\xff\xfe,."`, path, "fffe"},
		{"info.files.length,info.files.attr,info.files.1.length", path, `5 0 7	"" "" x	0`},
		{"info.files.path,info.files.0.path.1", path, `d "x y" e "\"q"	x y`},
		{"info.list,info.list.1,info.list.2.k,info.list.k,info.empty,info.list.0", path, `1 x "" {"k":"v"}	x ""	v	"" "" "" v		1`},
		{"info.files.2", path, `{"attr":"x","length":7,"path":["\"q"]}`},
		{"info.pieces", path, strings.Repeat("a", 20)},
		{"name,info.name,files.path,info,trackers.0", magnet, "				http://t/a"},
	} {
		e, out, stderr := testEnv("info", "--field", tt.field, tt.file)
		code := run(e)
		if got := strings.TrimSuffix(out.String(), "\n"); code != exitOK || got != tt.want {
			t.Errorf("%s: exit code %d, %s, got\n%s, want\n%s", tt.field, code, stderr, got, tt.want)
		}
	}
}

// Every field that the help and the errors name can be asked for.
func TestFieldNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.torrent")
	if err := os.WriteFile(path, []byte(fieldTorrent), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := fieldList("bogus")
	names := strings.Split(strings.TrimPrefix(hintOf(err), "the fields are "), ", ")
	if len(names) < 20 {
		t.Fatal(names)
	}
	_, err = fieldList("files.bogus")
	names = append(names, strings.Split(strings.TrimPrefix(hintOf(err), "the fields are "), ", ")...)
	for _, name := range names {
		e, _, stderr := testEnv("info", "--field", name, path)
		if code := run(e); code != exitOK {
			t.Errorf("%s: %d: %s", name, code, stderr)
		}
	}
}

func FuzzField(f *testing.F) {
	for _, s := range []string{"name,size", `info."a.b".c`, "files.0.path, trackers.0.1", `info."\xff"`, `info."`, "info..", ",", `"name"."x"`} {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), "x.torrent")
	if err := os.WriteFile(path, []byte(fieldTorrent), 0o644); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fields, err := fieldList(s)
		if err != nil {
			if _, ok := errors.AsType[*failure](err); !ok || codeOf(err) != exitUsage {
				t.Fatalf("%v has the exit code %d", err, codeOf(err))
			}
			return
		}
		var names []string
		for _, f := range fields {
			names = append(names, f.String())
		}
		again, err := fieldList(strings.Join(names, ","))
		if err != nil || !slices.EqualFunc(fields, again, func(a, b fieldPath) bool { return slices.Equal(a, b) }) {
			t.Fatalf("%q, written again as %q, is %q, %v", fields, names, again, err)
		}
		e, out, stderr := testEnv("info", "--field="+s, path)
		if code := run(e); code != exitOK {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		if n := strings.Count(out.String(), "\t"); strings.Count(out.String(), "\n") != 1 || n != len(fields)-1 {
			t.Fatalf("%d fields: %q", len(fields), out)
		}
	})
}
