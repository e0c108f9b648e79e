package seed

import (
	"net/netip"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// Of a real seed: the figures change as a peer downloads.
func TestPageOfSeed(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	p := publish(t, maketorrent.V1, netip.AddrPort{})
	r := p.seed(t, Options{MaxUploadRate: 600_000}, p.root)
	b, server := browserPage(t, r.Status)
	b.Window(1280, 860, false)
	b.Open(server.URL + "/")
	row := `document.querySelector("#torrents tbody tr")?`
	b.Until(row + `.textContent.includes("content") && document.querySelector("#uploaded").textContent === "0 B"`)
	dir := t.TempDir()
	leech := run(t, python, "testdata/leech.py", p.file, dir)
	seen := make(map[string]bool)
	for len(seen) < 3 {
		var uploaded string
		b.Until(row + `.querySelector("td.uploaded").textContent !== "0 B"`)
		b.Eval(row+`.querySelector("td.uploaded").textContent`, &uploaded)
		seen[uploaded] = true
	}
	b.Until(`document.querySelector("#rate").textContent.includes("KiB/s") && document.querySelector("#peers").textContent === "1"`)
	b.Eval(row+`.querySelector("td.name a").click()`, nil)
	b.Until(`document.querySelector("dialog[open] .peers tbody tr")?.textContent.includes("libtorrent")`)
	screenshot(t, b, "seed")
	leech.succeed(t)
	p.compare(t, filepath.Join(dir, "content"))
	b.Until(`document.querySelector("#peers").textContent === "0"`)
}
