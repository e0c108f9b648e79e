package main

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/config"
	"bt/internal/metainfo"
)

// argumentKinds lists what the arguments of the commands are; the last kind is of all
// further ones. Commands that are not in it have words as arguments.
var argumentKinds = map[string][]completionKind{
	"make":      {kindFiles},
	"info":      {kindTorrents},
	"verify":    {kindTorrents, kindFiles},
	"retracker": {kindTorrents},
	"scrape":    {kindTorrents},
	"seed":      {kindTorrents, kindFiles},
	"get":       {kindTorrents, kindWords},
}

// argument completes a command or its argument.
func (c *completer) argument(word string) completion {
	command, given := c.inv.command, len(c.inv.args)
	if command == nil {
		return completion{kind: kindWords, values: commandValues(c.app)}
	}
	kinds, ok := argumentKinds[command.Name]
	switch {
	case ok && command.Name == "info" && c.inv.lastGiven("bencode") != "":
		return completion{kind: kindFiles}
	case ok && command.Name == "verify" && c.inv.lastGiven("data") != "":
		return completion{kind: kindTorrents}
	case ok:
		return completion{kind: kinds[min(given, len(kinds)-1)]}
	case given > 0:
		return completion{kind: kindWords}
	}
	var values []completionValue
	switch command.Name {
	case "help":
		values = commandValues(c.app)
		for _, t := range topics {
			values = append(values, completionValue{value: t.name, description: t.usage})
		}
		for _, s := range jsonSchemas {
			values = append(values, completionValue{value: s.name + "-schema", description: "a JSON schema"})
		}
	case "completion":
		for _, s := range shells {
			values = append(values, completionValue{value: s.name, description: s.usage})
		}
	}
	return completion{kind: kindWords, values: values}
}

func commandValues(app *cli.App) (values []completionValue) {
	for _, command := range app.VisibleCommands() {
		values = append(values, completionValue{value: command.Name, description: command.Usage})
	}
	return values
}

// valueKinds lists what the values of flags are, by the names that their usages give
// them. Flags of which flagValues knows more are not completed by it.
var valueKinds = map[string]completionKind{
	"DIR":     kindDirectories,
	"FILE":    kindFiles,
	"PATH":    kindFiles,
	"SOURCE":  kindFiles,
	"TORRENT": kindTorrents,
}

// value completes the value of a flag. prefix is what precedes it in the same word.
func (c *completer) value(ctx context.Context, f cli.Flag, prefix, word string) completion {
	g, ok := f.(*cli.GenericFlag)
	if !ok {
		return completion{kind: kindWords, prefix: prefix, values: wordValues("true", "false")}
	}
	if strings.HasPrefix(word, "@") && takesFile(g) {
		return completion{kind: kindFiles, prefix: prefix + "@"}
	}
	values, list := c.flagValues(ctx, g)
	if values == nil {
		usage := g.Usage
		if kind, ok := valueKinds[valueName(usage)]; ok {
			return completion{kind: kind, prefix: prefix}
		}
		return completion{kind: kindWords}
	}
	if list {
		if i := strings.LastIndexByte(word, ','); i >= 0 {
			given := strings.Split(word[:i], ",")
			values = slices.DeleteFunc(values, func(v completionValue) bool { return slices.Contains(given, v.value) })
			prefix += word[:i+1]
		}
	}
	return completion{kind: kindWords, prefix: prefix, values: values}
}

func wordValues(words ...string) (values []completionValue) {
	for _, w := range words {
		values = append(values, completionValue{value: w})
	}
	return values
}

// flagValues returns the values of a flag that bt knows, nil if it knows none, and
// whether commas may be between them.
func (c *completer) flagValues(ctx context.Context, f *cli.GenericFlag) (values []completionValue, list bool) {
	switch f.Name {
	case "announce", "tracker", "add":
		return c.trackers(ctx), true
	case "host", "remove":
		return c.hosts(ctx), false
	case "preset":
		return c.presets(ctx), false
	case "field":
		fields := fieldNames("", reflect.TypeFor[infoDocument]())
		return append(fields, completionValue{infoField + ".", "any key of the info dict", true}), true
	case "allow":
		for _, k := range metainfo.Kinds {
			values = append(values, completionValue{value: string(k.Code), description: k.Meaning})
		}
		return values, true
	}
	accepts := func(s string) bool { return f.Value.Set(s) == nil }
	if words := choicesOf(f.Value); words != nil {
		return wordValues(words...), accepts(words[0] + "," + words[1])
	}
	if accepts("no such text") {
		return nil, false
	}
	return wordValues(slices.DeleteFunc([]string{"auto", "now", "first"}, func(s string) bool { return !accepts(s) })...), false
}

// fieldNames returns the names of fields for --field, and of those below them. prefix is
// what precedes them.
func fieldNames(prefix string, t reflect.Type) (values []completionValue) {
	for _, x := range jsonFieldsOf(t) {
		name := prefix + x.name()
		values = append(values, completionValue{value: name})
		below := jsonType(t.Field(x.index).Type)
		if isJSONList(below) {
			below = jsonItem(below)
		}
		if hasJSONKeys(below) {
			values = append(values, fieldNames(name+".", below)...)
		}
	}
	return values
}

// takesFile reports whether a flag reads its value from a file if it is @FILE. It tries
// a name that no file can have.
func takesFile(f *cli.GenericFlag) bool {
	failed, ok := errors.AsType[*failure](f.Value.Set("@\x00"))
	return ok && failed.code == exitRead
}

// presets returns the presets of the config file.
func (c *completer) presets(ctx context.Context) []completionValue {
	values := []completionValue{}
	if file := c.configFile(ctx); file != nil {
		for _, name := range slices.Sorted(maps.Keys(file.Presets)) {
			values = append(values, completionValue{value: name, description: presetSummary(file.Presets[name])})
		}
	}
	return values
}

// presetSummary returns the keys of a preset.
func presetSummary(p *config.Preset) string {
	var keys []string
	if p.Extends != "" {
		keys = append(keys, "extends "+p.Extends)
	}
	for _, v := range p.Values {
		keys = append(keys, v.Key)
	}
	return strings.Join(keys, ", ")
}

// trackers returns the URLs of trackers in the config file, and the beginnings of
// those that hold a secret or of which only the host is known.
func (c *completer) trackers(ctx context.Context) []completionValue {
	values := []completionValue{}
	seen := map[string]bool{}
	add := func(v completionValue) {
		if !seen[v.value] {
			seen[v.value] = true
			values = append(values, v)
		}
	}
	for _, text := range c.configured(ctx) {
		if u, err := url.Parse(text); metainfo.MaskURL(text) != text || strings.Contains(text, "${") {
			if err == nil && u.Host != "" {
				add(completionValue{u.Scheme + "://" + u.Host + "/", "", true})
			}
			continue
		}
		add(completionValue{value: text})
	}
	for _, host := range c.ruled(ctx) {
		add(completionValue{"https://" + host + "/", "", true})
	}
	return values
}

// hosts returns the hosts of trackers in the config file and in the built-in rules.
func (c *completer) hosts(ctx context.Context) []completionValue {
	var hosts []string
	for _, text := range c.configured(ctx) {
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			hosts = append(hosts, u.Host)
		}
	}
	hosts = append(hosts, c.ruled(ctx)...)
	slices.Sort(hosts)
	return wordValues(slices.Compact(hosts)...)
}

// configured returns the URLs of trackers in the presets of the config file.
func (c *completer) configured(ctx context.Context) (urls []string) {
	file := c.configFile(ctx)
	if file == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(file.Presets)) {
		for _, v := range file.Presets[name].Values {
			if v.Key != "announce" {
				continue
			}
			for _, tier := range v.Texts {
				for u := range strings.SplitSeq(tier, ",") {
					urls = append(urls, strings.TrimSpace(u))
				}
			}
		}
	}
	return urls
}

// ruled returns the hosts of the rules of trackers.
func (c *completer) ruled(ctx context.Context) (hosts []string) {
	rules, err := config.BuiltIn(makeVocabulary())
	if err != nil {
		return nil
	}
	if file := c.configFile(ctx); file != nil {
		rules = append(rules, file.Trackers...)
	}
	for _, t := range rules {
		hosts = append(hosts, t.Host)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// configFile returns the config file that applies, nil if there is none or it can't be
// read.
func (c *completer) configFile(ctx context.Context) *config.File {
	var o configFlags
	if name := c.inv.lastGiven("config"); name != "" {
		name = c.expand(name)
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			return nil // a pipe could be read only once
		}
		o.file = option[string]{name, true}
	}
	u := newUI(ctx, c.env, "")
	u.quiet = true // for the warnings about a file of mkbrr
	file, err := o.load(ctx, u, makeVocabulary())
	if err != nil {
		return nil
	}
	return file
}

// expand returns the path of a file as the shell would pass it: it replaces a ~ at its
// beginning, and environment variables, unless there is a file of that name.
func (c *completer) expand(name string) string {
	if _, err := os.Lstat(name); err == nil {
		return name
	}
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		name = filepath.Join("${HOME}", rest)
	}
	return os.Expand(name, c.env.getenv)
}
