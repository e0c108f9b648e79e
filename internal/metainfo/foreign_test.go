package metainfo

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16File is a text as Windows writes it.
func utf16File(text string, bigEndian bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		low, high := byte(u), byte(u>>8)
		if bigEndian {
			low, high = high, low
		}
		b.Write([]byte{low, high})
	}
	return b.String()
}

func TestRecognize(t *testing.T) {
	torrent := "d8:announce10:http://t/a4:infod" + single + "ee"
	page := "<!DOCTYPE html><html><head><title>Login</title></head></html>"
	const libtorrent = "d11:file-format22:libtorrent resume file12:file-versioni1ee"
	zeros := strings.Repeat("\x00", 300)
	for _, tt := range []struct {
		form Form
		in   string
	}{
		{FormEmpty, ""}, {FormEmpty, " \r\n"}, {FormEmpty, "\ufeff"}, {FormEmpty, utf16File("\r\n", false)},
		{FormZeros, "\x00"}, {FormZeros, zeros},

		{FormCutShort, torrent[:len(torrent)-1]}, {FormCutShort, torrent[:len(torrent)/2]}, {FormCutShort, torrent[:14]}, {FormCutShort, "d8"}, {FormCutShort, "d8:"}, {FormCutShort, "d4:info"}, {FormCutShort, "d4:infod6:lengthi5e\r\n"},
		{FormDamaged, "d8:announce10:http://t/a4:infox"}, {FormDamaged, "d8:announcei1x"}, {FormDamaged, torrent[:20] + "\n" + torrent[20:]},
		{FormPrefixed, "\ufeff" + torrent}, {FormPrefixed, "\r\n" + torrent}, {FormPrefixed, "\ufeff \n" + torrent + "\n"},
		{FormBase64, base64.StdEncoding.EncodeToString([]byte(torrent))}, {FormBase64, "\n" + base64.StdEncoding.EncodeToString([]byte("d13:announce-listlee"))},
		{FormBase64, "data:application/x-bittorrent;base64," + base64.StdEncoding.EncodeToString([]byte(torrent))},
		{FormInfoDict, "d" + single + "e"}, {FormInfoDict, "d9:file treede12:piece lengthi16384ee"},
		{FormAppleDouble, "\x00\x05\x16\x07"}, {FormAppleDouble, "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "},

		{FormWebPage, page}, {FormWebPage, "\r\n  " + strings.ToLower(page)}, {FormWebPage, "\ufeff" + page}, {FormWebPage, utf16File(page, false)}, {FormWebPage, utf16File(page, true)},
		{FormWebPage, "<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\">\n<html/>"},
		{FormWebPage, "<!-- caf\xe9 --><HTML>"}, {FormWebPage, "<center><h1>502 Bad Gateway</h1></center>"}, {FormWebPage, "<html><a href='magnet:?xt=urn:btih:x'>"}, {FormWebPage, "<br />\n<b>Warning</b>: mysql"},
		{FormTrackerAnswer, "d14:failure reason3:no!e"}, {FormTrackerAnswer, "d8:intervali1800e5:peers0:e"},
		{FormMagnetText, link1}, {FormMagnetText, "\ufeff\n " + link1 + "\n"}, {FormMagnetText, "# mine\n" + link1}, {FormMagnetText, utf16File(link1, false)},
		{FormMagnetText, "[InternetShortcut]\r\nURL=" + link1}, {FormMagnetText, "deadline\n" + link1}, {FormMagnetText, "<" + link1 + ">"},
		{FormNZB, `<?xml version="1.0"?><!DOCTYPE nzb PUBLIC "-//newzBin//DTD NZB 1.1//EN"><nzb>`},
		{FormMetalink, `<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">`},
		{FormXML, `<?xml version="1.0"?><rss>`},
		{FormJSON, `{"error": 403}`}, {FormJSON, "\n[1, 2]\n"},
		{FormPlainText, "not a torrent"}, {FormPlainText, "403 Forbidden"}, {FormPlainText, "dear all"}, {FormPlainText, "i am no torrent"}, {FormPlainText, "caf\xe9"}, {FormPlainText, "lead"}, {FormPlainText, "d"},

		{FormGzip, "\x1f\x8b\x08\x00"}, {FormBzip2, "BZh91AY&SY"}, {FormXZ, "\xfd7zXZ\x00\x00"}, {FormZstd, "\x28\xb5\x2f\xfd\x24"},
		{FormArchive, "PK\x03\x04\x14"}, {FormArchive, "7z\xbc\xaf\x27\x1c\x00"}, {FormArchive, "Rar!\x1a\x07\x01"}, {FormArchive, zeros[:257] + "ustar"},
		{FormDatabase, "SQLite format 3\x00"},
		{FormMedia, "\x1a\x45\xdf\xa3\x01"}, {FormMedia, "\x00\x00\x00\x20ftypisom"}, {FormMedia, "RIFF\x00\x00\x00\x00AVI "}, {FormMedia, "%PDF-1.7"}, {FormMedia, "\xff\xd8\xff\xe0"}, {FormMedia, strings.Repeat("\x00", 0x8001) + "CD001"},

		{FormDelugeResume, "d40:" + hash1 + "2:de40:" + hash1b + "2:dee"},
		{FormDelugeState, "(ideluge.core.torrentmanager\nTorrentManagerState\n"}, {FormDelugeState, "\x80\x02cdeluge.core.torrentmanager\nTorrentManagerState\n"},
		{FormLibtorrentResume, libtorrent},
		{FormLibtorrentSession, "d9:dht statedee"}, {FormLibtorrentSession, "d10:extensionsde8:settingsdee"},
		{FormRTorrentState, "d8:completei1e13:state_changedi1e12:tied_to_file0:e"}, {FormRTorrentState, "d8:bitfieldi4e5:filesle5:peersle8:trackersdee"},
		{FormTransmissionResume, "d13:activity-datei1e10:added-datei1e11:destination2:/de"},
		{FormUTorrentState, "d10:.fileguard2:AB9:x.torrentdee"},
		{FormBiglyBTState, "d9:downloadsld8:positioni1eeee"},

		{"", "de"}, {"", "le"}, {"", "d1:ai1ee"}, {"", "d40:" + hash1 + "2:de1:xi1ee"}, {"", "\x01\x02\x03binary"}, {"", "l40:" + hash1 + "e"},
	} {
		if got := Recognize([]byte(tt.in)); got != tt.form {
			t.Errorf("%.80q: %q, want %q", tt.in, got, tt.form)
		}
		_, err := Parse([]byte(tt.in))
		var not *NotTorrentError
		if !errors.As(err, &not) || not.Form != tt.form {
			t.Errorf("%.80q: the error is %v", tt.in, err)
		}
	}
}

func TestFoundBesideTorrents(t *testing.T) {
	for form, want := range map[Form]bool{FormDelugeResume: true, FormDelugeState: true, FormLibtorrentResume: true, FormRTorrentState: true, FormAppleDouble: true, FormCutShort: false, FormWebPage: false, "": false} {
		if form.FoundBesideTorrents() != want {
			t.Errorf("%q: %v", form, !want)
		}
	}
}

// Recognize reads only a part of a dict of a million keys, or of a long text.
func TestRecognizeBounds(t *testing.T) {
	many := "d" + strings.Repeat("40:"+hash1+"0:", 1_000_000) + "e"
	if form := Recognize([]byte(many)); form != FormDelugeResume {
		t.Errorf("many entries: %q", form)
	}
	if form := Recognize([]byte(strings.Repeat("x", 10<<20) + link1)); form != FormPlainText {
		t.Errorf("a long text: %q", form)
	}
}

func FuzzRecognize(f *testing.F) {
	for _, seed := range []string{"", "d4:info", "\ufeffd1:ai1ee", "<html>", link1, "ZDg6", utf16File("<nzb>", true), "\xff\xfe\x00", "d40:" + hash1 + "2:dee", "data:;base64,"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, err := Parse(in); err != nil {
			if not, ok := errors.AsType[*NotTorrentError](err); !ok || not.Form != Recognize(in) {
				t.Fatalf("%v", err)
			}
		}
	})
}
