package get

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/metainfo"
	"bt/seed"
)

// A piece of a v1 torrent may end in a pad file (BEP 47), which is not requested.
func TestPadFiles(t *testing.T) {
	t.Parallel()
	const length = 16 << 10
	a, b := bytes.Repeat([]byte("a"), length+3000), []byte("bcd")
	pad := make([]byte, length-3000)
	var hashes []byte
	content := bytes.Join([][]byte{a, pad, b}, nil)
	for at := 0; at < len(content); at += length {
		sum := sha1.Sum(content[at:min(at+length, len(content))])
		hashes = append(hashes, sum[:]...)
	}
	meta, err := metainfo.Parse(fmt.Appendf(nil, "d4:infod5:filesl"+
		"d6:lengthi%de4:pathl1:aee"+"d4:attr1:p6:lengthi%de4:pathl4:.pad1:0ee"+"d6:lengthi%de4:pathl1:bee"+
		"e4:name7:content12:piece lengthi%de6:pieces%d:%see", len(a), len(pad), len(b), length, len(hashes), hashes))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "content")
	if err := os.Mkdir(root, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a": a, "b": b} {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	peers := []netip.AddrPort{startSeed(t, meta, root, seed.Options{})}
	if r := run(t, Options{Torrent: meta, Dir: dir, Peers: peers}); r.err != nil {
		t.Fatal(r.err)
	}
	sameTree(t, filepath.Join(dir, "content"), root)
}
