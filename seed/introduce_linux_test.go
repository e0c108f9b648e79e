package seed

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// Two libtorrent peers that know only the seed connect to each other, because it sends them
// the address of the other; those of a private torrent, or without the exchange, don't.
func TestIntroduceLibtorrent(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	for name, test := range map[string]struct {
		private, noPEX bool
		seconds        string
		want           string
	}{
		"public":  {false, false, "60", "introduced"},
		"private": {true, false, "6", "apart"},
		"NoPEX":   {false, true, "6", "apart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, root := makeContent(t, maketorrent.FormatV1, 4<<20)
			o := maketorrent.Options{Path: root, PieceLength: 64 << 10, Format: maketorrent.FormatV1, Private: test.private}
			if test.private {
				o.Trackers = [][]string{{"http://127.0.0.1:9/announce"}}
			}
			made, err := maketorrent.Make(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "content.torrent")
			if err := os.WriteFile(file, made.Torrent.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			// Slow enough that neither has all of it before they can connect.
			r := start(t, Options{MaxUploadRate: 64 << 10, NoPEX: test.noPEX}, Input{Torrent: made.Torrent, Path: root})
			host, port, err := net.SplitHostPort(r.addr)
			if err != nil {
				t.Fatal(err)
			}
			p := run(t, python, "testdata/introduce.py", file, t.TempDir(), host, port, test.seconds)
			p.succeed(t)
			if out := p.output.String(); !strings.HasPrefix(out, test.want) {
				t.Errorf("%s", out)
			}
			if r.Uploaded() == 0 {
				t.Error("they have not downloaded from the seed")
			}
		})
	}
}
