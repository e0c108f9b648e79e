package maketorrent

import "strings"

// isJunk reports whether a name is that of a file or directory that a system makes beside
// the user's files: macOS's .DS_Store and ._NAME, Windows's Thumbs.db and desktop.ini,
// whose case Windows ignores, and @eaDir of Synology.
func isJunk(name string) bool {
	switch {
	case name == ".DS_Store", name == "@eaDir":
		return true
	case strings.HasPrefix(name, "._"):
		return len(name) > len("._")
	}
	return strings.EqualFold(name, "Thumbs.db") || strings.EqualFold(name, "desktop.ini")
}
