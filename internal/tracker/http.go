package tracker

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"bt/internal/bencode"
)

// An answer over HTTP is a bencoded dict (BEP 3, 7, 23, 24, 31, 48).
//
//	d8:completei1e10:incompletei2e8:intervali1800e5:peers12:............e
//	d5:filesd20:....................d8:completei1e10:downloadedi7e10:incompletei2eeee
//	d14:failure reason12:unregistered8:retry in5:nevere

// AppendHTTP appends the answer to an announce. If ids is set, each peer is a dict with
// its id (BEP 3), else peers are compact (BEP 7, 23).
func (r *AnnounceResponse) AppendHTTP(b []byte, ids bool) []byte {
	var e bencode.Encoder
	e.Dict()
	appendCounted(&e, "complete", r.Counts.Seeders)
	appendCounted(&e, "downloaded", r.Counts.Completed)
	if r.ExternalIP.IsValid() {
		e.Key("external ip")
		e.Blob(r.ExternalIP.Unmap().AsSlice())
	}
	appendCounted(&e, "incomplete", r.Counts.Leechers)
	appendInterval(&e, "interval", r.Interval)
	appendInterval(&e, "min interval", r.MinInterval)
	e.Key("peers")
	if ids {
		appendDicts(&e, r.Peers)
	} else {
		e.Blob(appendCompact(nil, r.Peers, false))
		appendText(&e, "peers6", string(appendCompact(nil, r.Peers, true)))
	}
	appendText(&e, "tracker id", r.TrackerID)
	appendText(&e, "warning message", r.Warning)
	e.End()
	return append(b, e.Bytes()...)
}

func appendCounted(e *bencode.Encoder, key string, n int64) {
	if n != Unknown {
		e.Key(key)
		e.Int(n)
	}
}

func appendInterval(e *bencode.Encoder, key string, d time.Duration) {
	if d > 0 {
		e.Key(key)
		e.Int(int64(d / time.Second))
	}
}

func appendText(e *bencode.Encoder, key, s string) {
	if s != "" {
		e.Key(key)
		e.String(s)
	}
}

// AppendHTTP appends the answer to a scrape, without duplicate info-hashes.
func (r *ScrapeResponse) AppendHTTP(b []byte) []byte {
	files := slices.Clone(r.Files)
	slices.SortStableFunc(files, func(a, b File) int { return bytes.Compare(a.InfoHash[:], b.InfoHash[:]) })
	files = slices.CompactFunc(files, func(a, b File) bool { return a.InfoHash == b.InfoHash })
	var e bencode.Encoder
	e.Dict()
	e.Key("files")
	e.Dict()
	for _, f := range files {
		e.Key(string(f.InfoHash[:]))
		e.Dict()
		appendCounted(&e, "complete", f.Counts.Seeders)
		appendCounted(&e, "downloaded", f.Counts.Completed)
		appendCounted(&e, "incomplete", f.Counts.Leechers)
		e.End()
	}
	e.End()
	if r.MinInterval > 0 {
		e.Key("flags")
		e.Dict()
		appendInterval(&e, "min_request_interval", r.MinInterval)
		e.End()
	}
	e.End()
	return append(b, e.Bytes()...)
}

// AppendHTTP appends the answer to any request that the tracker refuses.
func (f *Failure) AppendHTTP(b []byte) []byte {
	var e bencode.Encoder
	e.Dict()
	e.Key("failure reason")
	e.String(f.Reason)
	switch {
	case f.RetryIn == Never:
		e.Key("retry in")
		e.String("never")
	case f.RetryIn > 0:
		e.Key("retry in")
		e.Int(int64((f.RetryIn-1)/time.Minute) + 1) // rounded up
	}
	e.End()
	return append(b, e.Bytes()...)
}

// ParseHTTPAnnounce parses the answer to an announce. An error that the tracker reports
// is a *Failure.
func ParseHTTPAnnounce(body []byte) (*AnnounceResponse, error) {
	d, err := parseAnswer(body)
	if err != nil {
		return nil, err
	}
	r := &AnnounceResponse{
		Interval:    interval(d.Get("interval")),
		MinInterval: interval(d.Get("min interval")),
		Warning:     text(d.Get("warning message")),
		TrackerID:   text(d.Get("tracker id")),
	}
	r.Counts, _ = parseCounts(d) // ignore invalid counts
	if ip := d.Get("external ip").Bytes(); len(ip) == 4 || len(ip) == 16 {
		addr, _ := netip.AddrFromSlice(ip)
		r.ExternalIP = addr.Unmap()
	}
	peers, peers6 := d.Get("peers"), d.Get("peers6")
	if !peers.Exists() && !peers6.Exists() && !d.Get("interval").Exists() && !r.Counts.Known() {
		return nil, errorf("the answer has neither peers nor numbers")
	}
	four, err := parsePeers(peers, false)
	if err != nil {
		return nil, err
	}
	six, err := parsePeers(peers6, true)
	if err != nil {
		return nil, err
	}
	r.Peers = append(four, six...)
	return r, nil
}

// ParseHTTPScrape parses the answer to a scrape. An error that the tracker reports is a
// *Failure. It accepts info-hashes in hex, which some trackers send.
func ParseHTTPScrape(body []byte) (*ScrapeResponse, error) {
	d, err := parseAnswer(body)
	if err != nil {
		return nil, err
	}
	files := d.Get("files")
	switch {
	case files.Kind() == bencode.KindList && files.Len() == 0: // PHP encodes an empty dict as a list
	case files.Kind() != bencode.KindDict:
		return nil, errorf("the answer has no files")
	}
	r := &ScrapeResponse{MinInterval: interval(d.Get("flags").Get("min_request_interval"))}
	for k, v := range files.Entries() {
		f := File{}
		if f.InfoHash, err = bytesOf(k.Text()); err != nil {
			return nil, err
		}
		if v.Kind() != bencode.KindDict {
			return nil, errorf("the numbers of a torrent are %s", v.Kind())
		}
		if f.Counts, err = parseCounts(v); err != nil {
			return nil, err
		}
		r.Files = append(r.Files, f)
	}
	return r, nil
}

// bytesOf returns 20 bytes. It also accepts hex, and UTF-8 with one character per byte
// (npm's bittorrent-tracker).
func bytesOf(key string) (h [20]byte, err error) {
	if len(key) == 20 {
		return [20]byte([]byte(key)), nil
	}
	if b, err := hex.DecodeString(key); err == nil && len(b) == 20 {
		return [20]byte(b), nil
	}
	if b, err := narrow(key); err == nil && len(b) == 20 {
		return [20]byte([]byte(b)), nil
	}
	return h, errorf("%d bytes where an info-hash should be", len(key))
}

// parseAnswer parses the dict of an answer. It skips white space and a byte order mark
// at the start, which some scripts print by mistake.
func parseAnswer(body []byte) (bencode.Value, error) {
	body = bytes.TrimLeft(body, " \t\r\n\ufeff")
	if len(body) == 0 {
		return bencode.Value{}, errorf("the answer is empty")
	}
	doc, err := bencode.Parse(body)
	if err != nil {
		return bencode.Value{}, errorf("%v", err)
	}
	d := doc.Root()
	if d.Kind() != bencode.KindDict {
		return d, errorf("the answer is %s, not a dict", d.Kind())
	}
	for _, key := range []string{"failure reason", "failure_reason"} {
		if reason := d.Get(key); reason.Exists() {
			f := &Failure{Reason: text(reason), RetryIn: retryIn(d.Get("retry in"))}
			if f.RetryIn == 0 {
				f.RetryIn = max(interval(d.Get("interval")), interval(d.Get("min interval")))
			}
			return d, f
		}
	}
	return d, nil
}

// retryIn parses a number of minutes, or "never" (BEP 31).
func retryIn(v bencode.Value) time.Duration {
	if v.Text() == "never" {
		return Never
	}
	n, _ := number(v)
	return seconds(60 * min(max(n, 0), 1<<32))
}

// parseCounts parses the counts of a swarm. An empty string, which PHP writes for null,
// is Unknown. With an error it returns the counts that are valid.
func parseCounts(d bencode.Value) (c Counts, err error) {
	c = unknownCounts
	for _, n := range []struct {
		key string
		to  *int64
	}{{"complete", &c.Seeders}, {"incomplete", &c.Leechers}, {"downloaded", &c.Completed}} {
		v := d.Get(n.key)
		if !v.Exists() || string(v.Raw()) == "0:" {
			continue
		}
		value, ok := number(v)
		if !ok || value < 0 {
			err = errorf("%s is %s", n.key, quoted(v))
			continue
		}
		*n.to = value
	}
	return c, err
}

func interval(v bencode.Value) time.Duration {
	n, _ := number(v)
	return seconds(n)
}

// number parses an integer, or a string with an integer, as some trackers send. If it
// overflows 64 bits, number returns the nearest int64 and false.
func number(v bencode.Value) (int64, bool) {
	digits := v.Bytes()
	if v.Kind() == bencode.KindInteger {
		digits = v.Raw()[1 : len(v.Raw())-1]
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
}

// text returns a string of any bytes.
func text(v bencode.Value) string { return string(v.Bytes()) }

// quoted formats a value for an error.
func quoted(v bencode.Value) string {
	raw := v.Raw()
	if len(raw) > 24 {
		return v.Kind().String()
	}
	return strconv.Quote(string(raw))
}
