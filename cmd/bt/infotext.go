package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// treeLimit is how many files bt info shows without being asked for all.
const treeLimit = 200

// printInfo shows one torrent to a person.
func printInfo(u *ui, c *cli.Context, x infoInput) error {
	f := x.facts
	if err := term.Fields(u.out, u.pal, 0, infoFields(u, f)); err != nil {
		return err
	}
	if x.torrent != nil && !c.Bool("no-files") {
		if err := printFiles(u, c, f, x.torrent.Single); err != nil {
			return err
		}
	}
	if x.torrent != nil && c.Bool("pieces") {
		printPieces(u, x.torrent)
	}
	if len(f.Findings) == 0 {
		return nil
	}
	fmt.Fprintln(u.out)
	table := term.Table{Width: u.env.width, Palette: u.pal}
	for _, x := range f.Findings {
		table.Rows = append(table.Rows, []string{severity(u.pal, x.Severity), x.Code, term.Safe(u.shownText(x.Message)), fmt.Sprintf("at byte %d", x.Offset)})
	}
	return table.Write(u.out)
}

func severity(pal term.Palette, s string) string {
	switch s {
	case string(metainfo.Error):
		return pal.Red(s)
	case string(metainfo.Warning):
		return pal.Yellow(s)
	}
	return s
}

// infoFields is what there is to say in a line each.
func infoFields(u *ui, f *inspect.Facts) [][2]string {
	var fields [][2]string
	add := func(name, text string) {
		if text != "" {
			fields = append(fields, [2]string{name, term.Safe(text)})
		}
	}
	add("torrent", u.shownArg(f.Path))
	add("name", f.Name)
	add("format", f.Format)
	fields = append(fields, hashFields(f.InfoHashV1, f.InfoHashV2)...)
	if f.Size != nil {
		add("size", term.SizeExact(*f.Size))
	}
	if f.FileCount != nil {
		add("files", term.Count(int64(*f.FileCount)))
	}
	if f.PieceLength != nil && f.PieceCount != nil {
		add("pieces", pieces(*f.PieceCount, *f.PieceLength))
	}
	if f.Private != nil {
		add("private", map[bool]string{true: "yes", false: "no"}[*f.Private])
	}
	add("source", f.Source)
	for i, tier := range f.Trackers {
		for _, url := range tier {
			add(fmt.Sprintf("tracker, tier %d", i+1), u.shownURL(url))
		}
	}
	for _, url := range f.WebSeeds {
		add("web seed", u.shownURL(url))
	}
	for _, url := range f.HTTPSeeds {
		add("http seed", u.shownURL(url))
	}
	for _, n := range f.Nodes {
		add("dht node", n)
	}
	add("comment", f.Comment)
	add("created by", f.CreatedBy)
	if f.CreationDate != nil {
		add("created", f.CreationDate.Format(time.RFC3339))
	}
	add("encoding", f.Encoding)
	if len(f.UnknownKeys) > 0 {
		add("unknown keys", strings.Join(f.UnknownKeys, ", "))
	}
	if f.TorrentSize != nil {
		add("torrent size", term.SizeExact(int64(*f.TorrentSize)))
	}
	return fields
}

// hashFields are the info-hashes. Trackers and the DHT know a v2 torrent by the
// first 20 bytes of its own (BEP 52).
func hashFields(v1, v2 string) [][2]string {
	var fields [][2]string
	if v1 != "" {
		fields = append(fields, [2]string{"info-hash v1", v1})
	}
	if v2 != "" {
		fields = append(fields, [2]string{"info-hash v2", v2}, [2]string{"v2 truncated", v2[:40]})
	}
	return fields
}

func pieces(n int, length int64) string {
	return fmt.Sprintf("%s × %s", term.Count(int64(n)), term.Size(length))
}

func printFiles(u *ui, c *cli.Context, f *inspect.Facts, single bool) error {
	if c.Bool("files") {
		fmt.Fprintln(u.out)
		for _, x := range f.Files {
			if _, err := fmt.Fprintf(u.out, "%10s  %s%s\n", term.Size(x.Size), fileNote(x), term.SafeJoin(x.Components)); err != nil {
				return err
			}
		}
		return nil
	}
	if single && !c.Bool("tree") || len(f.Files) == 0 {
		return nil // its name and size are above
	}
	limit := treeLimit
	if c.Bool("tree") {
		limit = 0
	}
	root := f.Name
	if single {
		root = ""
	}
	files := make([]term.TreeFile, len(f.Files))
	for i, x := range f.Files {
		files[i] = term.TreeFile{Path: x.Components, Note: fileNote(x) + term.Size(x.Size)}
	}
	fmt.Fprintln(u.out)
	return term.Tree(u.out, u.pal, root, files, limit)
}

// fileNote tells what is unusual about a file (BEP 47).
func fileNote(f inspect.File) string {
	note := ""
	if f.Pad {
		note += "pad  "
	}
	if strings.Contains(f.Attr, "x") {
		note += "executable  "
	}
	if strings.Contains(f.Attr, "h") {
		note += "hidden  "
	}
	if f.Symlink != "" {
		note += "-> " + term.Safe(f.Symlink) + "  "
	}
	return note
}

func printPieces(u *ui, t *metainfo.Torrent) {
	fmt.Fprintln(u.out)
	i := 0
	for h := range slices.Chunk(t.Pieces, 20) {
		fmt.Fprintf(u.out, "%d  %x\n", i, h)
		i++
	}
	for i := range t.Files {
		f := &t.Files[i]
		if f.PiecesRoot == nil {
			continue
		}
		fmt.Fprintf(u.out, "%s  %s\n", hex.EncodeToString(f.PiecesRoot[:]), term.SafeJoin(f.Path))
		piece := 0
		for h := range slices.Chunk(t.PieceLayer(f.PiecesRoot), 32) {
			fmt.Fprintf(u.out, "  %d  %x\n", piece, h)
			piece++
		}
	}
}

// fieldNames are the names that --field knows: the keys of the JSON, but for
// the lists of things that are more than a text.
func fieldNames() []string {
	var names []string
	facts := reflect.TypeFor[inspect.Facts]()
	for i := range facts.NumField() {
		name, _, _ := strings.Cut(facts.Field(i).Tag.Get("json"), ",")
		if name != "files" && name != "pieces" && name != "findings" {
			names = append(names, name)
		}
	}
	return names
}

// printFieldsOf prints the fields of one torrent as a line, with tabs between.
// A list is joined with blanks, which no URL holds; no text breaks the line.
func printFieldsOf(u *ui, f *inspect.Facts, fields []string) error {
	small := *f
	small.Files, small.Findings = nil, nil
	b, err := json.Marshal(small)
	if err != nil {
		return err
	}
	values := make(map[string]any)
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return err
	}
	cells := make([]string, len(fields))
	for i, name := range fields {
		cells[i] = term.Safe(plain(values[name]))
	}
	_, err = fmt.Fprintln(u.out, strings.Join(cells, "\t"))
	return err
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, plain(item))
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}
