package statuspage

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"bt/internal/metainfo"
	"bt/seed"
)

// statusDocument is /status.json. What is not there or not known is absent; times
// are RFC 3339 in UTC; sizes are bytes and rates bytes a second.
//
// Without a query it has all torrents in the seed's order. These choose:
//
//	q        words that the name has, or the beginning of an info-hash
//	state    of this state; may be repeated
//	trouble  1: only those that something is wrong with
//	sort     name, state, size, uploaded, ratio, rate, peers or tracker; -name: descending
//	offset, limit
//	history  1: with the rates of the last minutes
type statusDocument struct {
	Version  string             `json:"version,omitempty"`
	Time     time.Time          `json:"time"`
	Since    time.Time          `json:"since"`    // when the seed began
	Revealed bool               `json:"revealed"` // passkeys and addresses are not masked
	Uploaded int64              `json:"uploaded"` // in this run
	Rate     int64              `json:"rate"`
	Peers    int                `json:"peers"`
	Size     int64              `json:"size"`    // of all torrents
	Total    int                `json:"total"`   // torrents
	States   map[seed.State]int `json:"states"`  // torrents by state, each state
	Trouble  int                `json:"trouble"` // torrents that something is wrong with
	Matches  int                `json:"matches"` // torrents that were asked for
	Offset   int                `json:"offset"`  // of the first in torrents, among those
	Torrents []torrentRow       `json:"torrents"`
	History  []historyRecord    `json:"history,omitempty"`
}

type historyRecord struct {
	Time time.Time `json:"time"`
	Rate int64     `json:"rate"`
}

type torrentRow struct {
	Name       string          `json:"name"`
	NameBytes  string          `json:"name_bytes,omitempty"` // hex, if it is no UTF-8
	InfoHashV1 string          `json:"info_hash_v1,omitempty"`
	InfoHashV2 string          `json:"info_hash_v2,omitempty"`
	Size       int64           `json:"size"`
	State      seed.State      `json:"state"`
	Message    string          `json:"message,omitempty"`
	Checked    *int64          `json:"checked,omitempty"` // while checking: bytes of to_check
	ToCheck    *int64          `json:"to_check,omitempty"`
	Left       int64           `json:"left"`     // bytes that are not there
	Uploaded   int64           `json:"uploaded"` // in this run and, as far as is known, before
	Ratio      *float64        `json:"ratio,omitempty"`
	Rate       int64           `json:"rate"`
	Peers      int             `json:"peers"`
	Trouble    bool            `json:"trouble"`
	Tracker    *trackerDetails `json:"tracker,omitempty"` // the one that there is most to say of
}

// torrentDocument is /torrent.json.
type torrentDocument struct {
	Time time.Time `json:"time"`
	torrentRow
	Trackers []trackerDetails `json:"trackers"`  // one a tier
	PeerList []peerDetails    `json:"peer_list"` // the fastest first
}

type trackerDetails struct {
	URL      string     `json:"url"`
	Message  string     `json:"message,omitempty"`
	Failed   bool       `json:"failed"`
	Seeders  *int64     `json:"seeders,omitempty"`
	Leechers *int64     `json:"leechers,omitempty"`
	Next     *time.Time `json:"next,omitempty"` // announce
}

type peerDetails struct {
	Addr     string  `json:"addr"` // with the port; masked: without
	Client   string  `json:"client,omitempty"`
	Uploaded int64   `json:"uploaded"`
	Rate     int64   `json:"rate"`
	Progress float64 `json:"progress"` // 0 to 1
	Choked   bool    `json:"choked"`
}

var pageStates = []seed.State{seed.StateQueued, seed.StateChecking, seed.StateSeeding, seed.StateSuperSeeding, seed.StateWaiting, seed.StateDone, seed.StateError}

func (p *Page) serveStatus(w http.ResponseWriter, r *http.Request) {
	query, err := parsePageQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := p.Status()
	p.Sample(s.Time, s.Uploaded, s.Rate)
	doc := &statusDocument{
		Version: p.Version, Time: s.Time.UTC(), Since: s.Since.UTC(), Revealed: p.Reveal,
		Uploaded: s.Uploaded, Rate: s.Rate, Peers: s.Peers, Total: len(s.Torrents),
		States: countStates(&s), Torrents: []torrentRow{},
	}
	for i := range s.Torrents {
		doc.Size += s.Torrents[i].Size
		if troubled(&s.Torrents[i]) {
			doc.Trouble++
		}
	}
	matches := query.choose(s.Torrents)
	doc.Matches = len(matches)
	doc.Offset = min(query.offset, len(matches))
	matches = matches[doc.Offset:]
	for _, t := range matches[:min(query.limit, len(matches))] {
		doc.Torrents = append(doc.Torrents, p.row(t))
	}
	if query.history {
		doc.History = p.records()
	}
	writeJSON(w, doc)
}

func (p *Page) records() []historyRecord {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []historyRecord
	for _, h := range p.history {
		list = append(list, historyRecord{h.time.UTC(), h.rate})
	}
	return list
}

func (p *Page) serveTorrent(w http.ResponseWriter, r *http.Request) {
	hash := strings.ToLower(r.URL.Query().Get("info_hash"))
	if hash == "" {
		http.Error(w, "Which torrent? Ask for /torrent.json?info_hash=, in hex.", http.StatusBadRequest)
		return
	}
	s := p.Status()
	i := slices.IndexFunc(s.Torrents, func(t seed.TorrentStatus) bool { return t.InfoHashV1 == hash || t.InfoHashV2 == hash })
	if i < 0 {
		http.Error(w, "No torrent of this info-hash is seeded here.", http.StatusNotFound)
		return
	}
	t := &s.Torrents[i]
	doc := &torrentDocument{Time: s.Time.UTC(), torrentRow: p.row(t), Trackers: []trackerDetails{}, PeerList: []peerDetails{}}
	for i := range t.Trackers {
		doc.Trackers = append(doc.Trackers, p.tracker(t, &t.Trackers[i]))
	}
	for _, peer := range t.Peers {
		doc.PeerList = append(doc.PeerList, peerDetails{
			p.addr(peer.Addr), peer.Client, peer.Uploaded, peer.Rate, round(peer.Progress), peer.Choked,
		})
	}
	slices.SortStableFunc(doc.PeerList, func(a, b peerDetails) int {
		return cmp.Or(cmp.Compare(b.Rate, a.Rate), cmp.Compare(b.Uploaded, a.Uploaded))
	})
	writeJSON(w, doc)
}

func (p *Page) row(t *seed.TorrentStatus) torrentRow {
	r := torrentRow{
		Name: t.Name, InfoHashV1: t.InfoHashV1, InfoHashV2: t.InfoHashV2, Size: t.Size,
		State: t.State, Message: p.text(t, t.Message), Left: t.Left,
		Uploaded: t.Uploaded, Rate: t.Rate, Peers: len(t.Peers), Trouble: troubled(t),
	}
	if !utf8.ValidString(t.Name) {
		r.NameBytes = hex.EncodeToString([]byte(t.Name))
	}
	if t.State == seed.StateChecking {
		r.Checked, r.ToCheck = &t.Done, &t.Total
	}
	if t.Size > 0 {
		n := round(ratio(t))
		r.Ratio = &n
	}
	if tr := telling(t); tr != nil {
		details := p.tracker(t, tr)
		r.Tracker = &details
	}
	return r
}

func (p *Page) tracker(t *seed.TorrentStatus, tr *seed.TrackerStatus) trackerDetails {
	d := trackerDetails{URL: tr.URL, Message: p.text(t, tr.Message), Failed: tr.Failed}
	if !p.Reveal {
		d.URL = metainfo.MaskURL(tr.URL)
	}
	if tr.Seeders >= 0 {
		d.Seeders = &tr.Seeders
	}
	if tr.Leechers >= 0 {
		d.Leechers = &tr.Leechers
	}
	if !tr.Next.IsZero() {
		next := tr.Next.UTC()
		d.Next = &next
	}
	return d
}

// text masks in a text the secrets of all trackers of its torrent, and of the URLs in it.
func (p *Page) text(t *seed.TorrentStatus, s string) string {
	if p.Reveal {
		return s
	}
	var urls []string
	for i := range t.Trackers {
		urls = append(urls, t.Trackers[i].URL)
	}
	return metainfo.MaskText(s, urls...)
}

// addr shows of a peer's address, unless it may be revealed, the network: 192.0.2.x, 2001:db8:x::.
func (p *Page) addr(a netip.AddrPort) string {
	switch ip := a.Addr().Unmap(); {
	case !a.IsValid():
		return ""
	case p.Reveal:
		return netip.AddrPortFrom(ip, a.Port()).String()
	case ip.Is4():
		b := ip.As4()
		return fmt.Sprintf("%d.%d.%d.x", b[0], b[1], b[2])
	default:
		b := ip.As16()
		return fmt.Sprintf("%x:%x:x::", uint(b[0])<<8|uint(b[1]), uint(b[2])<<8|uint(b[3]))
	}
}

// telling returns the tracker that there is most to say of: that failed, else that says something.
func telling(t *seed.TorrentStatus) *seed.TrackerStatus {
	var best *seed.TrackerStatus
	most := -1
	for i := range t.Trackers {
		weight := 0
		switch tr := &t.Trackers[i]; {
		case tr.Failed:
			weight = 2
		case tr.Message != "":
			weight = 1
		}
		if weight > most {
			best, most = &t.Trackers[i], weight
		}
	}
	return best
}

// troubled reports whether something is wrong with a torrent.
func troubled(t *seed.TorrentStatus) bool {
	return t.State == seed.StateWaiting || t.Message != "" && t.State != seed.StateDone ||
		slices.ContainsFunc(t.Trackers, func(tr seed.TrackerStatus) bool { return tr.Failed })
}

func countStates(s *seed.Status) map[seed.State]int {
	n := map[seed.State]int{}
	for _, state := range pageStates {
		n[state] = 0
	}
	for i := range s.Torrents {
		n[s.Torrents[i].State]++
	}
	return n
}

func ratio(t *seed.TorrentStatus) float64 {
	if t.Size <= 0 {
		return 0
	}
	return float64(t.Uploaded) / float64(t.Size)
}

// round rounds to four places. JSON has no infinities.
func round(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return math.Round(f*1e4) / 1e4
}

func writeJSON(w http.ResponseWriter, doc any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		panic(err) // these documents always encode
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(escapeHidden(b.Bytes()))
}

// escapeHidden escapes, in JSON's own way, what a terminal should not be sent by
// one who looks at a document there.
func escapeHidden(doc []byte) []byte {
	if !bytes.ContainsFunc(doc, func(r rune) bool { return r != '\n' && hidden(r) }) {
		return doc
	}
	out := make([]byte, 0, len(doc)+64)
	for _, r := range string(doc) {
		switch {
		case r == '\n' || !hidden(r):
			out = utf8.AppendRune(out, r)
		case r >= 0x10000:
			r1, r2 := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// hidden reports whether a rune could move a cursor, reorder or hide text. ZWNJ
// and ZWJ don't: words are spelled with them.
func hidden(r rune) bool {
	return r != '\u200c' && r != '\u200d' &&
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}
