// Package inspect says what a torrent or magnet link holds, and whether data on
// disk is what a torrent promises.
package inspect
