package term

import (
	"fmt"
	"strings"
)

const resetStyle = "\x1b[0m"

// Palette is what a terminal is drawn with: colours, and characters. The zero
// value leaves text alone, and draws in Unicode.
type Palette struct {
	on    bool
	ascii bool // see ASCII
}

// NewPalette returns a palette that colours if on is true (see UseColor), and
// draws in Unicode.
func NewPalette(on bool) Palette {
	return Palette{on: on}
}

func (p Palette) Bold(s string) string   { return p.style("\x1b[1m", s) }
func (p Palette) Dim(s string) string    { return p.style("\x1b[2m", s) }
func (p Palette) Red(s string) string    { return p.style("\x1b[31m", s) }
func (p Palette) Green(s string) string  { return p.style("\x1b[32m", s) }
func (p Palette) Yellow(s string) string { return p.style("\x1b[33m", s) }

func (p Palette) style(open, s string) string {
	if !p.on || s == "" {
		return s
	}
	// A style inside s ends with a reset, which would end this one too.
	return open + strings.ReplaceAll(s, resetStyle, resetStyle+open) + resetStyle
}

// UseColor decides whether to colour output. The mode is the value of --color:
// "always" and "never" say it all; "auto", and "" which means the same, colours
// a terminal unless NO_COLOR has any value or TERM is "dumb".
func UseColor(mode string, isTerminal bool, getenv func(string) string) (bool, error) {
	switch mode {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "", "auto":
		return isTerminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb", nil
	}
	return false, fmt.Errorf("unknown colour mode %q: want auto, always or never", mode)
}
