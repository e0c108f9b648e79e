package main

import (
	"fmt"
	"regexp"
	"runtime/debug"
)

// nextVersion is the version that a build from no tagged commit leads to.
const nextVersion = "0.1.0"

// version is what bt calls itself, in torrents, to trackers and to peers.
var version = moduleVersion(buildInfo().Main.Version)

func buildInfo() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return new(debug.BuildInfo)
}

var released = regexp.MustCompile(`^v(\d+\.\d+\.\d+)$`)

// moduleVersion is the version that the go command gave the module: from its tag,
// or as go install was asked for it. Pseudo-versions and changed trees, of no tag,
// are nextVersion.
func moduleVersion(stamp string) string {
	if m := released.FindStringSubmatch(stamp); m != nil {
		return m[1]
	}
	return nextVersion
}

// versionLine is what bt --version prints: the version and, where the build
// knows it, the commit.
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
