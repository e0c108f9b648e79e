package repair

import (
	"fmt"
	"maps"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/webseed"
)

// estimate fills in the report of a dry run. It asks the server for a byte of a file: one
// that sends no ranges sends each file from its beginning to the last byte that is needed.
func (f *fetcher) estimate(ranges map[int][]metainfo.Span) error {
	r := f.report
	all := f.wanted(anySpan)
	r.Files, r.Asked = len(ranges), f.openPieces()
	whole, err := f.sendsWhole(ranges)
	if err != nil {
		return err
	}
	if !whole {
		r.Fetched = bytesOf(ranges)
		r.More = bytesOf(all) - r.Fetched
		return nil
	}
	for i := range all {
		first, last := endOf(ranges[i]), endOf(all[i])
		r.Fetched += first
		if last > first {
			r.More += last
		}
	}
	return nil
}

func bytesOf(ranges map[int][]metainfo.Span) (n int64) {
	for _, list := range ranges {
		for _, span := range list {
			n += span.Length
		}
	}
	return n
}

// maxProbes is the number of files that are asked for until the server has one.
const maxProbes = 5

// sendsWhole reports whether the server sends no ranges. An error of the server is added to
// the report; the error is the cause of the context.
func (f *fetcher) sendsWhole(ranges map[int][]metainfo.Span) (bool, error) {
	for n, i := range slices.Sorted(maps.Keys(ranges)) {
		if n == maxProbes {
			break
		}
		var file *webseed.File
		_, err := f.eachURL(i, -1, func(url string) (err error) {
			if file, err = f.client.Stat(f.ctx, url); err == nil {
				err = file.CheckSize(f.content.Files[i].Length)
			}
			return err
		})
		if err := f.stopped(); err != nil {
			return false, err
		}
		if err == nil {
			f.report.Err = nil
			return !file.Ranges, nil
		}
		if f.report.Err == nil {
			f.report.Err = fmt.Errorf("%s: %w", f.name(i), err)
		}
		if !webseed.IsAnswer(err) {
			break
		}
	}
	return false, nil
}
