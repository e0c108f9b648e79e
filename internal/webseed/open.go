package webseed

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
)

// Open requests a whole file, which is read once, such as a torrent. size is its length
// in bytes, or -1 if it is unknown. Unlike Stat and Stream, Open accepts web pages and
// files compressed with gzip, which it decompresses, and does not try again. A broken
// connection is an error of the reader, unless the server does not say how long the file
// is. The caller closes the reader.
func (c *Client) Open(ctx context.Context, rawURL string) (file io.ReadCloser, size int64, err error) {
	resp, err := c.get(ctx, rawURL, http.Header{"Accept-Encoding": {"gzip"}})
	if err != nil {
		return nil, 0, err
	}
	file, size, err = opened(resp)
	if err != nil {
		resp.Body.Close()
	}
	return file, size, err
}

func opened(resp *http.Response) (file io.ReadCloser, size int64, err error) {
	if resp.StatusCode != http.StatusOK {
		return nil, 0, &StatusError{resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"))}
	}
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return openFile{resp.Body, resp.Body}, resp.ContentLength, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, 0, gzipError(err)
		}
		return openFile{z, resp.Body}, -1, nil
	default:
		return nil, 0, &EncodingError{encoding}
	}
}

// An openFile reads a body, perhaps decompressed.
type openFile struct {
	io.Reader
	io.Closer
}

func (f openFile) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = gzipError(err)
	}
	return n, err
}

// gzipError returns the error of reading a body that may be compressed.
func gzipError(err error) error {
	switch err {
	case gzip.ErrHeader, gzip.ErrChecksum:
		return ErrBadGzip
	}
	return plain(cut(err))
}
