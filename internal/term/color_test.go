package term

import (
	"runtime"
	"testing"
)

func TestPalette(t *testing.T) {
	var off Palette
	on := NewPalette(true)
	tests := []struct {
		name, got, want string
	}{
		{"zero value", off.Red(off.Bold("a")), "a"},
		{"off", NewPalette(false).Dim("a"), "a"},
		{"bold", on.Bold("a"), "\x1b[1ma\x1b[0m"},
		{"dim", on.Dim("a"), "\x1b[2ma\x1b[0m"},
		{"red", on.Red("a"), "\x1b[31ma\x1b[0m"},
		{"green", on.Green("a"), "\x1b[32ma\x1b[0m"},
		{"yellow", on.Yellow("a"), "\x1b[33ma\x1b[0m"},
		{"empty", on.Red(""), ""},
		{"style goes on after one inside", on.Dim("a" + on.Red("b") + "c"), "\x1b[2ma\x1b[31mb\x1b[0m\x1b[2mc\x1b[0m"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestUseColor(t *testing.T) {
	tests := []struct {
		mode       ColorMode
		isTerminal bool
		env        map[string]string
		want       bool
	}{
		{ColorAuto, true, nil, runtime.GOOS == "windows"},
		{ColorAuto, false, map[string]string{"TERM": "xterm"}, false},
		{ColorAuto, true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{ColorAuto, true, map[string]string{"TERM": "xterm", "NO_COLOR": "0"}, false},
		{ColorAuto, true, map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{ColorAuto, true, map[string]string{"TERM": "dumb"}, false},
		{ColorAuto, true, map[string]string{"TERM": "xterm"}, true},
		{ColorAlways, false, map[string]string{"NO_COLOR": "1", "TERM": "dumb"}, true},
		{ColorNever, true, nil, false},
	}
	for _, tt := range tests {
		got := UseColor(tt.mode, tt.isTerminal, func(key string) string { return tt.env[key] })
		if got != tt.want {
			t.Errorf("UseColor(%v, %v, %v) = %v", tt.mode, tt.isTerminal, tt.env, got)
		}
	}
}

func TestIsDumb(t *testing.T) {
	for _, tt := range []struct {
		name, goos string
		want       bool
	}{
		{"dumb", "linux", true},
		{"dumb", "windows", true},
		{"", "linux", true},
		{"", "darwin", true},
		{"", "windows", false},
		{"xterm", "linux", false},
		{"xterm", "windows", false},
	} {
		if got := isDumb(tt.name, tt.goos); got != tt.want {
			t.Errorf("isDumb(%q, %q) = %v", tt.name, tt.goos, got)
		}
	}
}
