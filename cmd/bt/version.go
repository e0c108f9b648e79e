package main

import (
	"fmt"
	"runtime/debug"
)

const version = "0.1.0"

// versionLine is what bt --version prints: the version and, where the build
// knows it, the commit.
func versionLine() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return fmt.Sprintf("bt %s%s\n", version, revision(info.Settings))
	}
	return fmt.Sprintf("bt %s\n", version)
}

func revision(settings []debug.BuildSetting) string {
	var commit, modified string
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = ", modified"
		}
	}
	if commit == "" {
		return ""
	}
	return " (" + commit + modified + ")"
}
