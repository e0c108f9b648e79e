package term

import (
	"runtime"
	"strings"
)

const resetStyle = "\x1b[0m"

// A Palette is the colours and drawing characters for output. The zero Palette has no
// colours, and draws in Unicode.
type Palette struct {
	on    bool
	ascii bool // see ASCII
}

// NewPalette returns a palette with colours if on is true (see UseColor), that draws in
// Unicode.
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
	// A style inside s ends with a reset, which also ends this style: begin it again.
	return open + strings.ReplaceAll(s, resetStyle, resetStyle+open) + resetStyle
}

// A ColorMode says when output is coloured.
type ColorMode uint8

const (
	ColorAuto   ColorMode = iota // on a terminal, unless NO_COLOR has any value or IsDumb
	ColorAlways                  // regardless of the environment
	ColorNever
)

// UseColor reports whether to colour output.
func UseColor(mode ColorMode, isTerminal bool, getenv func(string) string) bool {
	switch mode {
	case ColorAlways:
		return true
	case ColorNever:
		return false
	}
	return isTerminal && getenv("NO_COLOR") == "" && !IsDumb(getenv)
}

// IsDumb reports whether a terminal may not know escape sequences: TERM is "dumb" or, except
// on Windows, where terminals do not set it, is not set.
func IsDumb(getenv func(string) string) bool { return isDumb(getenv("TERM"), runtime.GOOS) }

func isDumb(name, goos string) bool {
	return name == "dumb" || name == "" && goos != "windows"
}
