package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"bt/internal/config"
)

// A batchJob is a job of a batch file, with its own flags.
type batchJob struct {
	*config.Job
	flags  *makeFlags
	config *makeConfig
}

// runBatch makes the torrents of a batch file. f has the flags of the command line, which
// are also those of each job.
func (f *makeFlags) runBatch(ctx context.Context, u *ui, source *configSource, args []string) error {
	if len(args)+len(f.content.files)+len(f.content.dirs) > 0 || f.each {
		return failf(exitUsage, "--batch names the paths, and excludes PATH, --dir, --file and --each")
	}
	batch, err := f.readBatch(ctx, u, source)
	if err != nil {
		return err
	}
	if f.config.show {
		return showBatch(u, batch)
	}
	var jobs []*makeJob
	for _, b := range batch {
		more, err := b.flags.jobs(u, makeContent{[]string{b.Path}, true}, b.config)
		if err != nil {
			return failf(codeOf(err), "%s: %w", b.Place, err)
		}
		jobs = append(jobs, more...)
	}
	return makeAll(ctx, u, f, jobs)
}

// readBatch reads a batch file. Presets and rules in it are used if there is no config
// file.
func (f *makeFlags) readBatch(ctx context.Context, u *ui, source *configSource) ([]batchJob, error) {
	file, err := readConfig(ctx, u, f.batch.value, source.vocabulary)
	if err != nil {
		return nil, err
	}
	if len(file.Jobs) == 0 {
		return nil, failf(exitUsage, "%s: there are no jobs in it", f.batch.value)
	}
	own := *source
	switch {
	case own.file == nil:
		own.file = file
	case len(file.Presets)+len(file.Trackers) > 0:
		u.warn("the presets and rules of trackers in %s are not used, as there is the config file %s", file.Name, own.file.Name)
	}
	common := *f // the flags of the command line
	run, err := f.configureRun(u, &own)
	if err != nil {
		return nil, err
	}
	var batch []batchJob
	for i := range file.Jobs {
		b := batchJob{Job: &file.Jobs[i]}
		if err := expandJob(b.Job, u.env.getenv); err != nil {
			return nil, err
		}
		var set *flag.FlagSet
		if b.flags, set, err = common.forJob(u.env); err != nil {
			return nil, err
		}
		if b.config, err = b.flags.configure(u, &own, set.Set, u.env.given, b.Job); err != nil {
			if _, ok := errors.AsType[*config.Error](err); !ok { // it names no place
				err = failf(codeOf(err), "%s: %w", b.Place, err)
			}
			return nil, err
		}
		if err := checkRunKeys(b.config.settings, run); err != nil {
			return nil, err
		}
		batch = append(batch, b)
	}
	return batch, nil
}

// forJob returns a copy of the flags of the command line, and the set of its flags.
func (f makeFlags) forJob(e *env) (*makeFlags, *flag.FlagSet, error) {
	flags := f.all(e)
	// Declaring a switch turns it off. Other values are copied, since the file that one
	// names may be a pipe.
	isCopied := func(g givenFlag) bool {
		declared := findFlag(flags, g.name)
		return declared == nil || !isSwitch(declared)
	}
	set, err := setFlags(flags, slices.DeleteFunc(slices.Clone(e.given), isCopied))
	return &f, set, err
}

// expandJob replaces the environment variables in the path and the presets of a job.
func expandJob(j *config.Job, getenv func(string) string) error {
	texts := []*string{&j.Path}
	for i := range j.Presets {
		texts = append(texts, &j.Presets[i])
	}
	for _, text := range texts {
		expanded, err := config.ExpandEnv(*text, getenv)
		if err != nil {
			return fail(exitUsage, &config.Error{Place: j.Place, Err: err})
		}
		*text = expanded
	}
	return nil
}

// runKeys are the keys that are for all jobs of a batch file together.
var runKeys = func() []string {
	keys := []string{"seed"}
	for _, f := range new(seedFlags).flags() {
		keys = append(keys, f.Names()[0])
	}
	return keys
}()

// configureRun sets the runKeys that the flags of the command line leave, by the presets
// that are for all jobs. It returns all values of these.
func (f *makeFlags) configureRun(u *ui, source *configSource) ([]config.Setting, error) {
	layers, err := f.config.layers(source.file, nil)
	if err != nil {
		return nil, err
	}
	settings := config.Merge(append(layers, config.Layer{From: fromFlag, Values: givenValues(source.vocabulary, u.env.given)}))
	for _, s := range settings {
		if !slices.Contains(runKeys, s.Key) {
			continue
		}
		if err := apply(u.env, u.set, s); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// checkRunKeys returns an error if the settings of a job have another value of one of
// runKeys than those of the run.
func checkRunKeys(settings, run []config.Setting) error {
	for _, s := range settings {
		if !slices.Contains(runKeys, s.Key) {
			continue
		}
		same := func(r config.Setting) bool { return r.Key == s.Key && slices.Equal(r.Texts(), s.Texts()) }
		if !slices.ContainsFunc(run, same) {
			at := s.Parts[len(s.Parts)-1].Place
			return fail(exitUsage, &config.Error{Place: at, Err: fmt.Errorf("it is for all jobs: use --%s, or the preset default", s.Key)})
		}
	}
	return nil
}

// showBatch prints the effective values of each job.
func showBatch(u *ui, batch []batchJob) error {
	doc := u.newJSON(true)
	for i, b := range batch {
		if u.json {
			shown := b.config.document(u)
			shown.Path = b.Path
			if err := doc.item(shown); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			_ = u.out.WriteByte('\n') // finish reports the error of the flush
		}
		if err := printPath(u, b.Path+":"); err != nil {
			return err
		}
		if err := b.config.show(u); err != nil {
			return err
		}
	}
	if u.json {
		return doc.stop()
	}
	return nil
}
