package webseed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A File is a file at a URL, in the version that the first response described.
type File struct {
	URL      string
	Size     int64  // bytes; -1 if the server does not say
	ETag     string // its version; "" if the server does not say
	Modified string // Last-Modified; "" if the server does not say
	Ranges   bool   // the server sends ranges
	html     bool   // the server says that it is a web page
	client   *Client
}

func (c *Client) file(rawURL string, a *answer) *File {
	return &File{rawURL, a.size, a.etag, a.modified, a.partial, a.html, c}
}

// Stat asks for the first byte of a file. It does not try again after an error.
func (c *Client) Stat(ctx context.Context, rawURL string) (*File, error) {
	resp, err := c.get(ctx, rawURL, http.Header{"Range": {"bytes=0-0"}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a, err := readAnswer(resp, 0, 0)
	if err != nil {
		return nil, err
	}
	if a.html {
		return nil, ErrHTML
	}
	if a.partial {
		// Read to the end, so that the connection can be used again.
		switch n, err := io.CopyN(io.Discard, resp.Body, 2); {
		case n > a.n:
			return nil, errMore
		case n < a.n:
			return nil, cut(err)
		}
	}
	return c.file(rawURL, a), nil
}

// OpenRange asks for n bytes of a file from an offset, and describes the file by the answer. It
// does not try again after an error of that request; the Reader does, as that of Range. If
// the server sends no ranges, the Reader reads the file from its beginning, to its end
// unless it is closed before.
func (c *Client) OpenRange(ctx context.Context, rawURL string, offset, n int64) (*File, *Reader, error) {
	resp, err := c.get(ctx, rawURL, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+n-1)}})
	if err != nil {
		return nil, nil, err
	}
	a, err := readAnswer(resp, offset, offset+n-1)
	if err != nil {
		resp.Body.Close()
		return nil, nil, err
	}
	f := c.file(rawURL, a)
	r := f.Range(ctx, offset, n)
	if !a.partial {
		r = f.FromBeginning(ctx)
	}
	r.body, r.left = resp.Body, a.n
	return f, r, nil
}

// OpenSized is OpenRange for a file whose size is known. If the server has another size of
// it, the error wraps a *SizeError, or is ErrHTML if it is that of a web page. A file of the
// right size is accepted although the server calls it a web page, as PHP does by default.
func (c *Client) OpenSized(ctx context.Context, rawURL string, size, offset, n int64) (*File, *Reader, error) {
	f, r, err := c.OpenRange(ctx, rawURL, offset, n)
	if _, ok := errors.AsType[*RangeError](err); ok { // the file may be too short
		if f, err2 := c.Stat(ctx, rawURL); err2 == nil {
			err = errors.Join(f.CheckSize(size), err)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if err = f.CheckSize(size); f.html && f.Size != size {
		err = ErrHTML
	}
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return f, r, nil
}

// CheckSize returns a *SizeError if the server says that the file has another size.
func (f *File) CheckSize(size int64) error {
	if f.Size >= 0 && f.Size != size {
		return &SizeError{f.Size}
	}
	return nil
}

// Recheck returns a *ChangedError if the file has changed since Stat.
func (f *File) Recheck(ctx context.Context) error {
	now, err := f.client.Stat(ctx, f.URL)
	if err != nil {
		return err
	}
	return f.compare(&answer{size: now.Size, etag: now.ETag, modified: now.Modified})
}

// ReadAt reads len(b) bytes from an offset. If the file is shorter, the error is
// io.ErrUnexpectedEOF.
func (f *File) ReadAt(ctx context.Context, b []byte, offset int64) error {
	r := f.Range(ctx, offset, int64(len(b)))
	defer r.Close()
	_, err := io.ReadFull(r, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Range returns a reader of n bytes from an offset. The file must have them.
func (f *File) Range(ctx context.Context, offset, n int64) *Reader {
	return &Reader{ctx: ctx, file: f, pos: offset, end: offset + n, bounded: true}
}

// FromBeginning returns a reader of the file, for servers that send no ranges. After a
// broken connection it skips what it has read.
func (f *File) FromBeginning(ctx context.Context) *Reader {
	return &Reader{ctx: ctx, file: f, end: f.Size, skip: true}
}

// Stream returns a reader of the whole file. It continues after a broken connection, also
// if the server sends no ranges, by skipping what it has read. At the end it asks for
// the file's version again, and returns a *ChangedError instead of io.EOF if that
// differs.
func (f *File) Stream(ctx context.Context) *Reader {
	r := f.FromBeginning(ctx)
	r.recheck = true
	return r
}

// validator returns the value of an If-Range header, or "" if the server has given
// nothing that may be used there (RFC 9110, 13.1.5).
func (f *File) validator() string {
	if f.ETag != "" {
		if strings.HasPrefix(f.ETag, "W/") {
			return ""
		}
		return f.ETag
	}
	return f.Modified
}

// compare returns a *ChangedError if an answer is about another version of the file, or
// ErrHTML if it is a web page instead.
func (f *File) compare(a *answer) error {
	switch {
	case a.html && !f.html:
		return ErrHTML
	case f.Size >= 0 && a.size >= 0 && f.Size != a.size:
		return &ChangedError{"size", strconv.FormatInt(f.Size, 10), strconv.FormatInt(a.size, 10)}
	case f.ETag != "" && a.etag != "":
		// A server may call the same version weak at first and strong later.
		if strings.TrimPrefix(f.ETag, "W/") != strings.TrimPrefix(a.etag, "W/") {
			return &ChangedError{"ETag", f.ETag, a.etag}
		}
	case f.Modified != "" && a.modified != "" && f.Modified != a.modified:
		return &ChangedError{"time", f.Modified, a.modified}
	}
	return nil
}

// An answer is what a response says about a file, and about the bytes in its body.
type answer struct {
	size           int64 // of the file; -1 if it is unknown
	first          int64 // offset of the body in the file
	n              int64 // bytes in the body; -1 if it is unknown
	partial        bool  // a range
	html           bool  // it is said to be a web page, and was not asked for as one
	etag, modified string
}

// readAnswer reads the status and the headers of a response to a request for the bytes
// first to last, or to the end of the file if last is -1.
func readAnswer(resp *http.Response, first, last int64) (*answer, error) {
	a := &answer{etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified")}
	encoding := resp.Header.Get("Content-Encoding")
	if isFile := resp.StatusCode/100 == 2; isFile && encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, &EncodingError{encoding} // its lengths are of the encoded file
	}
	switch resp.StatusCode {
	case http.StatusOK:
		a.size, a.n = resp.ContentLength, resp.ContentLength
		if a.n < 0 && resp.ProtoMajor < 2 && !slices.Contains(resp.TransferEncoding, "chunked") {
			return nil, ErrNoEnd
		}
	case http.StatusPartialContent:
		if err := a.readRange(resp, first, last); err != nil {
			return nil, err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		r, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if first > 0 || !ok || r.size != 0 {
			return nil, &RangeError{"the server has no bytes from " + strconv.FormatInt(first, 10)}
		}
		return a, nil // an empty file has no first byte
	default:
		return nil, &StatusError{resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"))}
	}
	a.html = isHTML(resp)
	return a, nil
}

// readRange reads the headers of a response with status 206.
func (a *answer) readRange(resp *http.Response, first, last int64) error {
	header := resp.Header.Get("Content-Range")
	r, ok := parseContentRange(header)
	if !ok || r.last < 0 {
		return &RangeError{fmt.Sprintf("the server sends a range that can't be read: %q", header)}
	}
	if r.first != first || last >= 0 && r.last > last {
		asked := fmt.Sprintf("%d-", first)
		if last >= 0 {
			asked += strconv.FormatInt(last, 10)
		}
		return &RangeError{fmt.Sprintf("the server was asked for the bytes %s, and sends %d-%d", asked, r.first, r.last)}
	}
	if last < 0 && r.size < 0 {
		return ErrNoEnd
	}
	a.partial, a.first, a.size, a.n = true, r.first, r.size, r.last-r.first+1
	if n := resp.ContentLength; n >= 0 && n != a.n {
		return &RangeError{fmt.Sprintf("the server sends %d bytes as a range of %d", n, a.n)}
	}
	return nil
}

// isHTML reports whether a response is a web page, and its URL is not that of one.
func isHTML(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "text/html" && kind != "application/xhtml+xml" {
		return false
	}
	switch strings.ToLower(path.Ext(resp.Request.URL.Path)) {
	case ".html", ".htm", ".xhtml", ".shtml":
		return false
	}
	return true
}

// retryAfter reads a Retry-After header: seconds, or a time.
func retryAfter(s string) time.Duration {
	const most = time.Minute
	if n, ok := parseNumber(s); ok {
		return time.Duration(min(n, int64(most/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(min(time.Until(t), most), 0)
	}
	return 0
}
