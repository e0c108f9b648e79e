package maketorrent

import "bt/internal/known"

// A Cache remembers the hashes of files in a directory, so that those that have not
// changed since are not read again. Everything in the directory may be deleted at any
// time. The nil *Cache is always empty. A Cache must not be used concurrently. Its method
// Close writes what Make has added, and returns the first write error.
type Cache = known.Cache

// NewCache returns the cache in a directory, which is made when something is stored.
func NewCache(dir string) *Cache { return known.NewCache(dir) }
