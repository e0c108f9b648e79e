package repair

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/webseed"
)

// maxRequests is the number of requests to a server at a time, once it has answered one.
// If it then refuses some, it gets one at a time.
const maxRequests = 4

// A request is for ranges of one file: the first of them or, of a server that sends no
// ranges, all.
type request struct {
	index  int             // of the file
	file   *webseed.File   // nil if it is not known yet
	form   int             // of its URL; -1 if it is not known
	ranges []joinedRange   // in order
	all    []metainfo.Span // those of all open pieces
	alone  bool            // no other request was running
}

// A reply is what became of a request, or bytes that came for it.
type reply struct {
	request
	n     int64
	came  []metainfo.Span // whole
	err   error
	ended bool
}

// fetch fetches ranges. An error of the source is added to the report. After one of the
// connection, it does not go on: the next file would have the same.
func (f *fetcher) fetch(ranges map[int][]metainfo.Span) (goesOn bool, err error) {
	if err := f.makeTemp(); err != nil {
		return false, f.tempError(err)
	}
	all := f.wanted(anySpan)
	var queue []request
	for _, i := range slices.Sorted(maps.Keys(ranges)) {
		queue = append(queue, f.requests(i, ranges[i], all[i])...)
	}
	f.total = f.done + bytesOf(ranges)
	goesOn, err = f.run(queue)
	for i := range ranges {
		if r := f.files[i]; r != nil && r.file != nil {
			f.source.tree.Files[i].Cause = piece.CauseFine
			f.source.tree.Restat(i)
		}
	}
	return goesOn, err
}

// requests returns the requests for ranges of a file, none if the source does not have it.
func (f *fetcher) requests(i int, ranges, all []metainfo.Span) (list []request) {
	r := request{index: i, form: -1, ranges: joined(ranges), all: all}
	known := f.files[i]
	switch {
	case known == nil:
		return []request{r}
	case known.file == nil:
		return nil // its error is known
	}
	r.file = known.file
	return r.split()
}

// split returns requests of one range each, if the server sends ranges.
func (r request) split() (list []request) {
	if !r.file.Ranges {
		return []request{r}
	}
	for k := range r.ranges {
		one := r
		one.ranges = r.ranges[k : k+1]
		list = append(list, one)
	}
	return list
}

// run sends requests, some at a time, and waits for all replies.
func (f *fetcher) run(queue []request) (goesOn bool, err error) {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	replies := make(chan reply)
	running := 0
	goesOn = true
	for running > 0 || len(queue) > 0 {
		for running < f.limit && len(queue) > 0 {
			next := queue[0]
			queue = queue[1:]
			next.alone = f.limit == 1 && running == 0
			if f.sure {
				next.form = f.form
			}
			running++
			go func() { replies <- f.send(ctx, next, replies) }()
		}
		r := <-replies
		f.came(r.n)
		if !r.ended {
			continue
		}
		running--
		f.note(&r)
		again, fatal := f.next(&r)
		queue = append(again, queue...)
		if _, ok := errors.AsType[*TempError](r.err); ok && err == nil {
			err = r.err
		}
		if fatal {
			goesOn, queue = false, nil
		}
		if err != nil || f.ctx.Err() != nil {
			cancel()
			queue = nil
		}
	}
	if err := f.stopped(); err != nil {
		return false, err
	}
	return goesOn, err
}

// came counts bytes that came.
func (f *fetcher) came(n int64) {
	if n == 0 {
		return
	}
	f.done += n
	f.report.Fetched += n
	if f.o.Progress != nil {
		f.o.Progress(StepFetch, f.done, max(f.total, f.done))
	}
}

// note keeps what a reply says of its file.
func (f *fetcher) note(r *reply) {
	known := f.files[r.index]
	if known == nil {
		known = &remote{asked: make(map[metainfo.Span]bool)}
		f.files[r.index] = known
		f.report.Files++
	}
	if r.file != nil {
		known.file = r.file
		f.form, f.sure = r.form, true
		if r.err == nil && f.limit == 1 && !f.refused {
			f.limit = maxRequests
		}
	}
	for _, part := range r.came {
		known.asked[part] = true
	}
}

// next returns the requests that follow from a reply. fatal reports that there should be no
// others.
func (f *fetcher) next(r *reply) (again []request, fatal bool) {
	left := r.request
	left.ranges = nil
	asked := f.files[r.index].asked
	for _, j := range r.ranges {
		if !asked[j.parts[0]] {
			left.ranges = append(left.ranges, j)
		}
	}
	switch {
	case len(left.ranges) == 0 && r.err == nil:
		return nil, false
	case r.err == nil: // further ranges of a file that was not known
		return left.split(), false
	case errors.Is(r.err, webseed.ErrNoRanges) && left.file.Ranges:
		whole := *left.file
		whole.Ranges = false
		left.file, f.files[r.index].file = &whole, &whole
		return []request{left}, false
	case !r.alone && isOverloaded(r.err):
		f.limit, f.refused = 1, true
		return []request{left}, false
	}
	f.giveUp(r)
	return nil, !webseed.IsAnswer(r.err) || !f.sure && isWrongRange(r.err)
}

// giveUp adds the error of a reply to the report, if it is of an earlier file than the one
// that is there. What did not come is not asked for again.
func (f *fetcher) giveUp(r *reply) {
	asked := f.files[r.index].asked
	for _, j := range r.ranges {
		for _, part := range j.parts {
			if !asked[part] {
				asked[part] = false // isNew sees that it was asked for
			}
		}
	}
	if f.report.Err == nil || r.index < f.failed {
		f.report.Err, f.failed = fmt.Errorf("%s: %w", f.name(r.index), r.err), r.index
	}
}
