// Package bencodetree prints any bencoded file as a tree for people: torrents, resume data
// and state of clients, answers of trackers. It shows a damaged file up to the damage.
package bencodetree

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"bt/internal/bencode"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// The tree is bounded, whatever the file has:
//
//   - a list or dict has at most maxEntries entries, a list of addresses maxAddresses
//   - the tree has at most maxLines lines
//   - texts are cut to the width, or after maxText bytes
//   - bencode inside a string is shown as such, to maxNested levels of it
//
// A line says what is left out.
const (
	maxEntries   = 200
	maxAddresses = 50
	maxLines     = 10_000
	maxText      = 500
	maxNested    = 3
)

// A File is a bencoded file.
type File struct {
	doc    *bencode.Document
	broken *bencode.SyntaxError // nil if the file is intact
}

// Parse parses a file. It keeps b. The error is a *metainfo.NotTorrentError, and only
// returned if nothing of the file can be shown.
func Parse(b []byte) (*File, error) {
	doc, err := bencode.Parser{}.ParsePart(b)
	if doc == nil {
		return nil, metainfo.NotTorrent(b, err)
	}
	f := &File{doc: doc}
	f.broken, _ = errors.AsType[*bencode.SyntaxError](err)
	return f, nil
}

// Err returns what is wrong with a damaged file, or nil.
func (f *File) Err() error {
	if f.broken == nil {
		return nil
	}
	return f.broken
}

// Findings returns the findings about the syntax.
func (f *File) Findings() []metainfo.Finding { return metainfo.SyntaxFindings(f.doc) }

// WriteJSON writes an intact file as lossless JSON, like bt info --raw.
func (f *File) WriteJSON(w io.Writer) error { return f.doc.WriteJSON(w) }

// Options are the choices of Print.
type Options struct {
	Width   int // columns; 0 means no limit
	Palette term.Palette
	Offsets bool                     // begin lines with the offset of the value in bytes
	Mask    func(text string) string // masks secrets in texts
}

// Print prints the file as a tree, below a line that begins with its name, which must be
// safe.
func (f *File) Print(w io.Writer, name string, o Options) error {
	p := &printer{Options: o, w: w}
	if o.Offsets {
		p.digits = len(fmt.Sprint(len(f.doc.Bytes())))
	}
	p.value(place{label: o.Palette.Bold(name)}, f.doc.Root())
	if f.broken != nil {
		p.damage(f.broken)
	}
	return p.err
}

// A printer prints lines. After an error it stops.
type printer struct {
	Options
	w      io.Writer
	lines  int
	base   int // offset in the file of the bencode that is printed, which may be inside a string
	digits int // of the greatest offset
	err    error
}

// A place is where a value is in the tree.
type place struct {
	label  string        // safe, without a colon; "" in a list
	depth  int           // of lists and dicts around the value
	key    string        // of the nearest dict around it
	dict   bencode.Value // this dict
	list   bool          // the value is in a list, which is the value of the key
	nested int           // strings around it
}

// full reports whether the tree must end. It says so once.
func (p *printer) full() bool {
	if p.lines == maxLines {
		p.lines++
		p.write(p.Palette.Dim(p.Palette.Ellipsis() + " the rest is left out (--json has all of it)"))
	}
	return p.err != nil || p.lines > maxLines
}

func (p *printer) write(line string) {
	if p.err != nil {
		return
	}
	if p.Width > 0 {
		line = p.Palette.Cut(line, p.Width)
	}
	_, p.err = fmt.Fprintln(p.w, line)
}

// line prints a line at a place: the label, and a text that text cuts to the columns that
// are left, or to no width if that is 0.
func (p *printer) line(at place, offset int, text func(room int) string) {
	if p.full() {
		return
	}
	p.lines++
	head := p.indent(at.depth)
	if p.Offsets {
		number := ""
		if offset >= 0 {
			number = fmt.Sprint(offset)
		}
		head = p.Palette.Dim(fmt.Sprintf("%*s", p.digits, number)) + "  " + head
	}
	label := at.label
	if p.Width > 0 {
		label = p.Palette.CutMiddle(label, max((p.Width-term.Width(head))*2/3, 1))
	}
	switch {
	case label != "":
		head += label + ": "
	case at.depth > 0:
		head += "- "
	}
	room := 0
	if p.Width > 0 {
		room = max(p.Width-term.Width(head), 1)
	}
	p.write(head + text(room))
}

// indent indents by two columns for each level, to half of the width at most. Deeper levels
// have their number instead.
func (p *printer) indent(depth int) string {
	if p.Width <= 0 || 2*depth <= p.Width/2 {
		return strings.Repeat("  ", depth)
	}
	level := fmt.Sprint(depth)
	return strings.Repeat(" ", max(p.Width/2-len(level)-1, 0)) + p.Palette.Dim(level) + " "
}

// value prints a value with what is in it.
func (p *printer) value(at place, v bencode.Value) {
	if p.full() {
		return
	}
	offset := p.base + v.Offset()
	plain := func(text string) { p.line(at, offset, func(int) string { return text }) }
	switch v.Kind() {
	case bencode.KindInteger:
		p.line(at, offset, func(room int) string { return p.integer(at.key, v, room) })
	case bencode.KindString:
		p.text(at, v, offset)
	case bencode.KindList:
		n, integers := v.Len(), onlyIntegers(v)
		switch {
		case n == 0:
			plain("empty list")
		case integers:
			p.line(at, offset, func(room int) string { return p.integers(v, n, room) })
		default:
			plain("list of " + count(n, "item"))
			p.list(at, v, n)
		}
	case bencode.KindDict:
		n := v.Len()
		if n == 0 {
			plain("empty dict")
			return
		}
		plain("dict of " + count(n, "key"))
		p.dict(at, v, n)
	}
}

func (p *printer) list(at place, v bencode.Value, n int) {
	shown := 0
	for item := range v.Items() {
		if shown == maxEntries {
			p.more(at, n-shown, "item")
			return
		}
		shown++
		p.value(place{depth: at.depth + 1, key: at.key, dict: at.dict, list: true, nested: at.nested}, item)
	}
}

func (p *printer) dict(at place, v bencode.Value, n int) {
	shown := 0
	for key, value := range v.Entries() {
		if shown == maxEntries {
			p.more(at, n-shown, "key")
			return
		}
		shown++
		p.value(place{label: p.key(key), depth: at.depth + 1, key: key.Text(), dict: v, nested: at.nested}, value)
	}
}

// more says how many entries of a list or dict are left out.
func (p *printer) more(at place, n int, noun string) {
	p.note(at, p.Palette.Ellipsis()+" and "+count(n, "more "+noun)+" (--json has all of them)")
}

// note prints a line below a value, without a label.
func (p *printer) note(at place, text string) {
	if !p.full() {
		p.lines++
		p.write(strings.Repeat(" ", p.offsetWidth()) + p.indent(at.depth+1) + p.Palette.Dim(text))
	}
}

func (p *printer) offsetWidth() int {
	if !p.Offsets {
		return 0
	}
	return p.digits + 2
}

// damage says where and why the tree ends.
func (p *printer) damage(err *bencode.SyntaxError) {
	text := fmt.Sprintf("damaged at byte %s: %s", term.Count(int64(err.Offset)), term.Safe(err.Msg))
	if err.Key != "" {
		text += ", in the value of " + p.Palette.Shorten(p.Mask(err.Key), "")
	}
	if p.Width > 0 {
		text = term.Wrap(text, p.Width)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if p.err == nil {
			_, p.err = fmt.Fprintln(p.w, p.Palette.Red(line))
		}
	}
}

// count formats a number and a noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return term.Count(int64(n)) + " " + noun
}
