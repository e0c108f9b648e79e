package maketorrent

import (
	"fmt"
	"strings"

	"bt/internal/metainfo"
)

// Findings about the choice of files: files that a torrent does not need, and numbers
// that a series of files lacks. Only the publisher can change that, so these findings are
// made here and not when a torrent is parsed.

// Extensions of files that BitTorrent makes needless.
var (
	parityExtensions   = extensionSet("par2")
	checksumExtensions = extensionSet("sfv md5 md5sum sha1 sha1sum sha256 sha256sum sha512 sha512sum")
)

// loneExtensions are those of archives whose files clients can't show or choose.
var loneExtensions = extensionSet("zip rar 7z")

// findInFiles adds findings about the files.
func (w *walker) findInFiles() {
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
			w.addFinding(metainfo.CodeMissingNumber, "more series of files lack numbers")
			break
		}
		w.addFinding(metainfo.CodeMissingNumber, "the series of %v: people expect a release to be whole", g)
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
		w.addFinding(code, "a %s is needless, for %s: %q", what, why, first)
	default:
		w.addFinding(code, "%d %ss are needless, for %s; the first is %q", n, what, why, first)
	}
}

// findVolumes adds findings about split archives.
func (w *walker) findVolumes(sets []*volumeSet) {
	if len(sets) == 0 {
		return
	}
	const why = "a torrent is cut into pieces anyway, and the volumes can't be seeded from the unpacked files"
	volumes := 0
	for _, s := range sets {
		volumes += len(s.numbers)
	}
	what := "an archive is split into"
	if len(sets) > 1 {
		what = fmt.Sprintf("%d archives are split into", len(sets))
	}
	w.addFinding(metainfo.CodeSplitArchive, "%s %d volumes, but %s; the first is %q", what, volumes, why, sets[0].first)
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
		w.addFinding(metainfo.CodeMissingNumber, "the split archive of %q lacks %s%s: it can't be unpacked", s.first, strings.Join(missing, ", "), more)
	}
}

// findArchives adds findings about archives that clients can't see into.
func (w *walker) findArchives(split bool) {
	archives, members := w.needlessArchives()
	switch {
	case len(archives) == 1:
		w.addFinding(metainfo.CodeNeedlessArchive, "an archive has one file, which is compressed already: %q has %q; without the archive people can use what they seed", archives[0], members[0])
	case len(archives) > 1:
		w.addFinding(metainfo.CodeNeedlessArchive, "%d archives have one file each, which is compressed already; the first is %q with %q; without the archives people can use what they seed", len(archives), archives[0], members[0])
	case len(w.files) == 1 && !split && loneExtensions[lastExtension(&w.files[0])]:
		w.addFinding(metainfo.CodeLoneArchive, "the content is one archive, of which clients can't show or download single files: %q", display(w.files[0].Path))
	}
}

// findSkipped adds findings about unmatched globs and empty directories.
func (r *Result) findSkipped(w *walker) {
	for _, g := range w.unmatched() {
		hint := ""
		if strings.Contains(g.Text, ",") {
			hint = "; a comma is a part of it and does not begin another"
		}
		r.addFinding(metainfo.CodeUnmatchedGlob, "the glob %q matches nothing%s", g.Text, hint)
	}
	n, first := 0, ""
	for _, s := range r.Skipped {
		if s.Reason != SkipEmptyDirectory {
			continue
		}
		if n++; n == 1 {
			first = s.Path
		}
	}
	switch {
	case n == 1:
		r.addFinding(metainfo.CodeEmptyDirectory, "an empty directory is left out, for a torrent has files only: %s", first)
	case n > 1:
		r.addFinding(metainfo.CodeEmptyDirectory, "%d empty directories are left out, for a torrent has files only; the first is %s", n, first)
	}
}

func (w *walker) addFinding(code metainfo.Code, format string, args ...any) {
	w.findings = append(w.findings, metainfo.NewFinding(code, format, args...))
}

func (r *Result) addFinding(code metainfo.Code, format string, args ...any) {
	r.Findings = append(r.Findings, metainfo.NewFinding(code, format, args...))
}
