package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/maketorrent"
)

// A makeJob is one torrent to make: of some content in one format.
type makeJob struct {
	makeContent
	flags   *makeFlags
	config  *makeConfig
	options maketorrent.Options
	suffix  string // of the default name of the output, before .torrent
	close   func() // closes the stream, if the content is not on disk

	values map[string]string // of the placeholders
	beside string            // the default directory of the output
	output string            // the path of the output, or stdinName for stdout
	late   bool              // output has standInHash instead of the info-hash, which is not known yet

	err   error // why the torrent can't be made
	shown bool  // its JSON was printed, or waits for that of the jobs before it
}

// A makeContent is what torrents are made of.
type makeContent struct {
	paths []string
	named bool // by arguments, which may be a URL or -
}

// standInHash stands for an info-hash that is not known yet.
const standInHash = "0000000000000000000000000000000000000000"

// contents returns the content of each torrent. It does not check that it exists.
func (f *makeFlags) contents(args []string) (list []makeContent, err error) {
	if !f.each {
		paths, err := f.content.paths(args, f.name)
		return []makeContent{{paths, len(args) > 0}}, err
	}
	for i, path := range slices.Concat(args, f.content.files, f.content.dirs) {
		list = append(list, makeContent{[]string{path}, i < len(args)})
		if path == "" {
			return nil, failf(exitUsage, "the path is empty")
		}
	}
	switch {
	case len(list) == 0:
		return nil, withHint(failf(exitUsage, "nothing to make a torrent of"), "bt make PATH... --each")
	case f.name.given && len(list) > 1:
		return nil, failf(exitUsage, "--each and --name: %s can't have one name", count(len(list), "torrent"))
	}
	return list, nil
}

// jobs returns the jobs for some content: one for each format. The error is wrong usage;
// nothing is read from disk.
func (f *makeFlags) jobs(u *ui, c makeContent, config *makeConfig) ([]*makeJob, error) {
	o, err := f.options(u, c.paths)
	if err != nil {
		return nil, err
	}
	if c.named {
		if err := f.streamOptions(u, &o, c.paths); err != nil {
			return nil, err
		}
	}
	config.limit(&o)
	formats := []maketorrent.Format{}
	for _, format := range f.formats {
		if !slices.Contains(formats, format) {
			formats = append(formats, format)
		}
	}
	if len(formats) == 0 {
		formats = append(formats, maketorrent.FormatV1)
	}
	var jobs []*makeJob
	for _, format := range formats {
		// maketorrent checks the minimum for v2.
		if err := f.pieceLength.value.check(format != maketorrent.FormatV1 || f.strict.allows(metainfo.CodeSmallPieces)); err != nil {
			return nil, err
		}
		j := &makeJob{makeContent: c, flags: f, config: config, options: o}
		j.options.Format, j.options.Formats = format, formats
		if len(formats) > 1 {
			j.suffix = "." + format.String()
		}
		if err := j.options.Check(); err != nil {
			return nil, makeError(u, f, j.options, err)
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// path returns what errors and JSON call the content.
func (j *makeJob) path() string { return contentName(&j.options) }

// prepare checks the content, reads what the flags name, and chooses and checks the
// output, before anything is hashed. run has the flags of the command line.
func (j *makeJob) prepare(ctx context.Context, u *ui, run *makeFlags) error {
	if err := j.flags.content.readList(ctx, u, &j.options); err != nil {
		return err
	}
	if j.options.Stream == nil {
		if err := j.flags.content.check(j.paths); err != nil {
			return err
		}
	}
	if run.seed {
		if err := checkSeed(&j.options); err != nil {
			return makeError(u, j.flags, j.options, err)
		}
	}
	if err := j.flags.reuse.load(ctx, u, &j.options); err != nil {
		return err
	}
	beside, name, err := besideContent(&j.options)
	if err != nil {
		return makeError(u, j.flags, j.options, err)
	}
	j.beside, j.values = beside, templateValues(&j.options, name)
	if j.late = j.flags.output.value.has(infoHashPlaceholder); j.late {
		j.values[infoHashPlaceholder] = standInHash
	}
	if j.output, err = j.place(); err != nil {
		return err
	}
	switch {
	case j.output == stdinName:
		return j.open(ctx, u)
	case j.late && strings.Contains(filepath.Dir(j.output), standInHash):
		return j.open(ctx, u)
	case run.dryRun:
		return checkAbsent(j.shownOutput(), j.flags.force)
	}
	if err := atomicfile.Check(j.output, j.flags.force); err != nil {
		return outputError(j.shownOutput(), err)
	}
	return j.open(ctx, u)
}

// open opens the stream, unless another format has opened it.
func (j *makeJob) open(ctx context.Context, u *ui) (err error) {
	if s := j.options.Stream; s != nil && s.Content == nil {
		j.close, err = openStream(ctx, u, &j.options)
	}
	return err
}

// place returns the path of the output.
func (j *makeJob) place() (string, error) {
	file := j.values["name"] + j.suffix + ".torrent"
	template := &j.flags.output.value
	if !j.flags.output.given {
		return filepath.Join(j.beside, file), nil
	}
	if template.text == stdinName {
		return stdinName, nil
	}
	out, err := template.expand(j.values)
	if err != nil {
		return "", err
	}
	if out == stdinName { // a value is a name
		out = "." + string(filepath.Separator) + out
	}
	info, err := os.Stat(out)
	if os.IsPathSeparator(out[len(out)-1]) || err == nil && info.IsDir() {
		out = filepath.Join(out, file)
	}
	return out, nil
}

// checkAbsent is atomicfile.Check without a trial, for a run that writes nothing.
func checkAbsent(out string, force bool) error {
	_, err := os.Lstat(out)
	switch {
	case err == nil && !force:
		return outputError(out, fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return outputError(out, err)
	}
	if _, err := os.Stat(filepath.Dir(out)); err != nil {
		return outputError(out, err)
	}
	return nil
}

// setInfoHash sets the path of the output if it was not known before.
func (j *makeJob) setInfoHash(t *maketorrent.Torrent) (err error) {
	if !j.late {
		return nil
	}
	if j.values[infoHashPlaceholder] = t.HexV1(); !t.V1 {
		j.values[infoHashPlaceholder] = t.HexV2()
	}
	j.output, err = j.place()
	return err
}

// shownOutput returns the path of the output for a run that finds no info-hash.
func (j *makeJob) shownOutput() string {
	return strings.ReplaceAll(j.output, standInHash, "{"+infoHashPlaceholder+"}")
}

// checkCollisions returns an error if two jobs have the same output. Outputs with an
// info-hash are compared when they are written.
func checkCollisions(jobs []*makeJob) error {
	seen := make(map[string]*makeJob)
	for _, j := range jobs {
		if j.err != nil || j.late {
			continue
		}
		key := outputKey(j.output)
		first := seen[key]
		if seen[key] = j; first == nil {
			continue
		}
		if j.output == stdinName {
			return failf(exitUsage, "--output - is for one torrent, and there are %d", len(jobs))
		}
		return withHint(failf(exitUsage, "%s: two torrents would be written to it: %s and %s", j.output, first.describe(), j.describe()),
			"--output 'DIR/{name}.{format}.torrent' gives each a name of its own; bt help make lists what can be in braces")
	}
	return nil
}

// describe returns a text that distinguishes a job from others.
func (j *makeJob) describe() string {
	text := j.path() + " (" + j.options.Format.String()
	for _, key := range []string{"tracker", "source"} {
		if value := j.values[key]; value != "" {
			text += ", " + value
		}
	}
	return text + ")"
}

// outputKey returns a text that is the same for two paths of the same file, through
// links too.
func outputKey(out string) string {
	if out == stdinName {
		return out
	}
	key, err := filepath.EvalSymlinks(out)
	if err != nil { // it does not exist
		dir, err := filepath.EvalSymlinks(filepath.Dir(out))
		if err != nil {
			dir = filepath.Dir(out)
		}
		key = filepath.Join(dir, filepath.Base(out))
	}
	if abs, err := filepath.Abs(key); err == nil {
		key = abs
	}
	if runtime.GOOS != "linux" { // the file system may ignore case
		key = strings.ToLower(key)
	}
	return key
}
