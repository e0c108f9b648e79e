package get

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
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

// If the web seed that gives a part of a piece fails, another one gives it. If there is none, it
// is asked again.
func TestWebSeedLacksFileBesideFailing(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 10*pieceLength+9, 10*pieceLength)
	// failing lacks b, and fails where a piece has bytes of a and b.
	failing := func(fails func() bool) *webServer {
		s := lacking(root, "b")
		lacks := s.handle
		s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
			if strings.HasPrefix(r.Header.Get("Range"), fmt.Sprintf("bytes=%d-", 10*pieceLength)) && fails() {
				panic(http.ErrAbortHandler)
			}
			return lacks(w, r, n)
		}
		return s
	}
	always := failing(func() bool { return true }).start(t)
	var failures atomic.Int64
	atFirst := failing(func() bool { return failures.Add(1) <= 3 }).start(t)
	for name, others := range map[string][]*webServer{"another": {lacking(root, "b")}, "again": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, urls := *meta, []string{lacking(root, "a").start(t), atFirst}
			if others != nil {
				urls[1] = always
			}
			slices.Reverse(urls)
			for _, s := range others {
				urls = append(urls, s.start(t))
			}
			dir := t.TempDir()
			r := run(t, only(&meta, dir, urls...))
			r.succeeds(t, dir, root)
			if !slices.ContainsFunc(of[EventWebSeed](r), func(e EventWebSeed) bool { return e.State == WebSeedFailed && e.URL == urls[0] }) {
				t.Errorf("no event that it has failed: %+v", of[EventWebSeed](r))
			}
		})
	}
}

// A web seed that has other files in the place of some, of other sizes, gives the rest.
func TestWebSeedHasOtherFile(t *testing.T) {
	t.Parallel()
	for kind, change := range map[string]func(b []byte) []byte{
		"longer":  func(b []byte) []byte { return append(b, 0) },
		"shorter": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
		"none":    nil, // a web page
	} {
		for name, format := range formats {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				meta, root := makeContent(t, format, 300_000, 200_000, 9, 300_000)
				other := func(name string) string {
					s := &webServer{root: root, change: func(path string, b []byte) []byte {
						if strings.HasSuffix(path, name) {
							return change(b)
						}
						return b
					}}
					if change == nil {
						s.handle = func(w http.ResponseWriter, r *http.Request, _ int) bool {
							if !strings.HasSuffix(r.URL.Path, name) {
								return false
							}
							w.Header().Set("Content-Type", "text/html")
							io.WriteString(w, "<html>")
							return true
						}
						s.change = nil
					}
					return s.start(t)
				}
				dir := t.TempDir()
				r := run(t, only(meta, dir, other("a"), other("b")))
				if r.succeeds(t, dir, root); len(r.dropped()) > 0 {
					t.Errorf("dropped: %v", r.dropped())
				}
				r = run(t, only(meta, t.TempDir(), other("b")))
				if d := r.dropped(); !errors.Is(r.err, ErrNoWebSeed) || len(d) != 1 || !strings.HasPrefix(d[0].Err.Error(), "b: the server ") {
					t.Errorf("%v, dropped: %v", r.err, d)
				}
			})
		}
	}
}

// The reason why a web seed is dropped names the files of the wrong piece.
func TestWebSeedDroppedNamesFiles(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 2*pieceLength, 20, 2*pieceLength, 2*pieceLength)
	for name, want := range map[string]string{"a": "a: ", "b": "b and 1 more: ", "d": "c and 1 more: "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &webServer{root: root, change: func(path string, b []byte) []byte {
				if strings.HasSuffix(path, name) {
					b[0]++
				}
				return b
			}}
			meta := *meta
			r := run(t, only(&meta, t.TempDir(), s.start(t)))
			if d := r.dropped(); len(d) != 1 || !errors.Is(d[0].Err, errOtherData) || !strings.HasPrefix(d[0].Err.Error(), want) {
				t.Errorf("dropped: %v, want %s", d, want)
			}
		})
	}
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
