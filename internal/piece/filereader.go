package piece

import (
	"errors"
	"io"
	"syscall"

	"bt/internal/metainfo"
)

// A fileReader reads the files of a tree. It keeps the latest one open.
type fileReader struct {
	*run
	dir   directory
	file  openFile
	index int // of file in the tree
}

// read reads the start of a span into buf.
func (r *fileReader) read(span metainfo.Span, buf []byte) (int, *Fault) {
	buf = buf[:min(int64(len(buf)), span.Length)]
	if fault := r.open(span.File); fault != nil {
		return 0, fault
	}
	// After a short read, the next read returns the error.
	n, err := r.file.readAt(buf, span.Offset)
	if n > 0 {
		return n, nil
	}
	cause := CauseUnreadable
	if errors.Is(err, io.EOF) {
		cause = CauseChanged // it was longer before
	}
	return 0, &Fault{span.File, r.files.Path(span.File), cause, err}
}

// open opens file i of the tree as r.file. It must still be the file of the tree.
func (r *fileReader) open(i int) *Fault {
	if r.file.opened && r.index == i {
		return nil
	}
	r.file.close()
	path := r.files.Path(i)
	err := r.file.open(&r.dir, path)
	if err == nil {
		// Another file at the path would give sums that are not those of the identity.
		if id, err := r.file.identify(); err != nil || !id.Equal(r.files.ID(i)) {
			r.file.close()
			return &Fault{i, path, CauseChanged, err}
		}
		r.index = i
		return nil
	}
	// Lack of descriptors or memory is no fault of the file: it ends the job.
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, lack) {
			r.cancel(err)
		}
	}
	cause := causeOf(err)
	if cause == CauseMissing {
		cause = CauseChanged // it existed before
	}
	return &Fault{i, path, cause, err}
}

func (r *fileReader) close() {
	r.file.close()
	r.dir.close()
}
