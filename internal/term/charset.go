package term

import "strings"

// UseASCII reports whether the locale (POSIX: the first of LC_ALL, LC_CTYPE and
// LANG that is not empty) has another character set than UTF-8, as C and POSIX
// have. An environment without a locale, as containers and services have it, is
// taken for UTF-8.
func UseASCII(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := getenv(name); locale != "" {
			// en_US.UTF-8, C.utf8, and on macOS UTF-8 alone.
			return !strings.Contains(strings.ReplaceAll(strings.ToLower(locale), "-", ""), "utf8")
		}
	}
	return false
}

// ASCII returns the palette with everything that is drawn (branches, bars, marks)
// in ASCII. Text stays what it is: a name is data, and what is shown of it must
// not depend on the locale.
func (p Palette) ASCII() Palette {
	p.ascii = true
	return p
}

// Ellipsis stands where something was left out.
func (p Palette) Ellipsis() string { return p.either("…", "...") }

// Times is the sign of a multiplication.
func (p Palette) Times() string { return p.either("×", "x") }

func (p Palette) either(unicode, ascii string) string {
	if p.ascii {
		return ascii
	}
	return unicode
}
