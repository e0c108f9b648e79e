package piece

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// libtorrentPaths prints where libtorrent writes the files of a torrent of these
// paths, called n.
const libtorrentPaths = `
import json, sys, libtorrent
files = [{b'length': 5, b'path': [c.encode() for c in p]} for p in json.load(sys.stdin)]
info = libtorrent.torrent_info({b'info': {b'name': b'n', b'piece length': 16384, b'pieces': bytes(20), b'files': files}})
print(json.dumps([info.files().file_path(i) for i in range(info.num_files())]))
`

// What libtorrent writes of odd names is found where it writes it.
func TestFindLibtorrent(t *testing.T) {
	python := testenv.Python(t, "libtorrent")
	for _, path := range []string{
		"d//a", "/a", "a/", "d/./a", "./a", "d/a/.", `AC\DC`, `a\/b\\c`, `\\/a`, "//a", "d/././/a", composed + "/" + decomposed, "中/a",
	} {
		in, err := json.Marshal([][]string{strings.Split(path, "/")})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, "-c", libtorrentPaths)
		cmd.Stdin, cmd.Stderr = strings.NewReader(string(in)), os.Stderr
		out, err := cmd.Output()
		var written []string
		if err == nil {
			err = json.Unmarshal(out, &written)
		}
		if err != nil {
			t.Fatal(err)
		}
		dir := lay(t, written...)
		tree, err := Find(context.Background(), contentOf(t, "", "n", entry{path: path}), dir, 1)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, written[0]); tree.Files[0].Cause != CauseFine || tree.Path(0) != want {
			t.Errorf("%q: %v at %q, libtorrent writes %q", path, tree.Files[0].Cause, tree.Path(0), want)
		}
	}
}
