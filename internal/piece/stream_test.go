package piece

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"testing"
	"testing/iotest"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// A stream has the sums of a file with the same bytes, whether its length is known or
// not.
func TestStreamSums(t *testing.T) {
	const long = 20 << 20 // more than a batch
	for _, f := range formats {
		for _, pieceLength := range []int64{16 << 10, 1 << 20, 32 << 20} {
			for _, size := range []int64{1, 16 << 10, 16<<10 + 1, 1 << 20, 1<<20 + 5, long + 77} {
				if f.v1 && f.v2 {
					f.alignment = metainfo.AlignmentPacked // as a hybrid of one file
				}
				t.Run(fmt.Sprint(f.name, pieceLength, size), func(t *testing.T) {
					if f.name != hybrid.name && size > long {
						testenv.Large(t)
					}
					tr := newTree(t, f, pieceLength, size)
					tr.stat(t)
					want, _ := tr.run(t, Job{})
					for _, limit := range []int64{size, size + pieceLength, 100 << 20} {
						got, n, err := runStream(f, pieceLength, limit, bytes.NewReader(tr.data[0]))
						if err != nil || n != size {
							t.Fatalf("limit %d: %d bytes, %v", limit, n, err)
						}
						if !reflect.DeepEqual(got, want) {
							t.Errorf("limit %d: other results than for a file", limit)
						}
					}
				})
			}
		}
	}
}

func runStream(f format, pieceLength, limit int64, content io.Reader) (results []Result, size int64, err error) {
	l, err := metainfo.NewLayout(pieceLength, []int64{limit}, f.alignment)
	if err != nil {
		return nil, 0, err
	}
	job := Job{Layout: l, V1: f.v1, V2: f.v2}
	size, err = job.RunStream(context.Background(), content, func(r Result) error {
		results = append(results, r)
		return nil
	})
	return results, size, err
}

func TestStreamReaders(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	want, _, err := runStream(v1, 16<<10, int64(len(data)), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"half":     iotest.HalfReader,
		"data err": iotest.DataErrReader,
	} {
		got, _, err := runStream(v1, 16<<10, 1<<30, wrap(bytes.NewReader(data)))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, or other results", name, err)
		}
	}
}

func TestStreamErrors(t *testing.T) {
	broken := errors.New("broken")
	data := make([]byte, 100<<10)
	for _, test := range []struct {
		name    string
		content io.Reader
		limit   int64
		want    error
	}{
		{"an error", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)), 1 << 30, broken},
		{"an error at the limit", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)), 100 << 10, broken},
		{"a broken connection", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF)), 1 << 30, io.ErrUnexpectedEOF},
		{"a wrapped end", iotest.ErrReader(fmt.Errorf("proxy: %w", io.EOF)), 1 << 30, io.EOF},
		{"a byte too many", bytes.NewReader(data), 100<<10 - 1, ErrLongStream},
		{"many bytes too many", bytes.NewReader(data), 16 << 10, ErrLongStream},
		{"a closed file", closedFile(t), 16 << 10, os.ErrClosed},
	} {
		if _, _, err := runStream(v1, 16<<10, test.limit, test.content); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, _, err := runStream(v1, 2*MaxStreamPiece, 1, bytes.NewReader([]byte{1})); err == nil {
		t.Error("pieces that don't fit in memory were accepted")
	}
	if got, n, err := runStream(v2, 16<<10, 1<<20, bytes.NewReader(nil)); err != nil || n != 0 || len(got) != 0 {
		t.Errorf("no bytes: %d results, %d bytes, %v", len(got), n, err)
	}
}

func closedFile(t *testing.T) io.Reader {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return f
}

// A stream can be stopped, by yield and by its context, while nothing arrives.
func TestStreamStops(t *testing.T) {
	l, err := metainfo.NewLayout(16<<10, []int64{1 << 30}, metainfo.AlignmentPacked)
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Layout: l, V1: true}
	stop := errors.New("stop")
	endless := readerFunc(func(b []byte) (int, error) { return len(b), nil })
	if _, err := job.RunStream(context.Background(), endless, func(Result) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("yield: %v", err)
	}

	ctx, cancel := context.WithCancelCause(context.Background())
	reads := 0
	silent := readerFunc(func(b []byte) (int, error) {
		if reads++; reads == 1 {
			return 1, nil
		}
		cancel(stop)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	if _, err := job.RunStream(ctx, silent, func(Result) error { return nil }); !errors.Is(err, stop) {
		t.Errorf("context: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestStreamProgress(t *testing.T) {
	l, err := metainfo.NewLayout(16<<10, []int64{1 << 20}, metainfo.AlignmentPacked)
	if err != nil {
		t.Fatal(err)
	}
	var last [2]int64
	job := Job{Layout: l, V1: true, Progress: func(done, total int64) { last = [2]int64{done, total} }}
	if _, err := job.RunStream(context.Background(), bytes.NewReader(make([]byte, 1<<20)), func(Result) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if want := [2]int64{1 << 20, 1 << 20}; last != want {
		t.Errorf("the last progress is %d, want %d", last, want)
	}
}
