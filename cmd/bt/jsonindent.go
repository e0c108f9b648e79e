package main

import "io"

// An indenter is a Writer that indents compact JSON, as json.Indent does, but to
// maxIndent levels at most. Without the limit, the output for a deeply nested
// torrent would be many times as long as the torrent.
type indenter struct {
	w        io.Writer
	buf      []byte
	depth    int
	inText   bool
	escaped  bool // the previous byte was a backslash
	justOpen bool // the current list or object is still empty
}

const maxIndent = 10

func (d *indenter) Write(p []byte) (int, error) {
	d.buf = d.buf[:0]
	for i := 0; i < len(p); i++ {
		if d.inText {
			n := d.text(p[i:])
			d.buf = append(d.buf, p[i:i+n]...)
			i += n - 1
			continue
		}
		c := p[i]
		closes := c == '}' || c == ']'
		if closes {
			d.depth--
		}
		if d.justOpen != closes { // an empty list or object has no line break
			d.newline()
		}
		d.buf = append(d.buf, c)
		d.justOpen = false
		switch c {
		case '"':
			d.inText = true
		case '{', '[':
			d.depth++
			d.justOpen = true
		case ',':
			d.newline()
		case ':':
			d.buf = append(d.buf, ' ')
		}
	}
	if _, err := d.w.Write(d.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// text returns the number of bytes of p that belong to the current string,
// including the quote that ends it.
func (d *indenter) text(p []byte) int {
	for i, c := range p {
		switch {
		case d.escaped:
			d.escaped = false
		case c > '\\': // small letters, the most frequent bytes
		case c == '\\':
			d.escaped = true
		case c == '"':
			d.inText = false
			return i + 1
		}
	}
	return len(p)
}

func (d *indenter) newline() {
	const blanks = "\n                    "
	d.buf = append(d.buf, blanks[:1+2*min(d.depth, maxIndent)]...)
}
