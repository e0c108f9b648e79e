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
		{Empty, ""}, {Empty, " \r\n"}, {Empty, "\ufeff"}, {Empty, utf16File("\r\n", false)},
		{Zeros, "\x00"}, {Zeros, zeros},

		{CutShort, torrent[:len(torrent)-1]}, {CutShort, torrent[:len(torrent)/2]}, {CutShort, torrent[:14]}, {CutShort, "d8"}, {CutShort, "d8:"}, {CutShort, "d4:info"}, {CutShort, "d4:infod6:lengthi5e\r\n"},
		{Damaged, "d8:announce10:http://t/a4:infox"}, {Damaged, "d8:announcei1x"}, {Damaged, torrent[:20] + "\n" + torrent[20:]},
		{Prefixed, "\ufeff" + torrent}, {Prefixed, "\r\n" + torrent}, {Prefixed, "\ufeff \n" + torrent + "\n"},
		{Base64, base64.StdEncoding.EncodeToString([]byte(torrent))}, {Base64, "\n" + base64.StdEncoding.EncodeToString([]byte("d13:announce-listlee"))},
		{Base64, "data:application/x-bittorrent;base64," + base64.StdEncoding.EncodeToString([]byte(torrent))},
		{InfoDict, "d" + single + "e"}, {InfoDict, "d9:file treede12:piece lengthi16384ee"},
		{AppleDouble, "\x00\x05\x16\x07"}, {AppleDouble, "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "},

		{WebPage, page}, {WebPage, "\r\n  " + strings.ToLower(page)}, {WebPage, "\ufeff" + page}, {WebPage, utf16File(page, false)}, {WebPage, utf16File(page, true)},
		{WebPage, "<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\">\n<html/>"},
		{WebPage, "<!-- caf\xe9 --><HTML>"}, {WebPage, "<center><h1>502 Bad Gateway</h1></center>"}, {WebPage, "<html><a href='magnet:?xt=urn:btih:x'>"}, {WebPage, "<br />\n<b>Warning</b>: mysql"},
		{TrackerAnswer, "d14:failure reason3:no!e"}, {TrackerAnswer, "d8:intervali1800e5:peers0:e"},
		{MagnetText, link1}, {MagnetText, "\ufeff\n " + link1 + "\n"}, {MagnetText, "# mine\n" + link1}, {MagnetText, utf16File(link1, false)},
		{MagnetText, "[InternetShortcut]\r\nURL=" + link1}, {MagnetText, "deadline\n" + link1}, {MagnetText, "<" + link1 + ">"},
		{NZB, `<?xml version="1.0"?><!DOCTYPE nzb PUBLIC "-//newzBin//DTD NZB 1.1//EN"><nzb>`},
		{Metalink, `<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">`},
		{XML, `<?xml version="1.0"?><rss>`},
		{JSON, `{"error": 403}`}, {JSON, "\n[1, 2]\n"},
		{PlainText, "not a torrent"}, {PlainText, "403 Forbidden"}, {PlainText, "dear all"}, {PlainText, "i am no torrent"}, {PlainText, "caf\xe9"}, {PlainText, "lead"}, {PlainText, "d"},

		{Gzip, "\x1f\x8b\x08\x00"}, {Bzip2, "BZh91AY&SY"}, {XZ, "\xfd7zXZ\x00\x00"}, {Zstd, "\x28\xb5\x2f\xfd\x24"},
		{Archive, "PK\x03\x04\x14"}, {Archive, "7z\xbc\xaf\x27\x1c\x00"}, {Archive, "Rar!\x1a\x07\x01"}, {Archive, zeros[:257] + "ustar"},
		{Database, "SQLite format 3\x00"},
		{Media, "\x1a\x45\xdf\xa3\x01"}, {Media, "\x00\x00\x00\x20ftypisom"}, {Media, "RIFF\x00\x00\x00\x00AVI "}, {Media, "%PDF-1.7"}, {Media, "\xff\xd8\xff\xe0"}, {Media, strings.Repeat("\x00", 0x8001) + "CD001"},

		{DelugeResume, "d40:" + hash1 + "2:de40:" + hash1b + "2:dee"},
		{DelugeState, "(ideluge.core.torrentmanager\nTorrentManagerState\n"}, {DelugeState, "\x80\x02cdeluge.core.torrentmanager\nTorrentManagerState\n"},
		{LibtorrentResume, libtorrent},
		{LibtorrentSession, "d9:dht statedee"}, {LibtorrentSession, "d10:extensionsde8:settingsdee"},
		{RTorrentState, "d8:completei1e13:state_changedi1e12:tied_to_file0:e"}, {RTorrentState, "d8:bitfieldi4e5:filesle5:peersle8:trackersdee"},
		{TransmissionResume, "d13:activity-datei1e10:added-datei1e11:destination2:/de"},
		{UTorrentState, "d10:.fileguard2:AB9:x.torrentdee"},
		{BiglyBTState, "d9:downloadsld8:positioni1eeee"},

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

func TestStandsBesideTorrents(t *testing.T) {
	for form, want := range map[Form]bool{DelugeResume: true, DelugeState: true, LibtorrentResume: true, RTorrentState: true, AppleDouble: true, CutShort: false, WebPage: false, "": false} {
		if form.StandsBesideTorrents() != want {
			t.Errorf("%q: %v", form, !want)
		}
	}
}

// A dict of a million keys and a text of any size are looked at in parts.
func TestRecognizeBounds(t *testing.T) {
	many := "d" + strings.Repeat("40:"+hash1+"0:", 1_000_000) + "e"
	if form := Recognize([]byte(many)); form != DelugeResume {
		t.Errorf("many entries: %q", form)
	}
	if form := Recognize([]byte(strings.Repeat("x", 10<<20) + link1)); form != PlainText {
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
