package maketorrent

import (
	"fmt"
	"strings"

	"bt/internal/metainfo"
)

// Good manners: what publishers leave out of their torrents, or should know is missing.
// These findings are about the choice of files, which only their publisher can change, so
// they are made here and not when a torrent is parsed.

// Extensions of files that BitTorrent makes needless.
var (
	parityExtensions   = extensionSet("par2")
	checksumExtensions = extensionSet("sfv md5 md5sum sha1 sha1sum sha256 sha256sum sha512 sha512sum")
)

// loneExtensions are those of archives whose files clients can't show or choose.
var loneExtensions = extensionSet("zip rar 7z")

// findManners adds findings about the files.
func (w *walker) findManners() {
	w.findBesides(metainfo.CodeParityFiles, parityExtensions, "parity file",
		"clients check each piece by its hash, and download what is damaged again")
	w.findBesides(metainfo.CodeChecksumFiles, checksumExtensions, "checksum file",
		"the torrent has hashes of all pieces, which clients check by themselves")
	sets := volumeSets(w.files)
	w.findVolumes(sets)
	w.findArchives(len(sets) > 0)
	for i, g := range seriesGaps(w.files) {
		const most = 20
		if i == most {
			w.find(metainfo.CodeMissingNumber, "more series of files lack numbers")
			break
		}
		w.find(metainfo.CodeMissingNumber, "the series of %v: people expect a release to be whole", g)
	}
}

// findBesides adds a finding about files of some extensions that are beside other files.
func (w *walker) findBesides(code metainfo.Code, extensions map[string]bool, what, why string) {
	n, first := 0, ""
	for i := range w.files {
		if f := &w.files[i]; extensions[lastExtension(f)] {
			if n++; n == 1 {
				first = display(f.Path)
			}
		}
	}
	switch {
	case n == 0 || n == len(w.files): // nothing that they are about
	case n == 1:
		w.find(code, "a %s is needless, for %s: %q", what, why, first)
	default:
		w.find(code, "%d %ss are needless, for %s; the first is %q", n, what, why, first)
	}
}

// findVolumes adds findings about split archives.
func (w *walker) findVolumes(sets []*volumeSet) {
	if len(sets) == 0 {
		return
	}
	const why = "a torrent is cut into pieces anyway, and who unpacks the volumes can't seed them from what was unpacked"
	volumes := 0
	for _, s := range sets {
		volumes += len(s.numbers)
	}
	what := "an archive is split into"
	if len(sets) > 1 {
		what = fmt.Sprintf("%d archives are split into", len(sets))
	}
	w.find(metainfo.CodeSplitArchive, "%s %d volumes, but %s; the first is %q", what, volumes, why, sets[0].first)
	for _, s := range sets {
		missing := s.missing()
		if len(missing) == 0 {
			continue
		}
		const most = 10
		more := ""
		if n := len(missing) - most; n > 0 {
			missing, more = missing[:most], fmt.Sprintf(" and %d more", n)
		}
		w.find(metainfo.CodeMissingNumber, "the split archive of %q lacks %s%s: it can't be unpacked", s.first, strings.Join(missing, ", "), more)
	}
}

// findArchives adds findings about archives that clients can't see into.
func (w *walker) findArchives(split bool) {
	archives, members := w.needlessArchives()
	switch {
	case len(archives) == 1:
		w.find(metainfo.CodeNeedlessArchive, "an archive has one file, which is compressed already: %q has %q; without the archive people can use what they seed", archives[0], members[0])
	case len(archives) > 1:
		w.find(metainfo.CodeNeedlessArchive, "%d archives have one file each, which is compressed already; the first is %q with %q; without the archives people can use what they seed", len(archives), archives[0], members[0])
	case len(w.files) == 1 && !split && loneExtensions[lastExtension(&w.files[0])]:
		w.find(metainfo.CodeLoneArchive, "the content is one archive, of which clients can't show or download single files: %q", display(w.files[0].Path))
	}
}

func (w *walker) find(code metainfo.Code, format string, args ...any) {
	w.findings = append(w.findings, metainfo.NewFinding(code, format, args...))
}
