package repair

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"bt/internal/metainfo"
	"bt/internal/webseed"
)

// fetch takes what it can from a web seed or mirror. It fetches the ranges of bad pieces
// into sparse files in a temporary directory, which then are one more copy. Of a piece
// of several files it first asks for the ranges that the data does not have; only if the
// others are not right either, it asks for those too.
func (m *mender) fetch(number int, report *Supplied) error {
	f := fetcher{mender: m, source: m.sources[number], report: report, limit: 1, files: make(map[int]*remote)}
	ranges := m.wanted(m.lacking)
	f.client = webseed.New(webseed.Options{UserAgent: m.o.UserAgent, Proxy: m.o.Proxy})
	defer f.client.Close()
	if m.o.DryRun {
		return f.estimate(ranges)
	}
	for round := 0; round < 2 && len(ranges) > 0; round++ {
		goesOn, err := f.fetch(ranges)
		if err != nil {
			return err
		}
		if err := m.take(number); err != nil {
			return err
		}
		if !goesOn {
			break
		}
		ranges = m.wanted(func(int) func(metainfo.Span) bool { return f.isNew })
	}
	for index, open := range m.open {
		if open && f.got(index) {
			report.Wrong++
		}
	}
	return nil
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

// lacking chooses the ranges of a piece that the data does not have or, if it has all of
// them, all.
func (m *mender) lacking(index int) func(metainfo.Span) bool {
	lacks := func(span metainfo.Span) bool { return !m.has(own, span) }
	for _, span := range m.content.Layout.Spans(index, index) {
		if !m.isZeros(span) && lacks(span) {
			return lacks
		}
	}
	return anySpan(index)
}

// anySpan chooses all ranges of a piece.
func anySpan(int) func(metainfo.Span) bool { return func(metainfo.Span) bool { return true } }

// A fetcher fetches ranges of files of one source. Its fields change in one goroutine only.
type fetcher struct {
	*mender
	source  *source
	client  *webseed.Client
	report  *Supplied
	form    int  // of the URLs that the server has: an index of urls
	sure    bool // form is known
	limit   int  // of the requests at a time
	refused bool // the server has refused several requests at a time
	failed  int  // the file of report.Err
	files   map[int]*remote
	done    int64 // bytes that came
	total   int64 // bytes to come
}

// A remote is a file at the source.
type remote struct {
	file  *webseed.File          // nil if the source does not have it
	asked map[metainfo.Span]bool // the ranges that were asked for: whether they came whole
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
		if r := f.files[span.File]; !f.isZeros(span) && (r == nil || !r.asked[span]) {
			return false
		}
	}
	return true
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

// makeTemp makes the directory of the temporary copies.
func (f *fetcher) makeTemp() error {
	if f.source.temp != "" {
		return nil
	}
	if err := f.openPlace(); err != nil {
		return err
	}
	scratch, err := f.place.Scratch()
	if err != nil {
		return err
	}
	dir := filepath.Join(scratch, strconv.Itoa(f.source.all[0]))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	f.source.temp = dir
	f.source.tree.Path = func(i int) string { return filepath.Join(dir, strconv.Itoa(i)) }
	return nil
}

// openTemp opens the temporary copy of a file, which it makes.
func (f *fetcher) openTemp(i int) (*os.File, error) {
	file, err := os.OpenFile(f.source.tree.Path(i), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Truncate(f.content.Files[i].Length); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// A joinedRange is a range that is asked for at once.
type joinedRange struct {
	metainfo.Span
	parts []metainfo.Span // of pieces
}

// joined returns ranges with adjacent ones joined.
func joined(ranges []metainfo.Span) (list []joinedRange) {
	for _, r := range ranges {
		if n := len(list); n > 0 && list[n-1].Offset+list[n-1].Length == r.Offset {
			list[n-1].Length += r.Length
			list[n-1].parts = append(list[n-1].parts, r)
			continue
		}
		list = append(list, joinedRange{r, []metainfo.Span{r}})
	}
	return list
}

// endOf returns the end of the last of ranges in order.
func endOf(ranges []metainfo.Span) int64 {
	if len(ranges) == 0 {
		return 0
	}
	last := ranges[len(ranges)-1]
	return last.Offset + last.Length
}

// before returns the ranges, in order, that end at or before an offset.
func before(ranges []metainfo.Span, end int64) []metainfo.Span {
	n, _ := slices.BinarySearchFunc(ranges, end, func(r metainfo.Span, end int64) int {
		if r.Offset+r.Length <= end {
			return -1
		}
		return 1
	})
	return ranges[:n]
}
