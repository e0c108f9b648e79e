package repair

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"bt/internal/metainfo"
	"bt/internal/webseed"
)

// send sends a request, and stores what comes. It sends the number of bytes to replies, and
// returns the last reply.
func (f *fetcher) send(ctx context.Context, r request, replies chan<- reply) reply {
	end := reply{request: r, ended: true}
	reader, err := f.openRemote(ctx, &end.request)
	if err != nil {
		end.err = err
		return end
	}
	defer reader.Close()
	file, err := f.openTemp(r.index)
	if err != nil {
		end.err = f.tempError(err)
		return end
	}
	ranges, at := r.ranges[:1], r.ranges[0].Offset
	if !end.file.Ranges {
		last := r.ranges[len(r.ranges)-1]
		ranges, at = joined(before(r.all, last.Offset+last.Length)), 0
	}
	for _, j := range ranges {
		came := func(n int64) { replies <- reply{n: n} }
		if end.err = f.copyRange(reader, file, at, j.Span, came); end.err != nil {
			break
		}
		at = j.Offset + j.Length
		end.came = append(end.came, j.parts...)
	}
	if err := file.Close(); err != nil && end.err == nil {
		end.err = f.tempError(err)
	}
	return end
}

// openRemote opens a file at the source, from the first range on or from its beginning.
func (f *fetcher) openRemote(ctx context.Context, r *request) (reader *webseed.Reader, err error) {
	first := r.ranges[0]
	switch {
	case r.file == nil:
		r.form, err = f.eachURL(r.index, r.form, func(url string) error {
			file, opened, err := f.client.OpenSized(ctx, url, f.content.Files[r.index].Length, first.Offset, first.Length)
			if err != nil {
				return err
			}
			r.file, reader = file, opened
			return nil
		})
		return reader, err
	case r.file.Ranges:
		return r.file.Range(ctx, first.Offset, first.Length), nil
	}
	return r.file.FromBeginning(ctx), nil
}

// copyRange reads up to the end of a range, and copies the range to the same place in a
// file. at is the offset of what it reads.
func (f *fetcher) copyRange(r *webseed.Reader, to *os.File, at int64, span metainfo.Span, came func(n int64)) error {
	end := span.Offset + span.Length
	buf := make([]byte, min(end-at, 256<<10))
	for at < end {
		limit := end
		if at < span.Offset {
			limit = span.Offset
		}
		n, err := r.Read(buf[:min(int64(len(buf)), limit-at)])
		if at >= span.Offset {
			if _, err := to.WriteAt(buf[:n], at); err != nil {
				return f.tempError(err)
			}
		}
		at += int64(n)
		came(int64(n))
		if err == io.EOF && at < end {
			err = webseed.ErrCut
		}
		if err != nil && at < end {
			return err
		}
	}
	return nil
}

func (f *fetcher) tempError(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the user does not know the path
	}
	return &TempError{f.dirOf(), err}
}
