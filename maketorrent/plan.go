package maketorrent

import (
	"context"
	"errors"
	"time"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Plan is what Make would do, see Options.DryRun.
type Plan struct {
	Name        string
	Format      string // as that of the torrent
	Files       []PlannedFile
	Size        int64 // of the content, in bytes
	PieceLength int64
	PieceCount  int
	TorrentSize int // of the .torrent, in bytes

	Form *Torrent // as the torrent would be, but its hashes mean nothing

	Unread int64   // bytes of the content whose hashes are not in the cache
	Rate   float64 // bytes per second at which a sample of these was hashed; 0 if there are none
}

// Duration returns an estimate of the time that hashing takes.
func (p *Plan) Duration() time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(float64(p.Unread) / p.Rate * float64(time.Second))
}

// A PlannedFile is a file that would be in the torrent.
type PlannedFile struct {
	Path string // below the name of the torrent, with slashes; of a single file its name
	Size int64  // bytes
}

func plannedFiles(files []metainfo.BuildFile) []PlannedFile {
	list := make([]PlannedFile, 0, len(files))
	for _, f := range files {
		list = append(list, PlannedFile{display(f.Path), f.Length})
	}
	return list
}

// describe sets what is known from a torrent of the same form.
func (p *Plan) describe(t *Torrent) {
	p.Form, p.Name, p.Format, p.Size = t, t.Name, t.Format(), t.Size()
	p.PieceLength, p.PieceCount, p.TorrentSize = t.PieceLength, t.PieceCount(), len(t.Bytes())
}

// sampleTime is how long a sample of the content is hashed.
const sampleTime = 300 * time.Millisecond

// sample runs the job for a moment, and returns the bytes that all of it would hash, and
// the rate.
func sample(ctx context.Context, job piece.Job) (total int64, rate float64, err error) {
	enough := errors.New("the sample is large enough")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	job.Progress = func(done, all int64) {
		total = all
		took := time.Since(began)
		if done > 0 {
			rate = float64(done) / took.Seconds()
		}
		if done > 0 && took >= sampleTime {
			cancel(enough)
		}
	}
	_, err = job.Run(ctx, func(r piece.Result) error {
		if r.Failed {
			return problemsOf(r.Faults)
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return total, rate, err
}
