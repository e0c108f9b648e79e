package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bt/get"
	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// getError returns the error of a download with its exit code. name is that of the torrent.
func getError(name string, o get.Options, err error) error {
	_, hasCode := errors.AsType[*failure](err)
	_, bySignal := errors.AsType[*signalError](err)
	_, exists := errors.AsType[*get.ExistsError](err)
	_, onDisk := errors.AsType[*get.DiskError](err)
	_, writing := errors.AsType[*get.WriteError](err)
	switch {
	case err == nil, hasCode, bySignal, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, get.ErrTimeout):
		return withHint(failf(exitNetwork, "%s: %w for %s", name, get.ErrTimeout, term.Duration(o.Timeout)), goesOn)
	case errors.Is(err, get.ErrNoSource):
		return withHint(failf(exitNetwork, "%s: %w", name, err), "--peer HOST:PORT or --announce URL names one")
	case errors.Is(err, get.ErrNoWebSeed):
		return failf(exitNetwork, "%s: %w", name, err)
	case errors.Is(err, get.ErrPeerless):
		return withHint(failf(exitUsage, "--web-seeds only: %s: %w", name, err), "give the .torrent, or leave --web-seeds out")
	case exists:
		return withHint(fail(exitWrite, err), "--force replaces it once the right file is complete; --output DIR writes to another directory")
	case onDisk:
		return withHint(fail(exitWrite, err), goesOn)
	case writing:
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok && o.Stream == nil {
			err = fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
		}
		return fail(exitWrite, err)
	}
	return usable(name, err)
}

const goesOn = "the same command goes on from here"

// printDownloaded prints the result of a download: where it is, and how long it took.
func (s *getScreen) printDownloaded() error {
	status := s.status()
	text := "complete: " + term.Size(status.Size)
	switch {
	case status.Size == 0: // all files are empty
	case status.Downloaded == 0:
		text += ", which was there already"
	default:
		took := s.complete.Elapsed
		text += fmt.Sprintf(" in %s (%s)", term.Duration(took), term.Rate(float64(min(status.Downloaded, status.Size))/took.Seconds()))
		text += sourcesText(&status)
	}
	switch path := s.complete.Path; {
	case s.json:
		return nil
	case s.onStderr:
		if !s.quiet {
			s.env.say("", s.title+": "+text)
		}
		return nil
	case s.quiet:
		return printPath(s.ui, path)
	default:
		return s.printLine(s.title, text+", in "+term.Safe(path))
	}
}

// sourcesText says how much has arrived from web seeds and how much from peers, or is "" if
// nothing has from web seeds.
func sourcesText(status *get.Status) string {
	var web int64
	for i := range status.WebSeeds {
		web += status.WebSeeds[i].Downloaded
	}
	if web == 0 {
		return ""
	}
	return fmt.Sprintf(", %s from web seeds and %s from peers", term.Size(web), term.Size(status.Downloaded-web))
}

// A listedFile is a file in the JSON of bt get --list.
type listedFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"` // bytes
}

// chosenFiles are the files of a torrent that are chosen, without pad files.
func chosenFiles(t *metainfo.Torrent, chosen func(file int) bool) term.TreeFiles {
	files := treeFiles(t, false)
	all := files.Numbers
	files.Numbers = func(yield func(int) bool) {
		for i := range all {
			if chosen(i) && !yield(i) {
				return
			}
		}
	}
	return files
}

// listEvent returns the event of bt get --list.
func listEvent(u *ui, t *metainfo.Torrent, files term.TreeFiles) jsonEvent {
	d := torrentEvent(u, "list", t)
	for i := range files.Numbers {
		d.Files = append(d.Files, listedFile{strings.Join(files.Path(i), "/"), t.Files[i].Length})
	}
	return d
}

// torrentEvent returns an event about a torrent that needs no peers.
func torrentEvent(u *ui, kind string, t *metainfo.Torrent) jsonEvent {
	return jsonEvent{Time: u.env.now().UTC(), Event: kind, Name: t.Name, InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2()}
}

// writeTorrent writes a torrent for --metadata-only, to stdout or as NAME.torrent, and
// returns its path. A file that is the same already is left as it is.
func (f *getFlags) writeTorrent(u *ui, name string, t *metainfo.Torrent) (path string, err error) {
	if f.toStdout() {
		_, err := u.out.Write(t.Bytes())
		return "", stdoutError(err)
	}
	if err := t.CheckName(); err != nil {
		return "", usable(name, err)
	}
	dir := cmp.Or(f.output.value, ".")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", outputError(dir, err)
	}
	path = filepath.Join(dir, t.Name+".torrent")
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == int64(len(t.Bytes())) {
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, t.Bytes()) {
			return path, nil
		}
	}
	if err := atomicfile.Write(path, t.Bytes(), f.force); err != nil {
		return "", outputError(path, err)
	}
	return path, nil
}

// printTorrentPath prints the result of --metadata-only.
func printTorrentPath(u *ui, t *metainfo.Torrent, path string) error {
	if u.quiet {
		return printPath(u, path)
	}
	return u.printLine(t.Name, "the torrent is "+term.Safe(path))
}
