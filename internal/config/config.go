// Package config reads presets, tracker rules and batch files, which are YAML or
// TOML and have one JSON schema.
//
// Values are texts of flags: the caller says which flags there are, and applies the
// values. Of its own the package knows the limits of trackers.
package config
