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
	metainfo.FormEmpty:       "it is empty, or has only blanks: download it again",
	metainfo.FormZeros:       "it contains only zeros, like a file that was never written: download it again",
	metainfo.FormCutShort:    "it begins like a torrent, but its end is missing: download it again",
	metainfo.FormDamaged:     "it begins like a torrent, but is damaged: download it again, as a binary file",
	metainfo.FormPrefixed:    "an editor or a web server has put a byte order mark or blanks before the torrent: download it again, or remove them",
	metainfo.FormBase64:      "it is a torrent in base64: decode it first (base64 -d)",
	metainfo.FormInfoDict:    "it is an info dict without the torrent around it: (printf d4:info; cat FILE; printf e) > x.torrent makes one",
	metainfo.FormAppleDouble: "it is macOS's metadata of another file (AppleDouble): the torrent is the file of this name without ._",

	metainfo.FormWebPage:       "it is a web page, most likely the login page or an error of a tracker: download the torrent again while you are logged in",
	metainfo.FormTrackerAnswer: "it is a tracker's answer to an announce: download the torrent from the tracker's pages",
	metainfo.FormMagnetText:    "it is a text with a magnet link: bt info 'magnet:?...' takes a link, and bt info - reads links from stdin, one per line",
	metainfo.FormNZB:           "it is an NZB file, which is for Usenet",
	metainfo.FormMetalink:      "it is a Metalink file, which may name a torrent: look in it for a URL",
	metainfo.FormXML:           "it is XML, most likely a feed or an error: look in it for the URL of the torrent",
	metainfo.FormJSON:          "it is JSON: bt retracker --from-json makes a torrent of the output of bt info --raw",
	metainfo.FormPlainText:     "it is a plain text, perhaps an error message",

	metainfo.FormGzip:     "it is compressed with gzip: decompress it first (gzip -dc FILE > x.torrent)",
	metainfo.FormBzip2:    "it is compressed with bzip2: decompress it first (bzip2 -dc FILE > x.torrent)",
	metainfo.FormXZ:       "it is compressed with xz: decompress it first (xz -dc FILE > x.torrent)",
	metainfo.FormZstd:     "it is compressed with zstd: decompress it first (zstd -dc FILE > x.torrent)",
	metainfo.FormArchive:  "it is an archive (zip, 7z, RAR or tar): if it contains torrents, unpack it first",
	metainfo.FormDatabase: "it is an SQLite database, such as qBittorrent's torrents.db: export the torrents from qBittorrent",
	metainfo.FormMedia:    "it looks like content: bt make makes a torrent of it",

	metainfo.FormDelugeResume:       "it is Deluge's resume data of all its torrents: change trackers in Deluge; the torrents themselves are the .torrent files beside it",
	metainfo.FormDelugeState:        "it is Deluge's list of its torrents: change trackers in Deluge; the torrents themselves are the .torrent files beside it",
	metainfo.FormLibtorrentResume:   "it is resume data of libtorrent, such as qBittorrent's .fastresume: the torrent is the .torrent file beside it; bt retracker edits both",
	metainfo.FormLibtorrentSession:  "it is the state of a libtorrent session (Deluge, qBittorrent)",
	metainfo.FormRTorrentState:      "it is rTorrent's state of a torrent: the torrent is the file of this name without .rtorrent or .libtorrent_resume",
	metainfo.FormTransmissionResume: "it is Transmission's resume data of a torrent: the torrent is in the directory torrents, beside the directory resume",
	metainfo.FormUTorrentState:      "it is a state file of uTorrent or BitTorrent: the torrents themselves are the .torrent files beside it",
	metainfo.FormBiglyBTState:       "it is the list of downloads of BiglyBT or Vuze: the torrents themselves are in its directory torrents",
}

// bencodeHints replaces those of the formHints that suppose that a torrent is meant.
var bencodeHints = map[metainfo.Form]string{
	metainfo.FormEmpty:      "it is empty, or has only blanks",
	metainfo.FormZeros:      "it contains only zeros, like a file that was never written",
	metainfo.FormPrefixed:   "there is a byte order mark, or there are blanks, before the bencode: remove them",
	metainfo.FormWebPage:    "it is a web page, most likely a login page or an error",
	metainfo.FormMagnetText: "it is a text with a magnet link, which has no bencode",
	metainfo.FormMedia:      "it looks like content, and not like bencode",
}

// stdinHints replaces formHints for standard input.
var stdinHints = map[metainfo.Form]string{
	metainfo.FormEmpty:     "nothing was on standard input, or only blanks",
	metainfo.FormPlainText: "it is a plain text: a list of magnet links and info-hashes is for bt info -, and for bt scrape -, which also takes names of torrents",
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
	hint := formHint(err)
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok && name == stdinName {
		hint = cmp.Or(stdinHints[not.Form], hint)
	}
	return withHint(failf(exitTorrent, "%s: %w", name, err), hint)
}

// notBencode returns the error for a file that is no bencode of any kind.
func notBencode(name string, err error) error {
	hint := formHint(err)
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok {
		hint = cmp.Or(bencodeHints[not.Form], hint)
	}
	return withHint(failf(exitTorrent, "%s: %w", name, err), hint)
}

// isForeign reports whether err is about a file that usually lies in a directory beside
// torrents: a client's state file, or macOS's metadata of another file.
func isForeign(in input, err error) bool {
	not, ok := errors.AsType[*metainfo.NotTorrentError](err)
	return ok && in.found && (isAppleDouble(in, not) || not.Form.FoundBesideTorrents())
}

func isAppleDouble(in input, err *metainfo.NotTorrentError) bool {
	return err.Form == metainfo.FormAppleDouble || strings.HasPrefix(filepath.Base(in.name), "._")
}

// skipForeign is isForeign. Such a file is not a failure. skipForeign warns of state
// files; finish warns of all macOS files at once.
func (u *ui) skipForeign(in input, err error) bool {
	if !isForeign(in, err) {
		return false
	}
	not, _ := errors.AsType[*metainfo.NotTorrentError](err)
	if isAppleDouble(in, not) {
		u.skipped++
		u.explain("%s: %s", in.name, cmp.Or(formHints[not.Form], not.Error()))
	} else {
		u.warn("%s: skipped: %s", in.name, formHints[not.Form])
	}
	return true
}
