package repair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/webseed"
)

// fetch takes what it can from a web seed or mirror. It fetches the ranges of bad pieces
// into sparse files in a temporary directory, which then are one more copy. Of a piece
// of several files it first asks for the ranges that the data does not have; only if the
// others are not right either, it asks for those too.
func (m *mender) fetch(number int, report *Supplied) error {
	f := fetcher{mender: m, source: m.sources[number], report: report, files: make(map[int]*remote)}
	lacking := func(span metainfo.Span) bool { return !m.has(own, span) }
	ranges := m.wanted(func(index int) func(metainfo.Span) bool {
		for _, span := range m.content.Layout.Spans(index, index) {
			if !m.isZeros(span) && lacking(span) {
				return lacking
			}
		}
		return anySpan
	})
	if m.o.DryRun {
		report.Files, report.Asked = len(ranges), m.openPieces()
		report.Fetched = bytesOf(ranges)
		report.More = bytesOf(m.wanted(func(int) func(metainfo.Span) bool { return anySpan })) - report.Fetched
		return nil
	}
	f.client = webseed.New(webseed.Options{UserAgent: m.o.UserAgent, Proxy: m.o.Proxy})
	defer f.client.Close()
	for range 2 {
		goesOn, err := f.fetch(ranges)
		if err != nil {
			return err
		}
		if err := m.take(number); err != nil {
			return err
		}
		ranges = m.wanted(func(int) func(metainfo.Span) bool { return f.isNew })
		if !goesOn || len(ranges) == 0 {
			break
		}
	}
	for index, open := range m.open {
		if open && f.got(index) {
			report.Wrong++
		}
	}
	return nil
}

// isNew reports whether a range was not asked for yet.
func (f *fetcher) isNew(span metainfo.Span) bool {
	r := f.files[span.File]
	if r == nil {
		return true
	}
	_, asked := r.asked[span]
	return r.file != nil && !asked
}

// got reports whether all ranges of a piece were fetched.
func (f *fetcher) got(index int) bool {
	for _, span := range f.content.Layout.Spans(index, index) {
		if r := f.files[span.File]; !f.isZeros(span) && (r == nil || r.file == nil || !r.asked[span]) {
			return false
		}
	}
	return true
}

func anySpan(metainfo.Span) bool { return true }

func bytesOf(ranges map[int][]metainfo.Span) (n int64) {
	for _, list := range ranges {
		for _, span := range list {
			n += span.Length
		}
	}
	return n
}

// wanted returns the ranges of the open pieces by file. choose returns, for a piece,
// which of its ranges are wanted.
func (m *mender) wanted(choose func(index int) func(metainfo.Span) bool) map[int][]metainfo.Span {
	ranges := make(map[int][]metainfo.Span)
	for index, open := range m.open {
		if !open {
			continue
		}
		want := choose(index)
		for _, span := range m.content.Layout.Spans(index, index) {
			if !m.isZeros(span) && want(span) {
				ranges[span.File] = append(ranges[span.File], span)
			}
		}
	}
	return ranges
}

// A fetcher fetches ranges of files of one source.
type fetcher struct {
	*mender
	source *source
	client *webseed.Client
	report *Supplied
	form   int // of the URLs that the server has: an index of urls
	sure   bool
	files  map[int]*remote
	done   int64
}

// A remote is a file at the source.
type remote struct {
	file  *webseed.File          // nil if the source does not have it
	asked map[metainfo.Span]bool // the ranges that were asked for: whether they came whole
}

// fetch fetches ranges. An error of the source is added to the report. After one of the
// connection, it does not go on: the next file would have the same.
func (f *fetcher) fetch(ranges map[int][]metainfo.Span) (goesOn bool, err error) {
	total := f.done + bytesOf(ranges)
	for _, i := range slices.Sorted(maps.Keys(ranges)) {
		err := f.fetchFile(i, ranges[i], total)
		if f.ctx.Err() != nil {
			return false, context.Cause(f.ctx)
		}
		if _, ok := errors.AsType[*TempError](err); ok {
			return false, err
		}
		if err != nil && f.report.Err == nil {
			f.report.Err = fmt.Errorf("%s: %w", strings.Join(f.content.Files[i].Path(), "/"), err)
		}
		if err != nil && !webseed.IsAnswer(err) {
			return false, nil
		}
	}
	return true, nil
}

// A TempError is an error of writing what was fetched to a temporary directory.
type TempError struct {
	Dir string // that has the temporary directory
	Err error
}

func (e *TempError) Error() string {
	return fmt.Sprintf("%s: storing what was fetched: %v", e.Dir, e.Err)
}
func (e *TempError) Unwrap() error { return e.Err }

func (f *fetcher) tempError(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the user does not know the path
	}
	return &TempError{f.dirOf(), err}
}

func (f *fetcher) fetchFile(i int, ranges []metainfo.Span, total int64) error {
	r := f.files[i]
	if r == nil {
		r = &remote{asked: make(map[metainfo.Span]bool)}
		f.files[i] = r
		f.report.Files++
		var err error
		if r.file, err = f.find(i); err != nil {
			return err
		}
	}
	if r.file == nil {
		return nil // its error is known
	}
	file, err := f.open(i)
	if err != nil {
		return f.tempError(err)
	}
	defer file.Close()
	end := int64(0) // of what came
	for _, span := range joined(ranges) {
		if err = f.fetchRange(r.file, file, span, total); err != nil {
			break
		}
		end = span.Offset + span.Length
	}
	for _, span := range ranges { // also after an error: it is not asked for again
		r.asked[span] = span.Offset+span.Length <= end
	}
	f.source.tree.Files[i].Cause = piece.CauseFine
	f.source.tree.Restat(i)
	return err
}

// joined returns ranges with adjacent ones joined.
func joined(ranges []metainfo.Span) (list []metainfo.Span) {
	for _, r := range ranges {
		if n := len(list); n > 0 && list[n-1].Offset+list[n-1].Length == r.Offset {
			list[n-1].Length += r.Length
			continue
		}
		list = append(list, r)
	}
	return list
}

// fetchRange copies a range from the source to the same place in a file.
func (f *fetcher) fetchRange(from *webseed.File, to *os.File, span metainfo.Span, total int64) error {
	r := from.Range(f.ctx, span.Offset, span.Length)
	defer r.Close()
	buf := make([]byte, min(span.Length, 256<<10))
	for at := span.Offset; ; {
		n, err := r.Read(buf)
		if _, err := to.WriteAt(buf[:n], at); err != nil {
			return f.tempError(err)
		}
		at += int64(n)
		f.done += int64(n)
		f.report.Fetched += int64(n)
		if f.o.Progress != nil && n > 0 {
			f.o.Progress(StepFetch, f.done, total)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// open opens the temporary copy of a file, which it makes.
func (f *fetcher) open(i int) (*os.File, error) {
	s := f.source
	if s.temp == "" {
		dir := filepath.Join(f.dirOf(), atomicfile.TempName())
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
		s.temp = dir
		s.tree.Path = func(i int) string { return filepath.Join(dir, strconv.Itoa(i)) }
	}
	file, err := os.OpenFile(s.tree.Path(i), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Truncate(f.content.Files[i].Length); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// removeFetched removes the temporary directories.
func (m *mender) removeFetched() error {
	var errs []error
	for _, s := range m.sources {
		if s.temp != "" {
			errs = append(errs, os.RemoveAll(s.temp))
		}
	}
	return errors.Join(errs...)
}

// A SizeError reports a file of another size than in the torrent.
type SizeError struct{ Size int64 }

func (e *SizeError) Error() string {
	return "the server has " + strconv.FormatInt(e.Size, 10) + " bytes of it, which is not its size in the torrent"
}

// find asks for a file at the URLs that it may have.
func (f *fetcher) find(i int) (*webseed.File, error) {
	var first error
	for form, url := range f.urls(i) {
		if f.sure && form != f.form {
			continue
		}
		file, err := f.client.Stat(f.ctx, url)
		if err == nil && file.Size >= 0 && file.Size != f.content.Files[i].Length {
			err = &SizeError{file.Size}
		}
		if err == nil {
			f.form, f.sure = form, true
			return file, nil
		}
		if first == nil {
			first = err
		}
		if !webseed.IsAnswer(err) {
			break
		}
	}
	return nil, first
}

// urls returns the URLs that a file may have: that of a web seed (BEP 19), or that in a
// mirror of the content itself.
func (f *fetcher) urls(i int) []string {
	path, seed := f.content.Files[i].Path(), f.source.url
	list := []string{webseed.FileURL(seed, f.torrent.Name, f.content.Single, path)}
	switch {
	case !f.content.Single:
		list = append(list, webseed.FileURL(strings.TrimSuffix(seed, "/")+"/", path[0], len(path) == 1, path[1:]))
	case !strings.HasSuffix(seed, "/"):
		list = append(list, webseed.FileURL(seed+"/", f.torrent.Name, true, nil))
	}
	return list
}
