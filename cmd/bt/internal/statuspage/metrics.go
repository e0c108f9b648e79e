package statuspage

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"bt/seed"
)

// serveMetrics writes the metrics in the text format 0.0.4 of Prometheus. The
// labels of a torrent are its v1 info-hash, or its v2 info-hash if it has no
// other, and its name. There are six series per torrent, and none per peer or
// tracker.
func (p *Page) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	s := p.Status()
	p.Sample(s.Time, s.Uploaded, s.Rate)
	var m metrics
	m.family("bt_info", "gauge", "Version of bt.")
	m.sample("bt_info", `version="`+label(p.Version)+`"`, 1)
	m.family("bt_seed_start_time_seconds", "gauge", "Start time of the seed, in seconds since 1970.")
	m.sample("bt_seed_start_time_seconds", "", float64(s.Since.UnixMilli())/1000)
	m.family("bt_seed_uploaded_bytes_total", "counter", "Bytes of blocks sent to peers in this run.")
	m.sample("bt_seed_uploaded_bytes_total", "", float64(s.Uploaded))
	m.family("bt_seed_upload_bytes_per_second", "gauge", "Current upload rate.")
	m.sample("bt_seed_upload_bytes_per_second", "", float64(s.Rate))
	m.family("bt_seed_peers", "gauge", "Connected peers.")
	m.sample("bt_seed_peers", "", float64(s.Peers))
	m.family("bt_seed_handshakes", "gauge", "Connections in their handshake.")
	m.sample("bt_seed_handshakes", "", float64(s.Handshakes))
	m.family("bt_seed_banned_addresses", "gauge", "Addresses that are refused because they violate the protocol.")
	m.sample("bt_seed_banned_addresses", "", float64(s.Banned))
	states := countStates(&s)
	m.family("bt_seed_torrents", "gauge", "Torrents by state.")
	for _, state := range pageStates {
		m.sample("bt_seed_torrents", `state="`+string(state)+`"`, float64(states[state]))
	}

	labels := torrentLabels(s.Torrents)
	for _, f := range torrentFamilies {
		m.family(f.name, f.kind, f.help)
		for i, labels := range labels {
			if labels != "" {
				m.sample(f.name, labels, f.value(&s.Torrents[i]))
			}
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(m.Bytes())
}

var torrentFamilies = []struct {
	name, kind, help string
	value            func(*seed.TorrentStatus) float64
}{
	{"bt_seed_torrent_size_bytes", "gauge", "The size of a torrent's content.",
		func(t *seed.TorrentStatus) float64 { return float64(t.Size) }},
	{"bt_seed_torrent_left_bytes", "gauge", "Missing bytes of a torrent's content.",
		func(t *seed.TorrentStatus) float64 { return float64(t.Left) }},
	{"bt_seed_torrent_uploaded_bytes_total", "counter", "Bytes of a torrent's blocks sent to peers, in this run and, if known, earlier runs.",
		func(t *seed.TorrentStatus) float64 { return float64(t.Uploaded) }},
	{"bt_seed_torrent_peers", "gauge", "Connected peers of a torrent.",
		func(t *seed.TorrentStatus) float64 { return float64(len(t.Peers)) }},
	{"bt_seed_torrent_seeding", "gauge", "1 if a torrent is seeded, else 0.",
		func(t *seed.TorrentStatus) float64 {
			if t.State == seed.StateSeeding || t.State == seed.StateSuperSeeding {
				return 1
			}
			return 0
		}},
	{"bt_seed_torrent_failing_trackers", "gauge", "Number of a torrent's tiers whose last announce failed.",
		func(t *seed.TorrentStatus) (n float64) {
			for i := range t.Trackers {
				if t.Trackers[i].Failed {
					n++
				}
			}
			return n
		}},
}

// torrentLabels returns the labels of each torrent. They are "" for a torrent
// without an info-hash or with that of another torrent, because Prometheus
// rejects all metrics if a series is repeated.
func torrentLabels(torrents []seed.TorrentStatus) []string {
	list := make([]string, len(torrents))
	seen := make(map[string]bool, len(torrents))
	for i := range torrents {
		hash := cmp.Or(torrents[i].InfoHashV1, torrents[i].InfoHashV2)
		if hash != "" && !seen[hash] {
			seen[hash] = true
			list[i] = `info_hash="` + hash + `",name="` + label(torrents[i].Name) + `"`
		}
	}
	return list
}

// metrics is a buffer of metrics in the text format.
type metrics struct{ bytes.Buffer }

func (m *metrics) family(name, kind, help string) {
	fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (m *metrics) sample(name, labels string, value float64) {
	m.WriteString(name)
	if labels != "" {
		m.WriteByte('{')
		m.WriteString(labels)
		m.WriteByte('}')
	}
	m.WriteByte(' ')
	m.Write(strconv.AppendFloat(m.AvailableBuffer(), value, 'f', -1, 64))
	m.WriteByte('\n')
}

// label escapes the value of a label. Hidden characters, and bytes that are not
// UTF-8 and so not allowed in the format, are escaped in the way of term.Safe.
func label(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\\' || r == '"':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, `\\x%02x`, s[i])
		case hidden(r) && r < 0x80:
			fmt.Fprintf(&b, `\\x%02x`, r)
		case hidden(r) && r < 0x10000:
			fmt.Fprintf(&b, `\\u%04x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
