package term

import "strings"

// UseASCII reports whether the locale (POSIX: the first of LC_ALL, LC_CTYPE and LANG
// that is not empty) has another character set than UTF-8, such as C and POSIX. Without
// a locale, as in containers and services, it assumes UTF-8.
func UseASCII(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := getenv(name); locale != "" {
			// Such as en_US.UTF-8, C.utf8, and on macOS UTF-8.
			return !strings.Contains(strings.ReplaceAll(strings.ToLower(locale), "-", ""), "utf8")
		}
	}
	return false
}

// ASCII returns the palette with all drawing characters (branches, bars, marks) in
// ASCII. Text does not change: names are data, and must not depend on the locale.
func (p Palette) ASCII() Palette {
	p.ascii = true
	return p
}

// Ellipsis replaces text that was left out.
func (p Palette) Ellipsis() string { return p.either("…", "...") }

// Times is the multiplication sign.
func (p Palette) Times() string { return p.either("×", "x") }

func (p Palette) either(unicode, ascii string) string {
	if p.ascii {
		return ascii
	}
	return unicode
}
