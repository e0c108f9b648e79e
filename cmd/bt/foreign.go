package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
)

// formHints describes each form of file that is not a torrent, and says what the
// user can do.
var formHints = map[metainfo.Form]string{
	metainfo.FormEmpty:       "there is nothing in it: get it again",
	metainfo.FormZeros:       "it holds nothing but zeros, as a file does that was never written: get it again",
	metainfo.FormCutShort:    "it begins as a torrent and its end is missing: get it again",
	metainfo.FormDamaged:     "it begins as a torrent and is damaged: get it again, and as a binary file",
	metainfo.FormPrefixed:    "there are a byte order mark or blanks before the torrent, of an editor or a web server: get it again, or remove them",
	metainfo.FormBase64:      "it is a torrent in base64: decode it first (base64 -d)",
	metainfo.FormInfoDict:    "it is an info dict without the torrent around it: (printf d4:info; cat FILE; printf e) > x.torrent makes one",
	metainfo.FormAppleDouble: "it is macOS's metadata of another file (AppleDouble): the torrent is the file of this name without ._",

	metainfo.FormWebPage:       "it is a web page, most likely the login page or an error of a tracker: download the torrent again while you are logged in",
	metainfo.FormTrackerAnswer: "it is a tracker's answer to an announce, and no torrent: download the torrent from the tracker's pages",
	metainfo.FormMagnetText:    "it is a text with a magnet link: bt info 'magnet:?...' takes a link, and bt info - reads links from stdin, one per line",
	metainfo.FormNZB:           "it is an NZB file, which is for Usenet",
	metainfo.FormMetalink:      "it is a Metalink file, which may name a torrent: look in it for a URL",
	metainfo.FormXML:           "it is XML, most likely a feed or an error: look in it for the URL of the torrent",
	metainfo.FormJSON:          "it is JSON: of what bt info --raw wrote, bt retracker --from-json makes a torrent",
	metainfo.FormPlainText:     "it is a plain text: look in it for what went wrong",

	metainfo.FormGzip:     "it is compressed with gzip: decompress it first (gzip -dc FILE > x.torrent)",
	metainfo.FormBzip2:    "it is compressed with bzip2: decompress it first (bzip2 -dc FILE > x.torrent)",
	metainfo.FormXZ:       "it is compressed with xz: decompress it first (xz -dc FILE > x.torrent)",
	metainfo.FormZstd:     "it is compressed with zstd: decompress it first (zstd -dc FILE > x.torrent)",
	metainfo.FormArchive:  "it is an archive (zip, 7z, RAR or tar): if torrents are in it, unpack it first",
	metainfo.FormDatabase: "it is an SQLite database, which qBittorrent's torrents.db is too: export the torrents from qBittorrent",
	metainfo.FormMedia:    "it looks like content, and not like the torrent of it: bt make makes one",

	metainfo.FormDelugeResume:       "it is Deluge's resume data of all its torrents: change trackers in Deluge; the torrents themselves are the .torrent files beside it",
	metainfo.FormDelugeState:        "it is Deluge's list of its torrents: change trackers in Deluge; the torrents themselves are the .torrent files beside it",
	metainfo.FormLibtorrentResume:   "it is resume data of libtorrent, such as qBittorrent's .fastresume: the torrent is the .torrent file beside it; bt retracker edits both",
	metainfo.FormLibtorrentSession:  "it is the state of a libtorrent session (Deluge, qBittorrent), and no torrent",
	metainfo.FormRTorrentState:      "it is rTorrent's state of a torrent: the torrent is the file of this name without .rtorrent or .libtorrent_resume",
	metainfo.FormTransmissionResume: "it is Transmission's resume data of a torrent: the torrent is in the directory torrents, beside the directory resume",
	metainfo.FormUTorrentState:      "it is a state file of uTorrent or BitTorrent: the torrents themselves are the .torrent files beside it",
	metainfo.FormBiglyBTState:       "it is the list of downloads of BiglyBT or Vuze: the torrents themselves are in its directory torrents",
}

// formHint returns the hint for an error about a file that is not a torrent, or
// "".
func formHint(err error) string {
	not, ok := errors.AsType[*metainfo.NotTorrentError](err)
	if !ok {
		return ""
	}
	return formHints[not.Form]
}

// withFormHint returns the text of an error followed by its formHint, for output
// that has no separate line for hints.
func withFormHint(err error) string {
	if hint := formHint(err); hint != "" {
		return err.Error() + "; " + hint
	}
	return err.Error()
}

// notTorrent returns the error for a file that is not a torrent.
func notTorrent(name string, err error) error {
	return withHint(failf(exitTorrent, "%s: %w", name, err), formHint(err))
}

// passOver reports whether err is about a file that usually lies in a directory
// beside torrents: a client's state file, or macOS's metadata of another file.
// Such a file is not a failure. passOver warns of state files; finish warns of
// all macOS files at once.
func (u *ui) passOver(in input, err error) bool {
	not, ok := errors.AsType[*metainfo.NotTorrentError](err)
	switch {
	case !ok || !in.found:
		return false
	case not.Form == metainfo.FormAppleDouble || strings.HasPrefix(filepath.Base(in.name), "._"):
		u.passed++
		u.explain("%s: %s", in.name, cmp.Or(formHints[not.Form], not.Error()))
	case not.Form.FoundBesideTorrents():
		u.warn("%s: passed over: %s", in.name, formHints[not.Form])
	default:
		return false
	}
	return true
}
