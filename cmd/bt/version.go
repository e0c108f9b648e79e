package main

import (
	"fmt"
	"regexp"
	"runtime/debug"
)

// nextVersion is the version of a build whose commit has no version tag.
const nextVersion = "0.2.0"

// version is the version of bt in torrents, and for trackers and peers.
var version = moduleVersion(buildInfo().Main.Version)

func buildInfo() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return new(debug.BuildInfo)
}

var released = regexp.MustCompile(`^v(\d+\.\d+\.\d+)$`)

// moduleVersion returns the version of the module as the go command has stamped
// it: that of the tag, or of go install. For pseudo-versions and modified trees
// it returns nextVersion.
func moduleVersion(stamp string) string {
	if m := released.FindStringSubmatch(stamp); m != nil {
		return m[1]
	}
	return nextVersion
}

// versionLine returns the output of bt --version: the version and, if known, the
// commit.
func versionLine() string {
	return fmt.Sprintf("bt %s%s\n", version, revision(buildInfo().Settings))
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
