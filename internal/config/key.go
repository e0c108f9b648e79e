package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// A Key is a key of presets, of a tracker's defaults and of jobs: the name of a flag.
type Key struct {
	Name       string
	Form       Form
	Words      []string // that are accepted: all that a FormWord is, or besides a FormSize
	List       bool     // the value may be a list, and +NAME adds to one
	Usage      string   // a description
	NotTracker bool     // not for the defaults of a tracker
}

// A Form is the syntax of the value of a Key, or of each item of its list.
type Form uint8

// The forms.
const (
	FormText   Form = iota
	FormSwitch      // true or false
	FormWord        // one of Key.Words
	FormNumber      // a whole number, also as a text
	FormSize        // a number of bytes, or a text such as 256K
	FormTime        // a time, a date, or a number of seconds
)

// The texts of numbers and sizes. The schema has the same patterns.
const (
	numberPattern = `^[0-9]+$`
	sizePattern   = `^(2\^[0-9]+|[0-9]+(\.[0-9]+)?([bB]|[kKmMgGtT]([iI]?[bB]|[iI])?)?)$`
	envPattern    = `\$\{env:[^}]*\}`
	envName       = `^[A-Za-z_][A-Za-z0-9_]*$`
	hostPattern   = `^[^/@:*?\s]+$`
)

var (
	numberText = regexp.MustCompile(numberPattern)
	sizeText   = regexp.MustCompile(sizePattern)
	envText    = regexp.MustCompile(envPattern)
	envNames   = regexp.MustCompile(envName)
	hostText   = regexp.MustCompile(hostPattern)
)

// texts returns the texts of a value in a file.
func (k *Key) texts(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	} else if !k.List {
		return nil, fmt.Errorf("want %s, not a list", k.want())
	}
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, ok := k.text(item)
		if !ok {
			return nil, errors.New("want " + k.want())
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// text returns the text of one value, and reports whether it has the form of k.
func (k *Key) text(value any) (string, bool) {
	text, isText := value.(string)
	if isText && k.Form != FormSwitch && (envText.MatchString(text) || slices.Contains(k.Words, text)) {
		return text, true
	}
	switch k.Form {
	case FormSwitch:
		on, ok := value.(bool)
		return strconv.FormatBool(on), ok
	case FormText:
		return text, isText
	case FormWord:
		return "", false
	}
	if number, ok := wholeNumber(value); ok {
		return number, true
	}
	switch k.Form {
	case FormNumber:
		return text, isText && numberText.MatchString(text)
	case FormSize:
		return text, isText && sizeText.MatchString(text)
	}
	if time, ok := timeText(value); ok {
		return time, true
	}
	return text, isText
}

// timeText returns the text of a time that the syntax has a type for.
func timeText(value any) (string, bool) {
	switch value := value.(type) {
	case time.Time:
		return value.Format(time.RFC3339), true
	case toml.LocalDate:
		return value.String(), true
	}
	return "", false
}

// want describes the values of k, for errors.
func (k *Key) want() string {
	if k.Form == FormText && k.List {
		return "a text or a list of texts, in quotes"
	}
	want := [...]string{"a text, in quotes", "true or false", "", "a whole number", "a size such as 256K", "a time"}[k.Form]
	words := strings.Join(k.Words, ", ")
	switch {
	case k.Form == FormWord:
		want = "one of " + words
	case words != "":
		want = words + " or " + want
	}
	if k.List {
		want += ", or a list of those"
	}
	return want
}

// wholeNumber returns the digits of a number that is not negative.
func wholeNumber(value any) (string, bool) {
	switch n := value.(type) {
	case uint64:
		return strconv.FormatUint(n, 10), true
	case int64:
		return strconv.FormatInt(n, 10), n >= 0
	}
	return "", false
}

// ExpandEnv replaces each ${env:NAME} by an environment variable. It is an error if
// the variable is not set, or empty.
func ExpandEnv(text string, getenv func(string) string) (string, error) {
	var bad error
	expanded := envText.ReplaceAllStringFunc(text, func(reference string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(reference, "${env:"), "}")
		value := ""
		if !envNames.MatchString(name) {
			bad = fmt.Errorf("%s: %q is not the name of an environment variable", reference, name)
		} else if value = getenv(name); value == "" {
			bad = fmt.Errorf("the environment variable %s is not set", name)
		}
		return value
	})
	return expanded, bad
}

// hasEnv reports whether a text has an ${env:NAME}.
func hasEnv(text string) bool { return envText.MatchString(text) }
