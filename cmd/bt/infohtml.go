package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"bt/cmd/bt/internal/torrentpage"
	"bt/inspect"
	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// infoPageFlags holds --html and what belongs to it.
type infoPageFlags struct {
	path  option[string]
	force bool
}

func (f *infoPageFlags) flags() []cli.Flag {
	return []cli.Flag{
		onceFlag(&f.path, pagePath, "html", "also write a page to `FILE`: one HTML file that needs no script and no network"),
		switchFlag(&f.force, "force", "replace an existing page", "f"),
	}
}

// pagePath parses the value of --html.
func pagePath(s string) (string, error) {
	if s == "" || s == stdinName {
		return "", errors.New("want the name of a file")
	}
	return s, nil
}

// check checks that the page can be written.
func (f *infoPageFlags) check() error {
	if !f.path.given {
		return nil
	}
	return reportError("--html", f.path.value, atomicfile.Check(f.path.value, f.force))
}

// A pageWriter collects torrents for --html. A nil one does nothing.
type pageWriter struct {
	u     *ui
	flags *infoPageFlags
	page  *torrentpage.Page
	added bool
	err   error // the page must not be written
}

// writer returns the writer of the page, or nil.
func (f *infoPageFlags) writer(u *ui) *pageWriter {
	if !f.path.given {
		return nil
	}
	plain := *u
	plain.pal = term.Palette{}
	return &pageWriter{u: &plain, flags: f, page: torrentpage.New(torrentpage.Options{Version: version, Time: u.env.now(), Revealed: u.reveal})}
}

// add adds a torrent or magnet link.
func (w *pageWriter) add(x infoInput) {
	if w == nil {
		return
	}
	if isSamePath(w.flags.path.value, x.name) {
		w.err = failf(exitWrite, "%s: it is a torrent that is shown, so no page is written there", w.flags.path.value)
	}
	w.added = true
	w.page.Add(pageTorrent(w.u, x))
}

// fail adds an input that could not be read, unless the command line was wrong.
func (w *pageWriter) fail(name string, err error) {
	if w == nil || codeOf(err) == exitUsage {
		return
	}
	w.added = true
	w.page.Add(&torrentpage.Torrent{Path: w.u.shownArg(name), Error: w.u.shownText(err.Error())})
}

// write writes the page, if it has a torrent.
func (w *pageWriter) write() error {
	if w == nil || !w.added {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	path := w.flags.path.value
	if err := atomicfile.WriteTo(path, w.page, w.flags.force); err != nil {
		return reportError("--html", path, err)
	}
	w.u.explain("the page is in %s", path)
	return nil
}

// pageTorrent returns what the page shows of a torrent or magnet link.
func pageTorrent(u *ui, x infoInput) *torrentpage.Torrent {
	f := x.facts
	p := &torrentpage.Torrent{
		Path: u.shownArg(x.name), Name: f.Name, Format: f.Format, Size: f.Size, FileCount: f.FileCount,
		Figures: pageFigures(f), MoreTrackers: -listLimit,
	}
	p.Magnet, p.MagnetNote = u.shownMagnet(f.Magnet)
	l := infoLines{u: u}
	l.addIdentity(x)
	l.addOthers(x)
	p.Facts = l.fields
	for i, tier := range f.Trackers {
		for _, url := range tier {
			if p.MoreTrackers++; p.MoreTrackers <= 0 {
				p.Trackers = append(p.Trackers, torrentpage.Tracker{Tier: i + 1, URL: u.shownURL(url)})
			}
		}
	}
	p.MoreTrackers = max(p.MoreTrackers, 0)
	for _, finding := range f.Findings {
		finding.Message = u.shownText(finding.Message)
		p.Findings = append(p.Findings, finding)
	}
	if t := x.torrent; t != nil {
		p.Pieces = pieceFacts(u, t)
		if !t.Single && len(t.Files) > 0 {
			p.Files, p.Root = treeFiles(t, f.FileCount == len(t.Files)), t.Name
		}
	}
	return p
}

func pageFigures(f *inspect.Facts) (figures [][2]string) {
	add := func(known bool, name, text string) {
		if known {
			figures = append(figures, [2]string{name, text})
		}
	}
	add(f.Size != inspect.Unknown, "Size", term.Size(f.Size))
	add(f.FileCount != inspect.Unknown, "Files", term.Count(int64(f.FileCount)))
	add(f.PieceCount != inspect.Unknown, "Pieces", term.Count(int64(f.PieceCount)))
	add(f.PieceLength > 0, "Piece length", term.SizeDistinct(f.PieceLength))
	add(true, "Format", f.Format)
	return figures
}

// pieceFacts returns how the files of a torrent lie in its pieces.
func pieceFacts(u *ui, t *metainfo.Torrent) [][2]string {
	layout := t.Layout()
	if layout == nil || layout.Pieces() == 0 {
		return nil
	}
	l := infoLines{u: u}
	pads, padding := 0, int64(0)
	shared, lastShared, last := 0, -1, -1
	for i := range t.Files {
		if t.Files[i].Pad {
			pads++
			padding = addSizes(padding, layout.Length(i))
			continue
		}
		first, end, ok := layout.FilePieces(i)
		if !ok {
			continue
		}
		if first == last && first != lastShared {
			shared++
			lastShared = first
		}
		last = end
	}
	switch {
	case !t.V1:
		l.add("layout", "each file begins a piece (v2)")
	case shared == 0:
		l.add("layout", "no piece has bytes of two files")
	default:
		l.add("layout", fmt.Sprintf("%s of %s with bytes of several files, so that a bad one does not show which file is damaged",
			term.Count(int64(shared)), count(layout.Pieces(), "piece")))
	}
	if t.V1 {
		rest := layout.Total() - int64(layout.Pieces()-1)*layout.PieceLength()
		l.add("last piece", term.SizeExact(rest))
	}
	l.addIf(pads > 0, "pad files", fmt.Sprintf("%s, %s", term.Count(int64(pads)), term.SizeExact(padding)))
	return l.fields
}
