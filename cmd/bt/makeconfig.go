package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/config"
)

// Values of bt make are from these layers, the highest first: flags, the job of a
// batch file, presets (the last named first, a preset before the one that it extends,
// the preset default last), the defaults of trackers, and what bt chooses. Flags are
// set first, when the command line is parsed. configure sets what they leave.

// configFlags holds the flags that choose presets and tracker rules.
type configFlags struct {
	presets  []string
	noPreset bool
	file     option[string]
	show     bool
}

func (o *configFlags) flags() []cli.Flag {
	return []cli.Flag{
		listFlag(&o.presets, nonEmpties("the name"), "preset", "take values from the preset `NAME` of the config file; again for more, of which later ones win; the preset default applies too"),
		switchFlag(&o.noPreset, "no-preset", "take no values from the preset default"),
		valueFlag(&o.file, nonEmpty("the path"), "config", "read presets and tracker rules from `FILE`, YAML or TOML, or presets.yaml of mkbrr (default: bt/config.yaml or bt/config.toml in the XDG config directory; bt help config-schema)"),
		switchFlag(&o.show, "show-config", "show the effective values and where each is from, and make nothing"),
	}
}

// The origins of values, besides files.
const (
	fromFlag    = "flag"
	fromJob     = "job"
	fromDefault = "default"
	fromMkbrr   = "default of mkbrr"
)

// A configSource is what values are taken from.
type configSource struct {
	vocabulary *config.Vocabulary
	file       *config.File     // nil if there is none
	builtIn    []config.Tracker // the rules of trackers that are built in
}

// A makeConfig is the effective values of one torrent and the rules of its trackers.
type makeConfig struct {
	configSource
	settings []config.Setting
	trackers []*config.Tracker // whose rules apply, in the order of --announce
}

// configure sets the values that the flags of the command line leave, by the source,
// the job, which may be nil, and the rules of the trackers. It calls set for each.
// given are the flags of the command line.
func (f *makeFlags) configure(u *ui, source *configSource, set func(flag, value string) error, given []givenFlag, job *config.Job) (*makeConfig, error) {
	c := &makeConfig{configSource: *source}
	layers, err := f.config.layers(c.file, job)
	if err != nil {
		return nil, err
	}
	layers = append(layers, config.Layer{From: fromFlag, Values: givenValues(c.vocabulary, given)})

	// Which rules apply depends on the trackers, so these are set first.
	above := config.Merge(layers)
	isAnnounce := func(s config.Setting) bool { return s.Key == "announce" }
	if i := slices.IndexFunc(above, isAnnounce); i >= 0 {
		if err := apply(u.env, set, above[i]); err != nil {
			return nil, err
		}
	}
	if err := c.findTrackers(f.announce); err != nil {
		return nil, err
	}
	c.settings = config.Merge(append(c.trackerLayers(u, above), layers...))
	for _, s := range c.settings {
		if !isAnnounce(s) {
			if err := apply(u.env, set, s); err != nil {
				return nil, err
			}
		}
		if from := s.From(); !slices.Contains(from, fromFlag) && !f.config.show {
			u.explain("%s %s: from %s", s.Key, strings.Join(s.Texts(), " "), strings.Join(from, ", "))
		}
	}
	return c, nil
}

// source reads the config file, if there is one, and the rules that are built in.
func (o *configFlags) source(ctx context.Context, u *ui) (*configSource, error) {
	s := &configSource{vocabulary: makeVocabulary()}
	var err error
	if s.builtIn, err = config.BuiltIn(s.vocabulary); err != nil {
		return nil, err
	}
	s.file, err = o.load(ctx, u, s.vocabulary)
	return s, err
}

// load reads the config file. It returns nil if there is none.
func (o *configFlags) load(ctx context.Context, u *ui, v *config.Vocabulary) (*config.File, error) {
	name := o.file.value
	if !o.file.given {
		var found []string
		for _, name := range configPaths(u.env) {
			// A directory that another user may not search has no config file for him.
			if _, err := os.Lstat(name); err == nil {
				found = append(found, name)
			}
		}
		switch len(found) {
		case 0:
			return nil, nil
		case 2:
			return nil, withHint(failf(exitUsage, "there are two config files: %s and %s", found[0], found[1]), "delete one of them, or use --config FILE")
		}
		name = found[0]
	}
	file, err := readConfig(ctx, u, name, v)
	if err == nil && len(file.Jobs) > 0 && len(file.Presets)+len(file.Trackers) == 0 {
		err = failf(exitUsage, "%s: it has jobs, but no presets and no rules of trackers", name)
	}
	return file, err
}

// configPaths returns where the config file may be. A file in the working directory is
// never read, as it may be of someone else.
func configPaths(e *env) []string {
	if e.dirs.config == "" {
		return nil
	}
	return []string{filepath.Join(e.dirs.config, "config.yaml"), filepath.Join(e.dirs.config, "config.toml")}
}

// readConfig reads presets, tracker rules or a batch file, and prints the warnings
// about a file of mkbrr.
func readConfig(ctx context.Context, u *ui, name string, v *config.Vocabulary) (*config.File, error) {
	b, err := readInput(ctx, u.env, name, configInput)
	if err != nil {
		return nil, err
	}
	file, err := interruptible(ctx, func() (*config.File, error) {
		return config.Read(name, b, config.SyntaxOf(name), v)
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, withUnknownHint(fail(exitUsage, err))
	}
	for _, w := range file.Warnings {
		u.warn("%s", w)
	}
	return file, nil
}

// withUnknownHint adds a hint to an error about an unknown key or preset.
func withUnknownHint(err error) error {
	unknown, ok := errors.AsType[*config.UnknownError](err)
	if !ok {
		return err
	}
	if unknown.What == "preset" {
		if near := suggest(unknown.Name, unknown.Known); near != "" {
			err = withHint(err, "did you mean "+near+"?")
		}
		return err
	}
	add, name := "", spelling(unknown.Name)
	if bare, ok := strings.CutPrefix(name, "+"); ok {
		add, name = "+", bare
	}
	near := suggestFlag("make", name, unknown.Known)
	if f := findFlag(makeFlagList(), name); f != nil && slices.Contains(unknown.Known, f.Names()[0]) {
		near = f.Names()[0] // also of another name, such as tracker
	}
	if near == "" {
		return withHint(err, "bt help config-schema lists the keys")
	}
	return withHint(err, "did you mean "+add+near+"?")
}

// layers returns the layers of presets and of the job, the lowest first.
func (o *configFlags) layers(file *config.File, job *config.Job) ([]config.Layer, error) {
	var names []string
	if file != nil && file.Presets["default"] != nil && !o.noPreset {
		names = append(names, "default")
	}
	names = append(names, o.presets...)
	if job != nil {
		names = append(names, job.Presets...)
	}
	var presets []*config.Preset
	for _, name := range names {
		if file == nil {
			return nil, withHint(failf(exitUsage, "there is no preset %q, as there is no config file", name), "--config FILE names one")
		}
		chain, err := file.Chain(name)
		if err != nil {
			return nil, withUnknownHint(failf(exitUsage, "%s: %w", file.Name, err))
		}
		presets = append(presets, chain...)
	}
	var layers []config.Layer
	if job != nil && len(job.Defaults) > 0 {
		layers = append(layers, config.Layer{From: fromMkbrr, Values: job.Defaults})
	}
	for i, p := range presets {
		if !slices.Contains(presets[i+1:], p) { // only the last use counts, so that +KEY adds once
			layers = append(layers, config.Layer{From: "preset " + p.Name + " in " + file.Name, Values: p.Values})
		}
	}
	if job != nil {
		layers = append(layers, config.Layer{From: fromJob, Values: job.Values})
	}
	return layers, nil
}

// givenValues returns the flags of the command line as values.
func givenValues(v *config.Vocabulary, given []givenFlag) []config.Value {
	var values []config.Value
	for _, g := range given {
		k := v.Find(g.name)
		if k == nil {
			continue
		}
		i := slices.IndexFunc(values, func(v config.Value) bool { return v.Key == g.name })
		switch {
		case i < 0:
			values = append(values, config.Value{Key: g.name, Texts: []string{g.value}})
		case k.List:
			values[i].Texts = append(values[i].Texts, g.value)
		default:
			values[i].Texts = []string{g.value}
		}
	}
	return values
}

// apply sets a flag, unless it is set by the command line.
func apply(e *env, set func(flag, value string) error, s config.Setting) error {
	for _, part := range s.Parts {
		if part.From == fromFlag {
			return nil
		}
		for _, text := range part.Texts {
			text, err := config.ExpandEnv(text, e.getenv)
			if err == nil {
				err = set(s.Key, text)
			}
			if err == nil {
				continue
			}
			code := exitUsage
			if _, ok := errors.AsType[*failure](err); ok {
				code = codeOf(err)
			}
			return fail(code, &config.Error{Place: part.Place, Err: err})
		}
	}
	return nil
}
