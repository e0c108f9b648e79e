// Package rewrite changes a torrent and nothing else: every byte that an edit
// is not about stays as it was, unknown keys, odd integers and trailing bytes
// included.
//
// [Apply] splices: it cuts the outer dict into its entries, replaces those that
// the edit touches, and puts the rest together again as it stood. The info dict
// is one such entry. Only where an edit inside it was asked for and allowed is
// it cut in the same way. Before anybody gets the result its info is compared
// with the old one, byte for byte; what is new of it is parsed again.
//
// Besides torrents it edits the session files of qBittorrent (.fastresume),
// which hold the trackers that the client really uses, and magnet links.
// Writing files is the caller's.
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

// Types of the packages below that callers need.
type (
	Torrent = metainfo.Torrent
	Magnet  = metainfo.Magnet
	Node    = metainfo.Node

	// A NotTorrentError says that a file is none of those that can be edited.
	NotTorrentError = metainfo.NotTorrentError
)

// An Edit says what to change. The zero Edit changes nothing. Its parts are
// done in the order of the fields.
type Edit struct {
	Whole []byte // if not nil, the whole torrent, as bencode; see FromJSON

	Rules []Rule // those that match, one after another

	Trackers TrackerEdit

	NoWebSeeds, NoHTTPSeeds, NoNodes bool     // remove all
	WebSeeds, HTTPSeeds              []string // add those that are not there
	Nodes                            []Node

	Keys []KeyEdit // of the outer dict

	Info    []KeyEdit // of the info dict
	Entropy bool      // put random bytes into it, others for each torrent

	NewInfoHash bool // allow what makes it another torrent
}

// A KeyEdit sets a key of a dict, or removes it.
type KeyEdit struct {
	Key   string
	Value []byte // bencode; nil removes the key
}

// Integer, Text and Bytes make the values of a KeyEdit.
func Integer(n int64) []byte {
	var e bencode.Encoder
	e.Int(n)
	return e.Bytes()
}

// Text makes a string.
func Text(s string) []byte { return Bytes([]byte(s)) }

// Bytes makes a string of any bytes.
func Bytes(b []byte) []byte {
	var e bencode.Encoder
	e.Blob(b)
	return e.Bytes()
}

// A Result is what became of a file.
type Result struct {
	Bytes    []byte   // what the file should hold
	Changed  bool     // whether that differs from what it held
	Old, New *Hashes  // nil for a session file, and where info makes no sense
	Changes  []Change // by key, in file order
	Warnings []Warning
	Unedited Unedited // trackers that stay although the edit is about them
}

// Hashes are the info-hashes of a torrent.
type Hashes struct{ v1, v2 string }

// HexV1 is the v1 info-hash in hex; "" if it has none.
func (h *Hashes) HexV1() string { return h.v1 }

// HexV2 is the v2 info-hash in hex; "" if it has none.
func (h *Hashes) HexV2() string { return h.v2 }

func hashesOf(t *Torrent) *Hashes { return &Hashes{t.HexV1(), t.HexV2()} }

// A Warning is about an edit that was done, but that its user may regret.
type Warning struct{ Code, Message string }

func (r *Result) warn(code, format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

// ErrInfo is inside the error of an edit of the info dict that was not allowed.
var ErrInfo = errors.New("it would be another torrent, with another info-hash")

// A WholeError says why [Edit.Whole] can't take the place of a torrent: it is none,
// or can't be used as one. It wraps nothing: the file that was to be edited is a
// torrent.
type WholeError struct{ reason error }

func (e *WholeError) Error() string { return e.reason.Error() }

// Apply returns what a file becomes by an edit. The bytes are not changed, and
// may be shared with the result. An error is a *NotTorrentError, wraps ErrInfo or
// a *WholeError, or says what part of the edit can't be done.
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

// FromJSON returns the bencode of a torrent that is given as lossless JSON (bt
// info --raw). It has an info dict, whatever is in that.
func FromJSON(text []byte) ([]byte, error) {
	b, err := bencode.FromJSON(text)
	if err != nil {
		return nil, err
	}
	doc, err := bencode.Parse(b)
	if err != nil {
		return nil, err
	}
	if info := doc.Root().Get("info"); info.Kind() != bencode.Dict {
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
func (ed *editing) noWorse(now *Torrent) error {
	if ed.wasSingle != now.Single {
		return errors.New("would make a directory of a single file, or the reverse")
	}
	for _, f := range now.Findings {
		if f.Severity == metainfo.Error && !ed.had[f.Code] {
			return fmt.Errorf("would make it unusable: %s", f.Message)
		}
	}
	return nil
}
