package metainfo

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"bt/internal/bencode"
)

// A NotTorrentError reports bytes that are not a torrent.
type NotTorrentError struct {
	Form Form // the format that they appear to have; "" if it is unknown
	Err  error
}

func (e *NotTorrentError) Error() string { return e.Err.Error() }
func (e *NotTorrentError) Unwrap() error { return e.Err }

// NotTorrent returns a *NotTorrentError for b, which is not a torrent because of err.
func NotTorrent(b []byte, err error) error { return &NotTorrentError{Recognize(b), err} }

// A Form is the format of a file that is not a torrent.
type Form string

const (
	FormEmpty       Form = "empty" // or only white space
	FormZeros       Form = "zeros"
	FormCutShort    Form = "cut-short" // a torrent whose end is missing
	FormDamaged     Form = "damaged"   // it begins like a torrent
	FormPrefixed    Form = "prefixed"  // a torrent after a byte order mark or blanks
	FormBase64      Form = "base64"    // a torrent in base64
	FormInfoDict    Form = "info-dict" // the info dict of a torrent
	FormAppleDouble Form = "apple-double"

	FormWebPage       Form = "web-page"
	FormTrackerAnswer Form = "tracker-answer"
	FormMagnetText    Form = "magnet-text" // a text with a magnet link
	FormNZB           Form = "nzb"
	FormMetalink      Form = "metalink"
	FormXML           Form = "xml"
	FormJSON          Form = "json"
	FormPlainText     Form = "plain-text"

	FormGzip     Form = "gzip"
	FormBzip2    Form = "bzip2"
	FormXZ       Form = "xz"
	FormZstd     Form = "zstd"
	FormArchive  Form = "archive"  // zip, 7z, RAR or tar
	FormDatabase Form = "database" // SQLite
	FormMedia    Form = "media"    // film, sound, picture, document, program, disk image

	// State files of clients.
	FormDelugeResume       Form = "deluge-resume"       // torrents.fastresume
	FormDelugeState        Form = "deluge-state"        // torrents.state
	FormLibtorrentResume   Form = "libtorrent-resume"   // qBittorrent's HASH.fastresume
	FormLibtorrentSession  Form = "libtorrent-session"  // session.state, dht.state
	FormRTorrentState      Form = "rtorrent-state"      // HASH.torrent.rtorrent, HASH.torrent.libtorrent_resume
	FormTransmissionResume Form = "transmission-resume" // HASH.resume
	FormUTorrentState      Form = "utorrent-state"      // resume.dat, settings.dat
	FormBiglyBTState       Form = "biglybt-state"       // downloads.config, also of Vuze
)

// FoundBesideTorrents reports whether clients and systems write such files into
// directories of torrents: state files, and macOS's metadata files.
func (f Form) FoundBesideTorrents() bool {
	switch f {
	case FormAppleDouble, FormDelugeResume, FormDelugeState, FormLibtorrentResume, FormLibtorrentSession, FormRTorrentState, FormTransmissionResume, FormUTorrentState, FormBiglyBTState:
		return true
	}
	return false
}

// Recognize returns the apparent format of bytes that are not a torrent, or "" if it is
// unknown.
func Recognize(b []byte) Form {
	for _, m := range magics {
		if len(b) >= m.at+len(m.text) && string(b[m.at:m.at+len(m.text)]) == m.text {
			return m.form
		}
	}
	if form, ok := recognizeBencode(b); ok {
		return form
	}
	return recognizeText(b)
}

// magics are byte sequences at fixed offsets in files of a form.
var magics = []struct {
	form Form
	at   int
	text string
}{
	{FormAppleDouble, 0, "\x00\x05\x16\x07"},
	{FormGzip, 0, "\x1f\x8b"}, {FormBzip2, 0, "BZh"}, {FormXZ, 0, "\xfd7zXZ\x00"}, {FormZstd, 0, "\x28\xb5\x2f\xfd"},
	{FormArchive, 0, "PK\x03\x04"}, {FormArchive, 0, "PK\x05\x06"}, {FormArchive, 0, "7z\xbc\xaf\x27\x1c"}, {FormArchive, 0, "Rar!\x1a\x07"}, {FormArchive, 257, "ustar"},
	{FormDatabase, 0, "SQLite format 3\x00"},
	{FormDelugeState, 0, "(ideluge."}, {FormDelugeState, 2, "cdeluge."}, // pickles of Python
	{FormMedia, 0, "\x1a\x45\xdf\xa3"}, {FormMedia, 4, "ftyp"}, {FormMedia, 0, "RIFF"}, {FormMedia, 0, "\x00\x00\x01\xba"}, // Matroska, MP4, AVI and WAV, MPEG
	{FormMedia, 0, "OggS"}, {FormMedia, 0, "fLaC"}, {FormMedia, 0, "ID3"}, {FormMedia, 0, "\xff\xfb"},
	{FormMedia, 0, "\xff\xd8\xff"}, {FormMedia, 0, "\x89PNG"}, {FormMedia, 0, "GIF8"}, {FormMedia, 0, "%PDF-"},
	{FormMedia, 0, "\x7fELF"}, {FormMedia, 0, "MZ\x90\x00"}, {FormMedia, 0x8001, "CD001"}, // programs, and images of CDs
}

// recognizeBencode recognizes bencode, and bencode with errors. It returns false for
// anything else.
func recognizeBencode(b []byte) (Form, bool) {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(b, []byte(utf8BOM)), blanks)
	if len(trimmed) < 2 || !strings.Contains("dli", string(trimmed[:1])) {
		return "", false
	}
	doc, err := bencode.Parse(trimmed)
	var syntax *bencode.SyntaxError
	switch {
	case errors.As(err, &syntax):
		began := trimmed[0] == 'd' && isDigit(trimmed[1])
		if began && len(trimmed) < len(b) { // text follows, which the parser did not read
			return FormPrefixed, true
		}
		return pick(endsAt(trimmed, syntax.Offset), FormCutShort, FormDamaged), began
	case len(bytes.Trim(doc.Trailing(), blanks)) > 0 && doc.Root().Len() == 0:
		return "", false // a word such as dear
	case len(trimmed) < len(b) && doc.Root().Get("info").Exists():
		return FormPrefixed, true
	}
	return recognizeDict(doc.Root()), true
}

const (
	utf8BOM = "\xef\xbb\xbf"
	blanks  = " \t\r\n"
)

// endsAt reports whether b can't be parsed at offset because it ends there, or in the
// string that begins there.
func endsAt(b []byte, offset int) bool {
	rest := bytes.TrimRight(b[offset:], blanks) // added by an editor
	length, _, ok := bytes.Cut(rest[:min(len(rest), 20)], []byte(":"))
	if !ok {
		return len(rest) == 0
	}
	n, err := strconv.Atoi(string(length))
	return err == nil && n > len(rest)-len(length)-1
}

// recognizeDict recognizes dicts by their keys.
func recognizeDict(root bencode.Value) Form {
	const most = 1000 // limit of the entries that are checked
	keys := make(map[string]bencode.Value)
	n, hashes := 0, 0
	for key, value := range root.Entries() {
		if n == most {
			break
		}
		n++
		k := key.Text()
		if keys[k] = value; len(k) == 40 && strings.Trim(k, "0123456789abcdef") == "" {
			hashes++
		}
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !keys[name].Exists() })
	}
	switch {
	case keys["file-format"].Text() == "libtorrent resume file":
		return FormLibtorrentResume
	case has("dht state"), has("settings", "extensions"):
		return FormLibtorrentSession
	case has("state_changed", "tied_to_file"), has("bitfield", "files"), has("uncertain_pieces.timestamp"):
		return FormRTorrentState
	case has("added-date", "destination"), has("activity-date", "destination"):
		return FormTransmissionResume
	case has(".fileguard"):
		return FormUTorrentState
	case keys["downloads"].Kind() == bencode.KindList:
		return FormBiglyBTState
	case has("failure reason"), has("interval", "peers"), has("interval", "peers6"):
		return FormTrackerAnswer
	case has("piece length", "pieces"), has("piece length", "file tree"):
		return FormInfoDict
	case n > 0 && hashes == n: // resume data by info-hash
		return FormDelugeResume
	}
	return ""
}

// recognizeText recognizes texts by their beginning, or a magnet link in them.
func recognizeText(b []byte) Form {
	const begin, most = 4 << 10, 64 << 10
	b = b[:min(len(b), most)]
	if len(b) > 0 && len(bytes.Trim(b, "\x00")) == 0 {
		return FormZeros
	}
	text := strings.TrimSpace(decodeText(b))
	if text == "" {
		return FormEmpty
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n\f\x1b", r) }) {
		return ""
	}
	switch {
	case IsMagnet(text): // perhaps in <>
		return FormMagnetText
	case text[0] == '<':
		return recognizeMarkup(strings.ToLower(text[:min(len(text), begin)]))
	case strings.Contains(strings.ToLower(text), "magnet:?"):
		return FormMagnetText
	case text[0] == '{', text[0] == '[' && strings.HasSuffix(text, "]"):
		return FormJSON
	case isBase64Torrent(text):
		return FormBase64
	}
	return FormPlainText
}

// recognizeMarkup recognizes HTML and XML by their elements, in lower case.
func recognizeMarkup(start string) Form {
	for _, m := range markup {
		if slices.ContainsFunc(m.elements, func(e string) bool { return strings.Contains(start, e) }) {
			return m.form
		}
	}
	return FormXML
}

// markup are the beginnings of elements of a form.
var markup = []struct {
	form     Form
	elements []string
}{
	{FormNZB, []string{"<nzb"}},
	{FormMetalink, []string{"<metalink"}},
	{FormWebPage, []string{"<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<script", "<center", "<div", "<p>", "<h1", "<br", "<a ", "<b>"}},
}

// decodeText converts UTF-16 with a byte order mark to UTF-8, and removes the byte
// order mark of UTF-8.
func decodeText(b []byte) string {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return string(bytes.TrimPrefix(b, []byte(utf8BOM)))
	}
	var units []uint16
	for pair := range slices.Chunk(b[2:len(b)&^1], 2) {
		units = append(units, order.Uint16(pair))
	}
	return string(utf16.Decode(units))
}

// isBase64Torrent reports whether a text is a torrent in base64, or a data URL of one.
func isBase64Torrent(text string) bool {
	if strings.HasPrefix(text, "data:") {
		_, text, _ = strings.Cut(text, ";base64,")
	}
	b, err := base64.StdEncoding.DecodeString(text[:min(len(text), 12)&^3])
	return err == nil && len(b) > 3 && b[0] == 'd' && isDigit(b[1]) && (b[2] == ':' || isDigit(b[2]) && b[3] == ':')
}
