package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/term"
	"bt/internal/webseed"
	"bt/maketorrent"
)

// Content that is not on disk: bt make URL, and bt make - for standard input. It is
// hashed as it arrives, and is not stored.

// streamOptions sets o.Stream, still without content, if an argument is a URL or -. A
// path that is the value of a flag is on disk.
func (f *makeFlags) streamOptions(u *ui, o *maketorrent.Options, args []string) error {
	isURL := false
	for _, arg := range args {
		is, err := isHTTP(arg, "bt make", "download it first, or pipe it into bt make - --name NAME")
		if err != nil {
			return err
		}
		if isURL = isURL || is; !is && arg != stdinName {
			continue
		}
		if len(o.Inputs) > 0 {
			return failf(exitUsage, "%s is the content of a torrent of its own, not one of several paths", shown(arg))
		}
		o.Stream = new(maketorrent.Stream)
	}
	if o.Stream == nil {
		return nil
	}
	if f.content.given() {
		return failf(exitUsage, "the flags that choose files, such as --include, are for files on disk")
	}
	if len(f.reuse.reuse) > 0 {
		return failf(exitUsage, "--reuse is for files on disk, as %s is read in any case", contentName(o))
	}
	if f.seed {
		return withHint(failf(exitUsage, "--seed is for files on disk, and the content is not stored"), "store it, then bt make FILE --seed")
	}
	if !isURL {
		if o.Name == "" {
			return withHint(failf(exitUsage, "the file from standard input has no name"), "choose one with --name")
		}
		return nil
	}
	if o.Name == "" {
		name, err := nameInURL(o.Path)
		if err != nil {
			return err
		}
		o.Name = name
	}
	addSource(u, o)
	return nil
}

// isHTTP reports whether an argument is an http or https URL. The error is for a URL that
// the command can't read, with the hint for another scheme.
func isHTTP(path, command, hint string) (bool, error) {
	scheme, _, ok := strings.Cut(path, "://")
	if !ok || strings.ContainsFunc(scheme, func(r rune) bool { return !('a' <= r|' ' && r|' ' <= 'z' || '0' <= r && r <= '9') }) {
		return false, nil
	}
	if !slices.Contains(httpSeedSchemes, strings.ToLower(scheme)) {
		if isTrackerURL(path) {
			hint = trackerHint
		}
		return false, withHint(failf(exitUsage, "%s: %s reads http and https URLs", shown(path), command), hint)
	}
	if err := metainfo.CheckURL(path, httpSeedSchemes...); err != nil {
		return false, failf(exitUsage, "the URL %s %w", shown(path), err)
	}
	return true, nil
}

// nameInURL returns the last segment of a URL's path.
func nameInURL(rawURL string) (string, error) {
	parsed, err := url.Parse(rawURL)
	if err != nil {
		return "", failf(exitUsage, "the URL %s can't be read", shown(rawURL)) // CheckURL has read it
	}
	escaped := parsed.EscapedPath()
	name, err := url.PathUnescape(escaped[strings.LastIndexByte(escaped, '/')+1:])
	if err != nil || name == "" {
		return "", withHint(failf(exitUsage, "the URL %s does not end with a file name", shown(rawURL)), "choose one with --name")
	}
	return name, nil
}

// addSource makes the URL of the content a web seed (BEP 19).
func addSource(u *ui, o *maketorrent.Options) {
	source, _, _ := strings.Cut(o.Path, "#")
	if strings.HasSuffix(source, "/") {
		u.warn("%s does not become a web seed: it ends with a slash, and clients would add the name", source)
		return
	}
	// Not the name itself, which may look random.
	before, query, _ := strings.Cut(source, "?")
	if metainfo.HasSecret(before[:strings.LastIndexByte(before, '/')+1] + "?" + query) {
		u.warn("%s becomes a web seed, and may hold a secret, which everybody with the torrent can read", source)
	}
	if !slices.ContainsFunc(o.WebSeeds, func(s string) bool { return metainfo.CanonicalURL(s) == metainfo.CanonicalURL(source) }) {
		o.WebSeeds = slices.Concat([]string{source}, o.WebSeeds)
	}
}

// openStream opens the content of o.Stream. The caller calls the function that it
// returns.
func openStream(ctx context.Context, u *ui, o *maketorrent.Options) (closeStream func(), err error) {
	if o.Path == stdinName {
		return openStdin(ctx, u.env, o.Stream)
	}
	client := newWebClient(u.env)
	file, err := client.Stat(ctx, o.Path)
	if err != nil {
		return nil, urlError(ctx, o.Path, err)
	}
	explainFile(u, file)
	r := file.Stream(ctx)
	o.Stream.Size = max(file.Size, 0)
	o.Stream.Content = readerFunc(func(b []byte) (int, error) {
		n, err := r.Read(b)
		if err != nil && err != io.EOF {
			err = urlError(ctx, o.Path, err)
		}
		return n, err
	})
	return func() { r.Close(); client.Close() }, nil
}

func newWebClient(e *env) *webseed.Client {
	return webseed.New(webseed.Options{UserAgent: "bt/" + version, Proxy: proxies(e, nil)})
}

// explainFile says with -v what a server says of a file.
func explainFile(u *ui, f *webseed.File) {
	size := "of unknown size"
	if f.Size >= 0 {
		size = term.SizeExact(f.Size)
	}
	u.explain("%s: %s", f.URL, size)
	if f.ETag == "" && f.Modified == "" {
		u.explain("the server names no version of the file (ETag, Last-Modified), so only its size shows a change")
	}
	if !f.Ranges {
		u.explain("the server sends no parts of the file: after a broken connection it is read again from the start")
	}
}

// urlError returns the error for a URL that can't be read.
func urlError(ctx context.Context, rawURL string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = failf(exitNetwork, "%s: %w", rawURL, err)
	if errors.Is(err, webseed.ErrNoEnd) {
		return withHint(err, "download it first, then bt make FILE")
	}
	if redirect, ok := errors.AsType[*webseed.RedirectError](err); ok {
		return withHint(err, magnetHint(redirect.To))
	}
	return err
}

// magnetHint returns a hint about a URL that leads to a magnet link, or "". Of the link it
// has only the info-hashes, as trackers may have passkeys and a link may be long.
func magnetHint(to string) string {
	m, err := metainfo.ParseMagnet(to)
	if err != nil {
		return ""
	}
	link := metainfo.Magnet{HasV1: m.HasV1, V1: m.V1, HasV2: m.HasV2, V2: m.V2}
	return fmt.Sprintf("use the magnet link itself: bt info %s shows it", shellQuote(link.String()))
}

// openStdin sets a stream to standard input.
func openStdin(ctx context.Context, e *env, s *maketorrent.Stream) (closeStream func(), err error) {
	in, err := e.takeStdin()
	if err != nil {
		return nil, err
	}
	s.Size = max(sizeOf(in), 0)
	before, isFile := identify(in)
	r := stoppableReader(ctx, in)
	s.Content = readerFunc(func(b []byte) (int, error) {
		n, err := r.Read(b)
		switch {
		case err == io.EOF:
			if now, _ := identify(in); isFile && !now.Equal(before) {
				err = failf(exitRead, "standard input: changed while it was hashed")
			}
		case err != nil && ctx.Err() == nil:
			err = readError("standard input", err)
		}
		return n, err
	})
	return func() { r.Close() }, nil
}

// identify returns the identity of a regular file.
func identify(in io.Reader) (id piece.Identity, ok bool) {
	f, ok := in.(*os.File)
	if !ok {
		return id, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return id, false
	}
	return piece.Identify(info), true
}

// stoppableReader returns a reader of in that fails when ctx ends. A read of in that is
// blocked then may remain until the process exits.
func stoppableReader(ctx context.Context, in io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{in}, make([]byte, 1<<20))
		w.CloseWithError(err)
	}()
	return r
}

// A readerFunc is a function that implements io.Reader.
type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
