package main

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/config"
)

// A config file has the flags of bt make as keys, except those of one command line:
// what the content is, which presets to use, and how the result is printed.
var notInConfig = []string{
	"dir", "file", "files-from", "null", "each", "batch", "dry-run", "preset", "no-preset", "config", "show-config", "json", "jsonl", "reveal",
}

// notOfTracker lists the flags that the rules of a tracker can't set, since these are
// shared, and are found by the URLs of --announce. Nor can they set runKeys.
var notOfTracker = []string{"announce", "output", "force", "strict", "allow"}

// makeFlagList returns the flags of bt make, only to ask them what they accept.
func makeFlagList() []cli.Flag { return makeCommand(&env{now: time.Now}).Flags }

// makeVocabulary returns the keys of a config file, from the flags of bt make.
func makeVocabulary() *config.Vocabulary {
	v := &config.Vocabulary{Size: parseSize}
	for _, f := range makeFlagList() {
		if name := f.Names()[0]; !isShort(name) && !slices.Contains(notInConfig, name) {
			v.Keys = append(v.Keys, configKey(f))
		}
	}
	return v
}

// configKey describes the values that a flag accepts, by trying some. It sets the flag.
func configKey(f cli.Flag) config.Key {
	name := f.Names()[0]
	k := config.Key{Name: name, NotTracker: slices.Contains(notOfTracker, name) || slices.Contains(runKeys, name)}
	if d, ok := f.(cli.DocGenerationFlag); ok {
		k.Usage = strings.ReplaceAll(d.GetUsage(), "`", "")
	}
	if isSwitch(f) {
		k.Form = config.FormSwitch
		return k
	}
	value := f.(*cli.GenericFlag).Value
	_, k.List = value.(listSetter)
	accepts := func(s string) bool { return value.Set(s) == nil }
	if words := choicesOf(value); words != nil {
		k.Form, k.Words = config.FormWord, words
		return k
	}
	switch {
	case accepts("no such text"):
		return k
	case accepts("64K"):
		k.Form = config.FormSize
		if accepts("auto") {
			k.Words = []string{"auto"}
		}
	case accepts("2020-01-31"):
		k.Form = config.FormTime
	case accepts("20000"):
		k.Form = config.FormNumber
	}
	return k
}

// defaultText is the part of the usage of a flag that says what its default is.
var defaultText = regexp.MustCompile(`\(default:? ([^()]*)\)`)

// defaultOf returns the default of a key as its usage says it, or "".
func defaultOf(k *config.Key) string {
	if m := defaultText.FindStringSubmatch(k.Usage); m != nil {
		return m[1]
	}
	return ""
}

// configSchema returns the output of bt help config-schema.
func configSchema() string {
	schema, err := config.Schema(makeVocabulary())
	if err != nil {
		panic(err) // it consists of texts and maps
	}
	return string(schema) + "\n"
}
