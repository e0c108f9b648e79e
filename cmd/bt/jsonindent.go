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
		c := p[i]
		if d.inText {
			// Copy the rest of a string at once.
			n := 0
			for ; i+n < len(p); n++ {
				if c := p[i+n]; d.escaped {
					d.escaped = false
				} else if c == '\\' {
					d.escaped = true
				} else if c == '"' {
					d.inText = false
					n++
					break
				}
			}
			d.buf = append(d.buf, p[i:i+n]...)
			i += n - 1
			continue
		}
		if d.justOpen && c != ']' && c != '}' {
			d.newline()
		}
		opened := d.justOpen
		d.justOpen = false
		switch c {
		case '"':
			d.inText = true
		case '{', '[':
			d.depth++
			d.justOpen = true
		case '}', ']':
			if d.depth--; !opened {
				d.newline()
			}
		}
		switch d.buf = append(d.buf, c); c {
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

func (d *indenter) newline() {
	const blanks = "\n                    "
	d.buf = append(d.buf, blanks[:1+2*min(d.depth, maxIndent)]...)
}
