package maketorrent

import (
	"archive/zip"
	"errors"
	"io"
	"os"
	"strings"
)

// Archives of one file that is compressed already. Only the central directory of a zip
// is read; other archives would have to be unpacked.

// maxArchives is the maximum number of archives that are opened.
const maxArchives = 20

// maxArchiveRead is the maximum number of bytes that are read of an archive. The central
// directory of an archive of one file is far smaller.
const maxArchiveRead = 256 << 10

// needlessArchives returns the zip files of the content that have one file, which is
// compressed already, with the name of that.
func (w *walker) needlessArchives() (archives, members []string) {
	opened := 0
	for i := range w.files {
		f := &w.files[i]
		if f.Symlink != nil || !strings.EqualFold(lastExtension(f), ".zip") {
			continue
		}
		if opened++; opened > maxArchives {
			break
		}
		if member, ok := onlyMember(w.path(i), f.Length); ok && compressedExtensions[lastExtensionOf(member)] {
			archives, members = append(archives, display(f.Path)), append(members, member)
		}
	}
	return archives, members
}

// compressedExtensions are those of files that don't become smaller in an archive.
var compressedExtensions = extensionSet("mkv mp4 m4v avi mov wmv flv webm mpg mpeg ts m2ts vob mp3 m4a m4b aac ogg opus flac ape wma " +
	"jpg jpeg png gif webp heic pdf epub cbz cbr zip rar 7z gz bz2 xz zst tgz jar apk iso")

// onlyMember returns the name of the only file in a zip archive, or false.
func onlyMember(path string, size int64) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	z, err := zip.NewReader(&limitedReaderAt{f, maxArchiveRead}, size)
	if err != nil {
		return "", false
	}
	name := ""
	for _, member := range z.File {
		switch {
		case strings.HasSuffix(member.Name, "/"):
		case name != "":
			return "", false
		default:
			name = member.Name
		}
	}
	return name, name != ""
}

// A limitedReaderAt fails after a number of bytes.
type limitedReaderAt struct {
	r    io.ReaderAt
	left int
}

func (l *limitedReaderAt) ReadAt(b []byte, off int64) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errors.New("the directory of the archive is too large")
	}
	return l.r.ReadAt(b, off)
}
