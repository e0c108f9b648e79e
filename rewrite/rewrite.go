// Package rewrite edits a torrent and changes nothing else: every byte that an
// edit is not about stays as it was, unknown keys, unusual integers and trailing
// bytes included.
//
// [Apply] takes the bytes of a .torrent file and an [Edit], and returns the new
// bytes with a list of what changed; writing them is the caller's:
//
//	result, err := rewrite.Apply(file, &rewrite.Edit{
//		Trackers: rewrite.TrackerEdit{Set: true, Tiers: [][]string{{"https://t.example/announce"}}},
//		Keys:     []rewrite.KeyEdit{{Key: "comment"}}, // remove it
//	})
//
// The info-hash stays, so the torrent remains the same for clients and trackers.
// An edit that would change it, such as one of Edit.Info, fails with [ErrInfo]
// unless Edit.NewInfoHash allows it.
//
// Apply also edits the .fastresume files in which qBittorrent keeps the trackers
// that it uses. [Edit.Magnet] edits a magnet link.
package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// A Magnet is a parsed magnet link, as returned by inspect.ParseMagnet. Its String
// method writes the link.
type Magnet = metainfo.Magnet

// A Node is an entry point to the DHT (BEP 5).
type Node = metainfo.Node

// A NotTorrentError is the error of [Apply] for bytes that are not a torrent: why,
// and, in Form, what they seem to be instead.
type NotTorrentError = metainfo.NotTorrentError

// An Edit says what to change. The zero Edit changes nothing. The parts are done
// in the order of the fields.
type Edit struct {
	// Whole, if not nil, is a torrent that takes the place of the whole file, before
	// the other parts are done. [FromJSON] makes one.
	Whole []byte

	Rules []Rule // done one after another, each if it matches

	Trackers TrackerEdit

	NoWebSeeds, NoHTTPSeeds, NoNodes bool     // remove all
	WebSeeds, HTTPSeeds              []string // add those that are not there (BEP 19, BEP 17)
	Nodes                            []Node   // add those that are not there (BEP 5)

	Keys []KeyEdit // of the torrent itself, such as "comment"; [CheckKey] tells which can be edited

	Info    []KeyEdit // of the info dict, such as "private"
	Entropy bool      // put random bytes into the info dict, so that its info-hash is a new one

	NewInfoHash bool // allow a new info-hash; false refuses what would change it
}

// A KeyEdit sets or removes a key of a dict.
type KeyEdit struct {
	Key   string
	Value Value // nil removes the key; [Integer], [Text], [Bytes] and [Texts] make values
}

// Integer makes an integer.
func Integer(n int64) Value {
	var e bencode.Encoder
	e.Int(n)
	return e.Bytes()
}

// Text makes a string.
func Text(s string) Value { return Bytes([]byte(s)) }

// Bytes makes a string of any bytes.
func Bytes(b []byte) Value {
	var e bencode.Encoder
	e.Blob(b)
	return e.Bytes()
}

// A Result is an edited file.
type Result struct {
	Bytes    []byte   // the new content of the file
	Changed  bool     // whether it differs from the old one
	Old, New *Hashes  // nil for a .fastresume file, or if the info dict can't be read
	Changes  []Change // in the order of the new file, removed keys last
	Warnings []Warning
	Unedited Unedited // trackers that stay although the edit is about them
}

// Hashes are the info-hashes of a torrent.
type Hashes struct{ v1, v2 string }

// HexV1 returns the v1 info-hash in lower-case hex, or "" if there is none.
func (h *Hashes) HexV1() string { return h.v1 }

// HexV2 returns the v2 info-hash in lower-case hex, or "" if there is none.
func (h *Hashes) HexV2() string { return h.v2 }

func hashesOf(t *metainfo.Torrent) *Hashes { return &Hashes{t.HexV1(), t.HexV2()} }

// A Warning is about an edit that was done and may have an unwanted effect. Code
// is one of "no-tracker" (none is left), "announce-dropped" (the torrent had one
// that clients did not use) and "session-file" (a part of the edit does not apply
// to .fastresume files).
type Warning struct{ Code, Message string }

func (r *Result) warn(code, format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

// ErrInfo is wrapped by the error of an edit that would change the info-hash and
// is not allowed to.
var ErrInfo = errors.New("it would be another torrent, with another info-hash")

// A WholeError says why [Edit.Whole] can't take the place of a torrent: it is not
// a torrent, or can't be used as one.
type WholeError struct{ reason error } // not unwrapped: the file to edit is a torrent

func (e *WholeError) Error() string { return e.reason.Error() }

// Apply applies an edit to the content of a file: a torrent, or a .fastresume
// file of qBittorrent. It does not change the bytes, but the result may share
// them.
//
// The error is a *[NotTorrentError], wraps [ErrInfo], is a *[WholeError], or says
// what part of the edit can't be done.
func Apply(file []byte, e *Edit) (*Result, error) {
	old, err := bencode.Parse(file)
	if err != nil {
		return nil, metainfo.NotTorrent(file, err)
	}
	ed := editing{Result: &Result{}, session: isFastResume(old), newInfoHash: e.NewInfoHash}
	if !ed.session {
		t, err := metainfo.FromDocument(old)
		if err != nil && !old.Root().Get("info").Exists() {
			return nil, err
		}
		if err == nil { // else its info makes no sense, and is kept as it is
			ed.learn(t)
		}
	}
	doc := old
	if e.Whole != nil && ed.session {
		return nil, errors.New("a client's session file can't be made from a torrent")
	}
	if e.Whole != nil {
		if doc, err = bencode.Parse(e.Whole); err != nil {
			return nil, err
		}
	}
	if err := ed.run(doc, e); err != nil {
		return nil, err
	}
	if err := ed.finish(old, doc, e); err != nil {
		return nil, err
	}
	return ed.Result, nil
}

// isFastResume tells the session files of libtorrent, which qBittorrent keeps
// beside its torrents.
func isFastResume(doc *bencode.Document) bool {
	return doc.Root().Get("file-format").Text() == "libtorrent resume file"
}

// FromJSON returns the torrent, as bencode, of lossless JSON: what the WriteJSON
// method of an inspect.Torrent and "bt info --raw" write. It checks only that there
// is an info dict.
func FromJSON(text []byte) ([]byte, error) {
	b, err := bencode.FromJSON(text)
	if err != nil {
		return nil, err
	}
	doc, err := bencode.Parse(b)
	if err != nil {
		return nil, err
	}
	if info := doc.Root().Get("info"); info.Kind() != bencode.KindDict {
		return nil, errors.New("the JSON is no torrent: it has no info dict")
	}
	return b, nil
}

// collectFrom is the size of a torrent, in bytes, from which what was parsed of it
// is collected before the result is made: else both would be in memory at once,
// for the collector waits until it needs to.
const collectFrom = 8 << 20

// finish compares what was with what is, and holds the edit to its promises.
func (ed *editing) finish(old, doc *bencode.Document, e *Edit) error {
	was, err := splitDict(old.Root())
	if err != nil {
		return err
	}
	r := ed.Result
	r.Changes = changes(was, ed.root, old.Trailing(), doc.Trailing())
	same := func(key string) bool { return slices.Equal(was.values(key), ed.root.values(key)) }
	sameInfo := same("info")
	if !sameInfo && !e.NewInfoHash && r.Old == nil {
		return fmt.Errorf("the edit changes the info dict: %w", ErrInfo)
	}
	if err := ed.root.checkNew(); err != nil {
		return fmt.Errorf("the edit makes it unreadable: %w", err)
	}
	if len(old.Bytes()) > collectFrom {
		runtime.GC()
	}
	r.Bytes = append(ed.root.append(make([]byte, 0, ed.root.size()+len(doc.Trailing()))), doc.Trailing()...)
	r.Changed = !bytes.Equal(old.Bytes(), r.Bytes)
	ed.root = nil // it may hold an info dict of its own
	switch {
	case r.Old == nil:
		return nil
	case sameInfo && e.Whole == nil: // else other keys may be wrong now too
		r.New = r.Old
		return nil
	}
	now, err := metainfo.Parse(r.Bytes)
	if err != nil && e.Whole != nil {
		return &WholeError{err}
	} else if err != nil {
		return fmt.Errorf("the edit makes it unreadable: %v", err) // the file that was read is a torrent
	}
	r.New = hashesOf(now)
	if *r.Old != *r.New && !e.NewInfoHash {
		return fmt.Errorf("the edit changes the info dict: %w", ErrInfo)
	}
	if err := ed.noWorse(now); err != nil && e.Whole != nil {
		return &WholeError{err}
	} else if err != nil {
		return fmt.Errorf("the edit %w", err)
	}
	return nil
}

// noWorse refuses an edit that makes a torrent unusable.
func (ed *editing) noWorse(now *metainfo.Torrent) error {
	if ed.wasSingle != now.Single {
		return errors.New("would make a directory of a single file, or the reverse")
	}
	for _, f := range now.Findings {
		if f.Severity == metainfo.SeverityError && !ed.had[f.Code] {
			return fmt.Errorf("would make it unusable: %s", f.Message)
		}
	}
	return nil
}
