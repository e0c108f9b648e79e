package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"bt/internal/atomicfile"
	"bt/internal/clients"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/rewrite"
)

type retrackerFlags struct {
	edit            editFlags
	rules, fromJSON option[string]
	newInfoHash     bool
	output          option[string]
	backup          backupFlag
	dryRun          bool
	recursive       bool
	force           bool
}

func retrackerCommand(e *env) *cli.Command {
	var f retrackerFlags
	return &cli.Command{
		Name:      "retracker",
		Usage:     "edit trackers and other keys of torrents, and no other byte",
		UsageText: "bt retracker TORRENT|DIR|MAGNET... [FLAGS]",
		ArgsUsage: "Torrents and qBittorrent's .fastresume files, also in a directory, are edited in place. Magnet links, also from stdin (-), one per line, are printed edited. The order of edits is: --from-json, --rules, --announce, --remove, --replace, --passkey, --add, --dedupe, the rest.",
		Description: `bt retracker movie.torrent --announce http://tracker.example/announce
bt retracker ~/torrents --host old.example --with new.example --dry-run
bt retracker ~/torrents --recursive --passkey 0123456789abcdef0123456789abcdef --backup
bt retracker *.torrent --remove '*.dead.example' --add udp://tracker.example:6969 --tier first
bt retracker ~/torrents --rules rules.yaml --json
bt info --raw x.torrent > x.json; bt retracker x.torrent --from-json x.json -o y.torrent
bt retracker x.torrent --source ABC --new-infohash -o abc.torrent`,
		Flags: slices.Concat(f.edit.flags(e.now), []cli.Flag{
			valueFlag(&f.rules, text, "rules", "apply the rules in `FILE` (YAML or TOML) to the trackers that match, and their torrents"),
			valueFlag(&f.fromJSON, text, "from-json", "replace the torrent by that in `FILE`, the JSON of bt info --raw, possibly edited"),
			switchFlag(&f.newInfoHash, "new-infohash", "allow edits inside info, which change the info-hash"),
			valueFlag(&f.output, nonEmpty("the path"), "output", "do not edit in place but write to `PATH`, into a directory if it is one or ends in a slash, to stdout if -", "o"),
			&cli.GenericFlag{Name: "backup", Usage: "keep the original as X.torrent.bak; --backup=.SUFFIX sets the suffix", Value: &f.backup},
			switchFlag(&f.dryRun, "dry-run", "show what would change, and change nothing"),
			switchFlag(&f.recursive, "recursive", "edit the torrents below a directory too"),
			switchFlag(&f.force, "force", "edit read-only files and those of a running client, replace an existing output or backup, and let --drop-dead remove the last tracker", "f"),
			e.options.revealFlag("show passkeys and passwords; JSON, and a magnet link or torrent on stdout, always have them"),
			e.options.maxSizeFlag(),
		}, e.options.jsonFlags()),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runRetracker(ctx, u, args, &f) }),
	}
}

// backupFlag is the value of --backup or --backup=SUFFIX.
type backupFlag struct{ suffix string }

func (f *backupFlag) Set(s string) error {
	switch s {
	case "true":
		s = ".bak"
	case "false":
		s = ""
	case "":
		return errors.New("the suffix is empty")
	}
	if strings.ContainsAny(s, `/\`) {
		return errors.New("a suffix, not a path")
	}
	f.suffix = s
	return nil
}

func (f *backupFlag) String() string   { return "" }
func (f *backupFlag) IsBoolFlag() bool { return true }

// retrackerRun is the state of one run of bt retracker.
type retrackerRun struct {
	ctx    context.Context
	u      *ui
	edit   rewrite.Edit
	dryRun bool
	force  bool
	backup string // "" if there is no backup
	output string // "" for in place, "-" for stdout
	toDir  bool   // output is a directory

	fromJSON string // the file that edit.Whole was read from

	large   sync.Mutex // held while a large input is edited, so that only one is in memory
	running sync.Map   // map[session]func() (string, bool)
}

// A session is a directory with session files of a client.
type session struct {
	client *clients.Client
	dir    string
}

func runRetracker(ctx context.Context, u *ui, args []string, f *retrackerFlags) error {
	if len(args) == 0 {
		return failf(exitUsage, "no torrent given")
	}
	u.subject = args[0]
	u.env.boundsMemory = true
	r := &retrackerRun{ctx: ctx, u: u, dryRun: f.dryRun, force: f.force, backup: f.backup.suffix, output: f.output.value}
	if err := r.readEdit(f); err != nil {
		return err
	}
	inputs, isList := r.inputs(args, f.recursive)
	if r.edit.Whole != nil && (isList || len(inputs) != 1) {
		return failf(exitUsage, "--from-json is for one torrent")
	}
	if err := r.checkOutput(inputs, isList); err != nil {
		return err
	}
	return r.run(inputs, isList)
}

func (r *retrackerRun) readEdit(f *retrackerFlags) (err error) {
	if r.edit, err = f.edit.edit(r.ctx, r.u.env); err != nil {
		return err
	}
	if f.rules.given {
		if r.edit.Rules, err = loadRules(r.ctx, r.u.env, f.rules.value); err != nil {
			return err
		}
	}
	if f.fromJSON.given {
		name := f.fromJSON.value
		b, err := readInput(r.ctx, r.u.env, name, textInput)
		if err != nil {
			return err
		}
		if r.edit.Whole, err = rewrite.FromJSON(b); err != nil {
			err = failf(exitUsage, "--from-json: %s: %w", name, err)
			if bytes.Contains(b, []byte(`"torrent_size":`)) && bytes.Contains(b, []byte(`"findings":`)) {
				err = withHint(err, "it looks like the JSON of bt info --json; --from-json needs that of bt info --raw")
			}
			return err
		}
		r.fromJSON = name
	}
	r.edit.Trackers.KeepLast = !r.force
	for i := range r.edit.Rules {
		r.edit.Rules[i].Edit.Trackers.KeepLast = !r.force
	}
	r.edit.NewInfoHash = f.newInfoHash
	for _, flag := range f.edit.infoFlags() {
		if flag.given && !r.edit.NewInfoHash {
			return newInfoHash(failf(exitWrite, "--%s: %w", flag.name, rewrite.ErrInfo))
		}
	}
	if isEmpty(&r.edit) {
		return withHint(failf(exitUsage, "nothing to change"), "bt help retracker lists what can be")
	}
	return nil
}

func newInfoHash(err error) error {
	return withHint(err, "use --new-infohash to allow that")
}

// inputs expands the arguments to a list of files and magnet links.
func (r *retrackerRun) inputs(args []string, recursive bool) (inputs []input, isList bool) {
	isList = len(args) > 1
	for _, arg := range args {
		if arg == "" {
			inputs = append(inputs, input{err: failf(exitUsage, "the name of a torrent is empty")})
			continue
		}
		if arg == stdinName {
			more := stdinInputs(r.ctx, r.u.env)
			inputs, isList = append(inputs, more...), isList || len(more) > 1
			continue
		}
		if info, err := os.Stat(arg); metainfo.IsMagnet(arg) || err != nil || !info.IsDir() {
			inputs = append(inputs, input{name: arg})
			continue
		}
		isList = true
		inputs = append(inputs, ordered(filesIn(arg, recursive, ".torrent", ".fastresume"), r.u.json)...)
	}
	// Edit a file only once, even if it is named twice or by a symbolic link.
	seen := make(map[string]bool)
	return slices.DeleteFunc(inputs, func(in input) bool {
		real, err := filepath.EvalSymlinks(in.name)
		if in.err != nil || err != nil || in.name == stdinName {
			return false
		}
		if abs, err := filepath.Abs(real); err == nil {
			real = abs
		}
		was := seen[real]
		seen[real] = true
		return was
	}), isList
}

// checkOutput checks --output and decides whether it is a directory.
func (r *retrackerRun) checkOutput(inputs []input, isList bool) error {
	if r.output == "" {
		return nil
	}
	info, err := os.Stat(r.output)
	switch {
	case r.backup != "":
		return failf(exitUsage, "--backup: with --output nothing is replaced")
	case r.output == stdinName && r.u.json:
		return failf(exitUsage, "--output - and --json both want stdout")
	case r.output == stdinName && r.u.env.stdoutTerminal:
		return withHint(failf(exitUsage, "--output -: a torrent can't be printed to a terminal"), "redirect it, or name a file")
	case r.output == stdinName:
		r.u.quiet = true
	default:
		r.toDir = os.IsPathSeparator(r.output[len(r.output)-1]) || err == nil && info.IsDir()
	}
	if (isList || len(inputs) != 1) && !r.toDir {
		return withHint(failf(exitUsage, "--output %s: it is for one torrent", r.output), "a name that ends in a slash is a directory, for several torrents")
	}
	if r.toDir && !r.dryRun {
		if hint := missingDirectory(r.output); hint != "" {
			return withHint(failf(exitWrite, "%s: no such directory", r.output), hint)
		}
	}
	return r.checkOutputNames(inputs)
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

// retrackerResult is the result of one input.
type retrackerResult struct {
	input
	output string // where the result is, or would be, written
	result *rewrite.Result
	magnet *metainfo.Magnet // the edited magnet link

	unedited rewrite.Unedited
}

// run edits the inputs and prints the results in the order of the inputs. It
// edits several at once, because each waits for the disk.
func (r *retrackerRun) run(inputs []input, isList bool) error {
	// If the reader of stdout exits (| head), the files in work must still be
	// written.
	signal.Ignore(syscall.SIGPIPE)
	const ahead = 1024 // results that wait to be printed
	p := retrackerPrinter{ui: r.u, dryRun: r.dryRun, isList: isList}
	if r.u.json {
		p.doc = r.u.newJSON(isList)
	}
	queue := make(chan chan retrackerResult, ahead)
	slots := make(chan struct{}, max(16, 2*runtime.GOMAXPROCS(0)))
	go func() {
		defer close(queue)
		for _, in := range inputs {
			if r.ctx.Err() != nil {
				return
			}
			done := make(chan retrackerResult, 1)
			queue <- done
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				done <- r.one(in)
			}()
		}
	}()
	var failed error
	for done := range queue {
		x := <-done
		if failed == nil && !errors.Is(x.err, context.Canceled) { // inputs that an interrupt left unedited are not failures
			failed = p.print(x)
		}
	}
	if p.total == 0 && r.ctx.Err() != nil {
		return r.ctx.Err() // there are no results to sum up
	}
	return cmp.Or(failed, p.finish(), r.ctx.Err())
}

// one edits one input.
func (r *retrackerRun) one(in input) retrackerResult {
	x := retrackerResult{input: in}
	switch {
	case x.err != nil:
	case metainfo.IsMagnet(in.name):
		x.err = r.magnet(&x)
	default:
		x.err = r.file(&x)
	}
	return x
}

func (r *retrackerRun) magnet(x *retrackerResult) error {
	m, err := metainfo.ParseMagnet(x.name)
	if err != nil {
		return failf(exitTorrent, "%s: %w", shown(x.name), err)
	}
	x.magnet, x.unedited, err = r.edit.Magnet(m)
	return fail(exitUsage, err)
}

// file edits a torrent or session file.
func (r *retrackerRun) file(x *retrackerResult) error {
	var before fs.FileInfo // nil for stdin
	if x.name != stdinName {
		info, err := os.Stat(x.name)
		if err != nil {
			return readError(x.name, err)
		}
		before = info
		if info.Size() > smallInput {
			r.large.Lock()
			defer r.large.Unlock()
		}
	}
	b, err := x.read(r.ctx, r.u.env)
	if err != nil {
		return err
	}
	x.result, err = rewrite.Apply(b, &r.edit)
	var not *rewrite.NotTorrentError
	var whole *rewrite.WholeError
	switch {
	case errors.As(err, &whole):
		return failf(exitUsage, "--from-json: %s: %w", r.fromJSON, err)
	case errors.As(err, &not):
		return notTorrent(x.name, err)
	case errors.Is(err, rewrite.ErrInfo):
		return newInfoHash(failf(exitWrite, "%s: %w", x.name, err))
	case err != nil:
		return failf(exitWrite, "%s: %w", x.name, err)
	}
	x.unedited = x.result.Unedited
	x.output = r.outputOf(x.name)
	defer func() { x.result.Bytes = nil }() // only the changes are printed, so free the rest
	switch {
	case r.dryRun:
		return nil
	case x.output == "":
		return failf(exitUsage, "input from stdin has no path; name the output with --output")
	case x.output == stdinName:
		if _, err := r.u.out.Write(x.result.Bytes); err != nil {
			return stdoutError(err)
		}
		return nil
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
	backup, made := x.name+r.backup, false
	if r.backup != "" {
		_, err := os.Lstat(backup)
		made = errors.Is(err, fs.ErrNotExist)
		if err := atomicfile.Backup(x.name, backup, r.force); errors.Is(err, fs.ErrExist) {
			return withHint(failf(exitWrite, "%s: the backup exists", backup), "--backup=.SUFFIX names another, --force replaces it")
		} else if err != nil {
			return outputError(backup, err)
		}
	}
	if err := atomicfile.Rewrite(x.name, x.result.Bytes); err != nil {
		if made { // else the next run would find it and refuse
			if err := os.Remove(backup); err != nil {
				return outputError(backup, err)
			}
		}
		if errors.Is(err, fs.ErrPermission) {
			return withHint(outputError(x.name, err), "the file is replaced by a new one: you need write permission for the directory, and must be allowed to set its owner and group")
		}
		return outputError(x.name, err)
	}
	return nil
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
