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

// statusDocument is the JSON of /status.json. Unknown values are absent. Times
// are RFC 3339 in UTC, sizes are bytes, and rates bytes per second.
//
// Without a query it lists all torrents in the order of the seed. A query has
// these keys:
//
//	q        words in the name, or the beginning of an info-hash
//	state    only torrents in this state; can be repeated
//	trouble  1: only torrents with a problem
//	sort     name, state, size, uploaded, ratio, rate, peers or tracker; with - in descending order
//	offset   number of matching torrents to skip
//	limit    maximum number of torrents to list
//	history  1: include the rates of the last minutes
type statusDocument struct {
	Version    string             `json:"version,omitempty"`
	Time       time.Time          `json:"time"`
	Since      time.Time          `json:"since"`    // start of the seed
	Revealed   bool               `json:"revealed"` // passkeys and addresses are not masked
	Uploaded   int64              `json:"uploaded"` // in this run
	Rate       int64              `json:"rate"`
	Peers      int                `json:"peers"`
	Handshakes int                `json:"handshakes"` // connections in their handshake
	Banned     int                `json:"banned"`     // addresses that are refused because of violations
	Size       int64              `json:"size"`       // of all torrents
	Total      int                `json:"total"`      // number of torrents
	States     map[seed.State]int `json:"states"`     // number of torrents by state, for every state
	Trouble    int                `json:"trouble"`    // number of torrents with a problem
	Matches    int                `json:"matches"`    // number of torrents that match the query
	Offset     int                `json:"offset"`     // index of the first listed torrent among the matches
	Torrents   []torrentRow       `json:"torrents"`
	History    []historyRecord    `json:"history,omitempty"`
}

type historyRecord struct {
	Time time.Time `json:"time"`
	Rate int64     `json:"rate"`
}

type torrentRow struct {
	Name       string          `json:"name"`
	NameBytes  string          `json:"name_bytes,omitempty"` // in hex, if Name is not UTF-8
	InfoHashV1 string          `json:"info_hash_v1,omitempty"`
	InfoHashV2 string          `json:"info_hash_v2,omitempty"`
	Size       int64           `json:"size"`
	State      seed.State      `json:"state"`
	Message    string          `json:"message,omitempty"`
	Checked    *int64          `json:"checked,omitempty"` // while checking: bytes checked of to_check
	ToCheck    *int64          `json:"to_check,omitempty"`
	Left       int64           `json:"left"`     // bytes that are missing
	Uploaded   int64           `json:"uploaded"` // in this run and, if known, earlier runs
	Ratio      *float64        `json:"ratio,omitempty"`
	Rate       int64           `json:"rate"`
	Peers      int             `json:"peers"`
	Trouble    bool            `json:"trouble"`
	Tracker    *trackerDetails `json:"tracker,omitempty"` // the most important one: see mainTracker
}

// torrentDocument is the JSON of /torrent.json.
type torrentDocument struct {
	Time time.Time `json:"time"`
	torrentRow
	Trackers []trackerDetails `json:"trackers"`  // one per tier
	PeerList []peerDetails    `json:"peer_list"` // in descending order of rates
}

type trackerDetails struct {
	URL      string     `json:"url"`
	Message  string     `json:"message,omitempty"`
	Failed   bool       `json:"failed"`
	Seeders  *int64     `json:"seeders,omitempty"`
	Leechers *int64     `json:"leechers,omitempty"`
	Next     *time.Time `json:"next,omitempty"` // next announce
}

type peerDetails struct {
	Addr     string  `json:"addr"` // with the port, or masked without it
	Client   string  `json:"client,omitempty"`
	Uploaded int64   `json:"uploaded"`
	Rate     int64   `json:"rate"`
	Progress float64 `json:"progress"` // 0 to 1
	Choked   bool    `json:"choked"`
	Called   bool    `json:"called"` // the seed has connected to it, and not it to the seed
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
		Uploaded: s.Uploaded, Rate: s.Rate, Peers: s.Peers, Handshakes: s.Handshakes, Banned: s.Banned, Total: len(s.Torrents),
		States: countStates(&s), Torrents: []torrentRow{},
	}
	for i := range s.Torrents {
		doc.Size += s.Torrents[i].Size
		if hasProblem(&s.Torrents[i]) {
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
		http.Error(w, "No info-hash: use /torrent.json?info_hash=HEX.", http.StatusBadRequest)
		return
	}
	s := p.Status()
	i := slices.IndexFunc(s.Torrents, func(t seed.TorrentStatus) bool { return t.InfoHashV1 == hash || t.InfoHashV2 == hash })
	if i < 0 {
		http.Error(w, "No torrent has this info-hash.", http.StatusNotFound)
		return
	}
	t := &s.Torrents[i]
	doc := &torrentDocument{Time: s.Time.UTC(), torrentRow: p.row(t), Trackers: []trackerDetails{}, PeerList: []peerDetails{}}
	for i := range t.Trackers {
		doc.Trackers = append(doc.Trackers, p.tracker(t, &t.Trackers[i]))
	}
	for _, peer := range t.Peers {
		doc.PeerList = append(doc.PeerList, peerDetails{
			p.addr(peer.Addr), peer.Client, peer.Uploaded, peer.Rate, round(peer.Progress), peer.Choked, peer.Called,
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
		Uploaded: t.Uploaded, Rate: t.Rate, Peers: len(t.Peers), Trouble: hasProblem(t),
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
	if tr := mainTracker(t); tr != nil {
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

// text masks the secrets of the torrent's trackers, and of all URLs, in a text.
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

// addr returns the address of a peer. Unless Reveal is set, it returns only the
// network, such as 192.0.2.x or 2001:db8:x::.
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

// mainTracker returns the most important tracker to show: the first that failed,
// else the first with a message, else the first. It returns nil if there are no
// trackers.
func mainTracker(t *seed.TorrentStatus) *seed.TrackerStatus {
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

// hasProblem reports whether a torrent has a problem.
func hasProblem(t *seed.TorrentStatus) bool {
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

// round rounds to four places. It returns 0 for infinities and NaN, which JSON
// can't represent.
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
		panic(err) // encoding these types can't fail
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(escapeHidden(b.Bytes()))
}

// escapeHidden escapes hidden characters in JSON, in case the document is printed
// to a terminal.
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

// hidden reports whether a rune may move the cursor, reorder text or be
// invisible. ZWNJ and ZWJ are not hidden, because some languages need them.
func hidden(r rune) bool {
	return r != '\u200c' && r != '\u200d' &&
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}
