package repair

import (
	"context"
	"errors"
	"strings"

	"bt/internal/webseed"
)

// A SizeError reports a file of another size than in the torrent.
type SizeError = webseed.SizeError

// name returns the path of a file in the torrent.
func (f *fetcher) name(i int) string { return strings.Join(f.content.Files[i].Path(), "/") }

// stopped returns the cause if the context has ended.
func (f *fetcher) stopped() error {
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	return nil
}

// eachURL calls try for the URLs that a file may have, until it succeeds or the connection
// fails. It returns the form of the last URL, and the first error. If form is not negative,
// there is only that URL.
func (f *fetcher) eachURL(i, form int, try func(url string) error) (int, error) {
	var first error
	for k, url := range f.urls(i) {
		if form >= 0 && k != form {
			continue
		}
		err := try(url)
		if err == nil {
			return k, nil
		}
		if first == nil {
			first = err
		}
		if !webseed.IsAnswer(err) {
			break
		}
	}
	return 0, first
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

// isWrongRange reports whether a server sends other ranges than it was asked for. If its
// first answer is one, it is not asked for more.
func isWrongRange(err error) bool {
	_, otherSize := errors.AsType[*SizeError](err)
	_, otherRange := errors.AsType[*webseed.RangeError](err)
	return otherRange && !otherSize
}

// isOverloaded reports whether a server may answer if it gets fewer requests at once.
func isOverloaded(err error) bool {
	if status, ok := errors.AsType[*webseed.StatusError](err); ok {
		return status.IsOverload()
	}
	return !webseed.IsAnswer(err)
}
