package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"bt/internal/atomicfile"
	"bt/internal/clients"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// checkOutput checks --output and decides whether it is a directory.
func (r *retrackerRun) checkOutput(inputs []input, isList bool) error {
	if r.output == "" {
		return nil
	}
	if r.backup != "" {
		return failf(exitUsage, "--backup: with --output nothing is replaced")
	}
	if r.output == stdinName {
		if err := r.checkStdout(); err != nil {
			return err
		}
	} else {
		info, err := os.Stat(r.output)
		r.toDir = os.IsPathSeparator(r.output[len(r.output)-1]) || err == nil && info.IsDir()
	}
	switch {
	case (isList || len(inputs) != 1) && !r.toDir:
		return withHint(failf(exitUsage, "--output %s: it is for one torrent", r.output), "a name that ends in a slash is a directory, for several torrents")
	case r.toDir && !r.dryRun:
		if hint := missingDirectory(r.output); hint != "" {
			return withHint(failf(exitWrite, "%s: no such directory", r.output), hint)
		}
	}
	return r.checkOutputNames(inputs)
}

// checkStdout checks that the torrent can be written to stdout. Nothing else is
// printed to it then.
func (r *retrackerRun) checkStdout() error {
	switch {
	case r.u.json:
		return failf(exitUsage, "--output - and --json both want stdout")
	case r.u.env.stdoutTerminal:
		return withHint(failf(exitUsage, "--output -: a torrent can't be printed to a terminal"), "redirect it, or name a file")
	}
	r.u.quiet = true
	return nil
}

// checkOutputNames finds inputs that have no name in --output, or the same.
func (r *retrackerRun) checkOutputNames(inputs []input) error {
	from := make(map[string]string)
	for _, in := range inputs {
		out := r.outputOf(in.name)
		switch other, twice := from[out]; {
		case metainfo.IsMagnet(in.name):
			return failf(exitUsage, "--output: a magnet link is printed")
		case in.name == stdinName && r.toDir:
			return failf(exitUsage, "--output %s: input from stdin has no file name", r.output)
		case twice:
			return failf(exitUsage, "--output %s: %s and %s would be one file", r.output, other, in.name)
		}
		from[out] = in.name
	}
	return nil
}

// write writes the edited file to the output, if it must be written.
func (r *retrackerRun) write(x *retrackerResult, before fs.FileInfo) error {
	switch {
	case r.dryRun:
		return nil
	case x.output == "":
		return failf(exitUsage, "input from stdin has no path; name the output with --output")
	case x.output == stdinName:
		_, err := r.u.out.Write(x.result.Bytes)
		return stdoutError(err)
	case r.output != "":
		if err := atomicfile.WriteFrom(x.output, x.result.Bytes, r.force, before); err != nil {
			return outputError(x.output, err)
		}
		return nil
	case !x.result.Changed:
		return nil
	}
	return r.replace(x, before)
}

func (r *retrackerRun) outputOf(name string) string {
	switch {
	case r.toDir:
		return filepath.Join(r.output, filepath.Base(name))
	case r.output != "":
		return r.output
	case name == stdinName:
		return ""
	}
	return name
}

// replace overwrites the file with the result, if that is allowed and the file
// has not changed since it was read.
func (r *retrackerRun) replace(x *retrackerResult, before fs.FileInfo) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if !r.force {
		if err := r.mayReplace(x.name); err != nil {
			return err
		}
	}
	if now, err := os.Stat(x.name); err != nil || !piece.Identify(before).Equal(piece.Identify(now)) {
		return failf(exitWrite, "%s: another program has changed it meanwhile", x.name)
	}
	backup, err := r.makeBackup(x.name)
	if err != nil {
		return err
	}
	err = atomicfile.Rewrite(x.name, x.result.Bytes)
	if err == nil {
		return nil
	}
	if backup != "" { // the next run would find it and refuse
		if err := os.Remove(backup); err != nil {
			return outputError(backup, err)
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return withHint(outputError(x.name, err), "the file is replaced by a new one: you need write permission for the directory, and must be allowed to set its owner and group")
	}
	return outputError(x.name, err)
}

// makeBackup makes a backup of a file if that is asked for. It returns the path if
// there was no file before.
func (r *retrackerRun) makeBackup(name string) (created string, err error) {
	if r.backup == "" {
		return "", nil
	}
	backup := name + r.backup
	if _, err := os.Lstat(backup); errors.Is(err, fs.ErrNotExist) {
		created = backup
	}
	err = atomicfile.Backup(name, backup, r.force)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", withHint(failf(exitWrite, "%s: the backup exists", backup), "--backup=.SUFFIX names another, --force replaces it")
	case err != nil:
		return "", outputError(backup, err)
	}
	return created, nil
}

// A session is a directory with session files of a client.
type session struct {
	client *clients.Client
	dir    string
}

// mayReplace returns an error if a file is read-only, or if a running client
// would overwrite the edit.
func (r *retrackerRun) mayReplace(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return readError(name, err)
	}
	if info.Mode().Perm()&0o222 == 0 {
		return withHint(failf(exitWrite, "%s: it is read-only", name), "--force edits it nevertheless")
	}
	client := clients.Of(name)
	if client == nil {
		return nil
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return readError(name, err)
	}
	// Check only once per session directory, which may have thousands of files.
	judge, _ := r.running.LoadOrStore(session{client, filepath.Dir(real)}, sync.OnceValues(func() (string, bool) { return client.Runs(name) }))
	if how, runs := judge.(func() (string, bool))(); runs {
		return withHint(failf(exitWrite, "%s: it is a session file of %s, which seems to run: %s", name, client.Name, how),
			"a running client does not see the edit, and writes over it when it ends: close it first, or use --force")
	}
	return nil
}
