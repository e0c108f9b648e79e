// Package rewrite edits torrents. All bytes that an edit does not concern are kept,
// including unknown keys, unusual integers and trailing bytes.
//
// [Apply] takes the bytes of a .torrent file and an [Edit], and returns the new bytes
// and a list of changes. It does not write files:
//
//	result, err := rewrite.Apply(file, &rewrite.Edit{
//		Trackers: rewrite.TrackerEdit{Set: true, Tiers: [][]string{{"https://t.example/announce"}}},
//		Keys:     []rewrite.KeyEdit{{Key: "comment"}}, // remove it
//	})
//
// The info-hash does not change, so clients and trackers treat the result as the same
// torrent. An edit that would change it, such as one with Edit.Info, fails with
// [ErrInfo] unless Edit.NewInfoHash is set.
//
// Apply also edits .fastresume files, in which qBittorrent keeps the trackers of each
// torrent. [Edit.Magnet] edits a magnet link.
package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// A Magnet is a parsed magnet link, as returned by inspect.ParseMagnet. Its String
// method writes the link.
type Magnet = metainfo.Magnet

// A Node is an entry point to the DHT (BEP 5).
type Node = metainfo.Node

// A NotTorrentError is returned by [Apply] for bytes that are not a torrent. Form is
// the format that they appear to have instead.
type NotTorrentError = metainfo.NotTorrentError

// An Edit is a list of changes. The zero Edit changes nothing. The fields are applied in
// order.
type Edit struct {
	// Whole, if not nil, is a torrent that replaces the whole file. [FromJSON] makes one.
	Whole []byte

	Rules []Rule // applied in order

	Trackers TrackerEdit

	NoWebSeeds, NoHTTPSeeds, NoNodes bool     // remove all
	WebSeeds, HTTPSeeds              []string // add those that are missing (BEP 19, BEP 17)
	Nodes                            []Node   // add those that are missing (BEP 5)

	Keys []KeyEdit // keys of the torrent itself, such as "comment"; see [CheckKey]

	Info    []KeyEdit // keys of the info dict, such as "private"
	Entropy bool      // add random bytes to the info dict, which give a new info-hash

	NewInfoHash bool // allow changes of the info-hash
}

// A KeyEdit sets or removes a key of a dict.
type KeyEdit struct {
	Key   string
	Value Value // made by [Integer], [Text], [Bytes] or [Texts]; nil removes the key
}

// Integer returns a bencoded integer.
func Integer(n int64) Value {
	var e bencode.Encoder
	e.Int(n)
	return e.Bytes()
}

// Text returns a bencoded string.
func Text(s string) Value { return Bytes([]byte(s)) }

// Bytes returns a bencoded string of any bytes.
func Bytes(b []byte) Value {
	var e bencode.Encoder
	e.Blob(b)
	return e.Bytes()
}

// A Result is an edited file.
type Result struct {
	Bytes    []byte   // the new content of the file
	Changed  bool     // whether Bytes differs from the old content
	Old, New *Hashes  // nil for a .fastresume file, or if the info dict is invalid
	Changes  []Change // in the order of the new file, removed keys last
	Warnings []Warning
	Unedited Unedited // trackers that the edit could not change
}

// Hashes are the info-hashes of a torrent.
type Hashes struct{ v1, v2 string }

// HexV1 returns the v1 info-hash in lower-case hex, or "" if there is none.
func (h *Hashes) HexV1() string { return h.v1 }

// HexV2 returns the v2 info-hash in lower-case hex, or "" if there is none.
func (h *Hashes) HexV2() string { return h.v2 }

func hashesOf(t *metainfo.Torrent) *Hashes { return &Hashes{t.HexV1(), t.HexV2()} }

// A Warning is about a possibly unwanted effect of an edit. Code is one of "no-tracker"
// (no tracker is left), "announce-dropped" (the value of announce was not in
// announce-list and was removed), "not-canonical" (the edited info dict is not
// canonical bencode) and "session-file" (a part of the edit does not apply to
// .fastresume files).
type Warning struct{ Code, Message string }

func (r *Result) warn(code, format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

// ErrInfo is wrapped by the error of an edit that would change the info-hash, which
// Edit.NewInfoHash does not allow.
var ErrInfo = errors.New("it would be another torrent, with another info-hash")

// A WholeError reports that [Edit.Whole] is not a torrent or is unusable.
type WholeError struct{ reason error } // no Unwrap: a NotTorrentError is about the file to edit

func (e *WholeError) Error() string { return e.reason.Error() }

// Apply applies an edit to the content of a torrent, or of a .fastresume file of
// qBittorrent. It does not modify file, but the result may share its memory.
//
// The error is a *[NotTorrentError], wraps [ErrInfo], is a *[WholeError], or describes
// the part of the edit that can't be applied.
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
		if err == nil { // an invalid info dict is kept unchanged
			ed.setOriginal(t)
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

// isFastResume reports whether a document is a resume file of libtorrent, which
// qBittorrent keeps beside each torrent.
func isFastResume(doc *bencode.Document) bool {
	return doc.Root().Get("file-format").Text() == "libtorrent resume file"
}

// FromJSON converts lossless JSON, as the WriteJSON method of an inspect.Torrent writes
// it, to a torrent. It checks only that there is an info dict.
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
		return nil, errors.New("the JSON is not a torrent: it has no info dict")
	}
	return b, nil
}

// finish builds the result, lists its changes, and checks that it is a usable torrent
// with an allowed info-hash.
func (ed *editing) finish(old, doc *bencode.Document, e *Edit) error {
	was, err := splitDict(old.Root())
	if err != nil {
		return err
	}
	ed.Changes = metainfo.CompareDicts(was.entries, ed.root.entries, old.Trailing(), doc.Trailing())
	sameInfo := bytes.Equal(was.values("info"), ed.root.values("info"))
	if !sameInfo && !e.NewInfoHash && ed.Old == nil {
		return fmt.Errorf("the edit changes the info dict: %w", ErrInfo)
	}
	if err := ed.build(old, doc.Trailing()); err != nil {
		return err
	}
	switch {
	case ed.Old == nil:
		return nil
	case sameInfo && e.Whole == nil: // no other edit makes a torrent unusable
		ed.New = ed.Old
		return nil
	}
	return ed.checkResult(e)
}

// collectFrom is the size of a torrent, in bytes, from which build runs the garbage
// collector before it builds the result. Otherwise the parsed torrent would still be in
// memory along with the result.
const collectFrom = 8 << 20

// build encodes the result, and then drops the dict to free its memory.
func (ed *editing) build(old *bencode.Document, trailing []byte) error {
	if err := ed.root.checkNew(); err != nil {
		return fmt.Errorf("the edit makes it unreadable: %w", err)
	}
	if len(old.Bytes()) > collectFrom {
		runtime.GC()
	}
	ed.Bytes = append(ed.root.append(make([]byte, 0, ed.root.size()+len(trailing))), trailing...)
	ed.Changed = !bytes.Equal(old.Bytes(), ed.Bytes)
	ed.root = nil
	return nil
}

// checkResult checks that the result is a usable torrent with an allowed info-hash.
func (ed *editing) checkResult(e *Edit) error {
	now, err := metainfo.Parse(ed.Bytes)
	if err != nil {
		return e.unusable("the edit makes it unreadable: ", err)
	}
	ed.New = hashesOf(now)
	if *ed.Old != *ed.New && !e.NewInfoHash {
		return fmt.Errorf("the edit changes the info dict: %w", ErrInfo)
	}
	if err := ed.noWorse(now); err != nil {
		return e.unusable("the edit ", err)
	}
	return nil
}

// unusable returns the error for a result that is not a usable torrent. It does not wrap
// err, because a NotTorrentError is about the file to edit.
func (e *Edit) unusable(what string, err error) error {
	if e.Whole != nil {
		return &WholeError{err}
	}
	return errors.New(what + err.Error())
}

// noWorse returns an error if the edit makes the torrent unusable.
func (ed *editing) noWorse(now *metainfo.Torrent) error {
	if ed.oldSingle != now.Single {
		return errors.New("would make a directory of a single file, or the reverse")
	}
	for _, f := range now.Findings {
		if f.Severity == metainfo.SeverityError && !ed.oldCodes[f.Code] {
			return fmt.Errorf("would make it unusable: %s", f.Message)
		}
	}
	return nil
}
