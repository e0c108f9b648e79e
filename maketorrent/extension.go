package maketorrent

import (
	"path"
	"slices"
	"strings"

	"bt/internal/metainfo"
)

// extensionSet returns a set of the extensions in a list, each with its dot.
func extensionSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, ext := range strings.Fields(list) {
		set["."+ext] = true
	}
	return set
}

// lastExtension returns what follows the last dot in the name of a file, with the dot and
// in lower case.
func lastExtension(f *metainfo.BuildFile) string { return lastExtensionOf(f.Path[len(f.Path)-1]) }

func lastExtensionOf(name string) string {
	return strings.ToLower(name[max(strings.LastIndexByte(name, '.'), 0):])
}

// extension returns the extension of a name that is in lower case, with its dot. Unlike
// lastExtension it returns "" for a number or an episode after a dot, as in "show.s01e02".
func extension(name string) string {
	ext := path.Ext(name)
	if len(ext) < 2 || len(ext) > 6 || strings.ContainsFunc(ext[1:], func(c rune) bool { return !isLower(c) && !isDigit(c) }) {
		return ""
	}
	if strings.ContainsAny(ext, "0123456789") && !slices.Contains(numberedExtensions, ext) {
		return ""
	}
	return ext
}

var numberedExtensions = []string{".mp2", ".mp3", ".mp4", ".m4a", ".m4b", ".m4v", ".m2ts", ".mk3d", ".3gp", ".ac3", ".m3u", ".m3u8", ".7z", ".bz2", ".par2", ".azw3", ".jp2", ".cr2", ".md5", ".sha1"}
