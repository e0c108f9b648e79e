package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// Each flag is declared once, with the variable that holds its value and the
// function that parses and validates it. Flags that several commands share are
// declared by a type with a method named flags. A command itself only checks
// which of its flags exclude or need each other.

// An option is the value of a flag, and whether it was given.
type option[T any] struct {
	value T
	given bool
}

// valueFlag declares a flag with one value, which read parses. If it is repeated,
// the last value is used.
func valueFlag[T any](o *option[T], read func(string) (T, error), name, usage string, aliases ...string) cli.Flag {
	return &cli.GenericFlag{Name: name, Aliases: aliases, Usage: usage, Value: setter(func(s string) error {
		v, err := read(s)
		if err == nil {
			*o = option[T]{v, true}
		}
		return err
	})}
}

// onceFlag is like valueFlag for a flag of which only the last use would have an effect,
// although a user may expect all of them to: repeating it is an error.
func onceFlag[T any](o *option[T], read func(string) (T, error), name, usage string) cli.Flag {
	return valueFlag(o, func(s string) (v T, err error) {
		if o.given {
			return v, errors.New("it can be given only once")
		}
		return read(s)
	}, name, usage)
}

// listFlag declares a flag that can be repeated. Each use appends what read
// returns.
func listFlag[T any](list *[]T, read func(string) ([]T, error), name, usage string, aliases ...string) cli.Flag {
	return &cli.GenericFlag{Name: name, Aliases: aliases, Usage: usage, Value: listSetter{func(s string) error {
		more, err := read(s)
		*list = append(*list, more...)
		return err
	}}}
}

// switchFlag declares a boolean flag.
func switchFlag(on *bool, name, usage string, aliases ...string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, Destination: on}
}

// A setter is a function that implements cli.Generic.
type setter func(string) error

func (f setter) Set(s string) error { return f(s) }
func (f setter) String() string     { return "" }

// A listSetter is the setter of a flag that can be repeated.
type listSetter struct{ setter }

// setFlags sets the given flags. It returns the first error, and sets the valid
// flags nevertheless.
func setFlags(flags []cli.Flag, given []givenFlag) (*flag.FlagSet, error) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var first error
	for _, f := range flags {
		if err := f.Apply(set); err != nil && first == nil {
			first = err
		}
	}
	for _, g := range given {
		if err := set.Set(g.name, g.value); err != nil && first == nil {
			first = flagError(findFlag(flags, g.name), g, err)
		}
	}
	return set, first
}

// flagError returns the error for the value of a flag. If err already has an exit
// code, such as that of a file that can't be read, it is kept.
func flagError(f cli.Flag, g givenFlag, err error) error {
	if _, ok := f.(*cli.BoolFlag); ok { // package flag would say "parse error"
		return failf(exitUsage, "--%s: %q is not true or false", g.name, g.value)
	}
	code := exitUsage
	if _, ok := errors.AsType[*failure](err); ok {
		code = codeOf(err)
	}
	return failf(code, "--%s: %w", g.name, err)
}

// A givenSwitch is the name of a flag and whether it was given.
type givenSwitch struct {
	name  string
	given bool
}

// oneFlag returns an error if more than one of the flags was given.
func oneFlag(flags ...givenSwitch) error {
	var names []string
	for _, f := range flags {
		if f.given {
			names = append(names, "--"+f.name)
		}
	}
	if len(names) > 1 {
		return failf(exitUsage, "%s: only one of them", strings.Join(names, ", "))
	}
	return nil
}

// text accepts any text.
func text(s string) (string, error) { return s, nil }

// texts accepts any text as a list of one.
func texts(s string) ([]string, error) { return []string{s}, nil }

// nonEmpty returns a parser that rejects the empty text. what describes the value
// in the error.
func nonEmpty(what string) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", fmt.Errorf("%s is empty", what)
		}
		return s, nil
	}
}

// nonEmpties is like nonEmpty for a listFlag.
func nonEmpties(what string) func(string) ([]string, error) {
	read := nonEmpty(what)
	return func(s string) ([]string, error) {
		s, err := read(s)
		return []string{s}, err
	}
}

// numberFrom returns a parser of whole numbers that are at least least.
func numberFrom(least int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", s)
		}
		if n < least {
			return 0, fmt.Errorf("%d is less than %d", n, least)
		}
		return n, nil
	}
}

// A choice is a word that a flag accepts, and the value that it means.
type choice[T any] struct {
	word  string
	value T
}

// oneOf returns a parser that accepts the words of the choices.
func oneOf[T any](choices ...choice[T]) func(string) (T, error) {
	return func(s string) (T, error) {
		var words []string
		for _, c := range choices {
			if c.word == s {
				return c.value, nil
			}
			words = append(words, c.word)
		}
		var none T
		return none, &choiceError{s, words}
	}
}

// A choiceError reports a value that is none of the words that a flag accepts.
type choiceError struct {
	value string
	words []string
}

func (e *choiceError) Error() string {
	return fmt.Sprintf("%q is none of %s", e.value, strings.Join(e.words, ", "))
}

// choicesOf returns the words that a flag made by oneOf accepts, or nil. It tries one.
func choicesOf(value cli.Generic) []string {
	if choices, ok := errors.AsType[*choiceError](value.Set("no such word")); ok {
		return choices.words
	}
	return nil
}

// wordOr returns a parser that accepts one word, which means the zero value, and
// leaves other texts to read.
func wordOr[T any](word string, read func(string) (T, error)) func(string) (T, error) {
	return func(s string) (value T, err error) {
		if s == word {
			return value, nil
		}
		return read(s)
	}
}

// urls returns a parser that accepts a URL with one of the schemes, or @FILE with
// one URL per line.
func urls(schemes ...string) func(string) ([]string, error) {
	return func(s string) ([]string, error) {
		var list []string
		return list, eachLine(s, func(s string) (err error) {
			list, err = appendURL(list, s, schemes)
			return err
		})
	}
}

// tiers parses a tier, with commas between its tracker URLs, or @FILE with one
// tier per line.
func tiers(s string) ([][]string, error) {
	var list [][]string
	return list, eachLine(s, func(s string) (err error) {
		var tier []string
		for u := range strings.SplitSeq(s, ",") {
			if tier, err = appendURL(tier, u, metainfo.TrackerSchemes); err != nil {
				return err
			}
		}
		list = append(list, tier)
		return nil
	})
}

func appendURL(list []string, s string, schemes []string) ([]string, error) {
	s = strings.TrimSpace(s)
	if err := metainfo.CheckURL(s, schemes...); err != nil {
		return list, fmt.Errorf("the URL %q %w", metainfo.MaskURL(s), err)
	}
	return append(list, s), nil
}

// eachLine calls f with s or, if s is @FILE, with each line of the file that is
// neither blank nor a comment.
func eachLine(s string, f func(string) error) error {
	name, ok := strings.CutPrefix(s, "@")
	if !ok {
		return f(s)
	}
	b, err := readValues(name)
	if err != nil {
		return err
	}
	n, found := 0, false
	for line := range strings.Lines(string(b)) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		found = true
		if err := f(line); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, n, err)
		}
	}
	if !found {
		return fmt.Errorf("%s: it is empty", name)
	}
	return nil
}

// secret returns a text, or the content of the file if it is @FILE, so that a
// secret need not be on the command line.
func secret(s string) (string, error) {
	name, ok := strings.CutPrefix(s, "@")
	if !ok {
		return s, nil
	}
	b, err := readValues(name)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// maxValuesSize is the maximum size of a file named by @FILE.
const maxValuesSize = 1 << 20

// readValues reads a file named by @FILE.
func readValues(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, readError(name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxValuesSize+1))
	switch {
	case err != nil:
		return nil, readError(name, err)
	case len(b) > maxValuesSize:
		return nil, failf(exitRead, "%s: it is larger than %s", name, term.Size(maxValuesSize))
	case isUTF16(b):
		return nil, withHint(failf(exitUsage, "%s: it is in UTF-16", name), utf16Hint)
	case bytes.IndexByte(b, 0) >= 0:
		return nil, fmt.Errorf("%s: it is not a text file: it contains zero bytes", name)
	}
	return bytes.TrimPrefix(b, []byte("\ufeff")), nil
}

// commonOptions holds the flags of every command, and flags that have the same
// meaning in several commands.
type commonOptions struct {
	quiet, verbose bool
	color          option[term.ColorMode]
	json, jsonl    bool
	reveal         bool
	maxSize        option[int64] // maximum size of an input
}

// flags declares the flags of every command. They may be before the command too.
func (o *commonOptions) flags() []cli.Flag {
	return []cli.Flag{
		switchFlag(&o.quiet, "quiet", "print the result only", "q"),
		switchFlag(&o.verbose, "verbose", "explain choices", "v"),
		valueFlag(&o.color, oneOf(
			choice[term.ColorMode]{"auto", term.ColorAuto},
			choice[term.ColorMode]{"always", term.ColorAlways},
			choice[term.ColorMode]{"never", term.ColorNever},
		), "color", "colour the output: `WHEN` is auto, always or never"),
		helpFlag(),
	}
}

func (o *commonOptions) jsonFlag(usage string) cli.Flag { return switchFlag(&o.json, "json", usage) }

// jsonFlags declares the flags of every command that prints a result.
func (o *commonOptions) jsonFlags() []cli.Flag {
	return []cli.Flag{
		o.jsonFlag("print the result as one JSON document"),
		switchFlag(&o.jsonl, "jsonl", "print the result as JSON, one item per line"),
	}
}

func (o *commonOptions) revealFlag(usage string) cli.Flag {
	return switchFlag(&o.reveal, "reveal", usage)
}

// maxSizeFlag declares --max-size, for commands that read torrents. inputs names what
// the command reads, such as "torrent or list".
func (o *commonOptions) maxSizeFlag(inputs string) cli.Flag {
	read := func(s string) (int64, error) {
		n, err := parseSize(s)
		if err == nil && (n == 0 || n > metainfo.MaxSize) {
			err = fmt.Errorf("want 1 byte to %s", term.Size(metainfo.MaxSize))
		}
		return n, err
	}
	return valueFlag(&o.maxSize, read, "max-size", "read no "+inputs+" larger than `SIZE` (default: "+
		term.Size(metainfo.DefaultMaxSize)+")")
}
