package inspect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	const torrent = "d4:infod6:lengthi3e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	huge := write("huge", "d"+strings.Repeat("x", 100_000))
	if err := os.Truncate(huge, MaxFileSize+1); err != nil { // sparse
		t.Fatal(err)
	}
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	notTorrent := func(form Form) func(error) bool {
		return func(err error) bool {
			e, ok := errors.AsType[*NotTorrentError](err)
			return ok && e.Form == form
		}
	}
	tooLarge := func(err error) bool {
		e, ok := errors.AsType[*TooLargeError](err)
		return ok && e.Max == MaxFileSize
	}
	for _, tt := range []struct {
		path string
		want func(error) bool // nil: none
	}{
		{write("good", torrent), nil},
		{write("no data", ""), notTorrent("empty")},
		{write("page", "<!DOCTYPE html><p>"), notTorrent("web-page")},
		{write("cut", torrent[:40]), notTorrent("cut-short")},
		{write("no info", "de"), notTorrent("")},
		{write("text", strings.Repeat("x", 1<<20)), notTorrent("plain-text")},
		{huge, tooLarge},
		{filepath.Join(dir, "absent"), is(fs.ErrNotExist)},
		{dir, func(err error) bool { _, ok := errors.AsType[*fs.PathError](err); return ok }},
	} {
		got, err := ReadFile(tt.path)
		switch {
		case tt.want == nil:
			if err != nil || got.Name != "a" || got.Size() != 3 || string(got.Bytes()) != torrent {
				t.Errorf("%s: %v, %v", tt.path, got, err)
			}
		case got != nil || err == nil || !tt.want(err):
			t.Errorf("%s: %v, %v", tt.path, got, err)
		case strings.Count(err.Error(), tt.path) != 1:
			t.Errorf("%s: the error does not name it once: %v", tt.path, err)
		}
	}
}
