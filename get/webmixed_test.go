package get

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"bt/maketorrent"
	"bt/seed"
)

// lacking is a web seed that has no files whose names end with one of some texts.
func lacking(root string, names ...string) *webServer {
	return &webServer{root: root, handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
		lacks := slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(r.URL.Path, name) })
		if lacks {
			http.NotFound(w, r)
		}
		return lacks
	}}
}

// A web seed that lacks files gives the others, also of pieces and blocks that have bytes of
// them. A file that none has can't be downloaded.
func TestWebSeedLacksFile(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		for kind, sizes := range map[string][]int{"large": {300_000, 200_000, 300_000, 0, 5}, "small": {9, 0, 100, 7, 20_000, 3}} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				meta, root := makeContent(t, format, sizes...)
				dir := t.TempDir()
				r := run(t, only(meta, dir, lacking(root, "a", "c").start(t), lacking(root, "b", "d", "e").start(t), lacking(root, "a", "e").start(t)))
				r.succeeds(t, dir, root)
				if w := of[EventWarning](r); w != nil {
					t.Errorf("warnings: %v", w)
				}
				if web := of[EventStopped](r)[0].FromWebSeeds; web != of[EventStopped](r)[0].Downloaded {
					t.Errorf("%d bytes from web seeds, of %d", web, of[EventStopped](r)[0].Downloaded)
				}
				r = run(t, only(meta, t.TempDir(), lacking(root, "a", "c").start(t), lacking(root, "b", "c").start(t)))
				if !errors.Is(r.err, ErrNoWebSeed) {
					t.Error(r.err)
				}
				for _, e := range of[EventWebSeed](r) {
					if e.Err != nil && !strings.HasSuffix(e.Err.Error(), "the server answers 404 Not Found") {
						t.Errorf("%+v", e)
					}
				}
			})
		}
	}
}

// A web seed that does not answer does not keep others from giving a piece together.
func TestWebSeedLacksFileBesideDead(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 10*pieceLength+9, 10*pieceLength)
	dead := httptest.NewServer(nil)
	dead.Close()
	dir := t.TempDir()
	run(t, only(meta, dir, dead.URL+"/", lacking(root, "a").start(t), lacking(root, "b").start(t))).succeeds(t, dir, root)
}

// Of a piece whose files are from two web seeds, it can't be known which one lies: none is
// dropped, and a peer gives it.
func TestWebSeedLacksFileLies(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 10*pieceLength+9, 10*pieceLength)
	bad := lacking(root, "b")
	bad.change = func(_ string, b []byte) []byte { return append(b[:len(b)-1:len(b)-1], b[len(b)-1]+1) }
	dir := t.TempDir()
	r := run(t, only(meta, dir, bad.start(t), lacking(root, "a").start(t)))
	w := of[EventWarning](r)
	if !errors.Is(r.err, ErrNoWebSeed) || len(w) != 1 || w[0].Err != errMixed {
		t.Errorf("%v, warnings: %v", r.err, w)
	}
	for _, e := range of[EventWebSeed](r) {
		if errors.Is(e.Err, errOtherData) {
			t.Errorf("%+v", e)
		}
	}
	o := only(meta, dir, meta.WebSeeds...)
	o.WebSeeds, o.Peers = WebSeedsOn, []netip.AddrPort{startSeed(t, meta, root, seed.Options{})}
	run(t, o).succeeds(t, dir, root)
}
