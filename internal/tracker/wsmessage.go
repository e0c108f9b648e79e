package tracker

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// A wsMessage is any message over WebSocket. Strings of bytes are wide, see wide.
type wsMessage struct {
	Action   string          `json:"action,omitempty"`
	InfoHash json.RawMessage `json:"info_hash,omitempty"` // one, or a list
	PeerID   string          `json:"peer_id,omitempty"`

	Uploaded   *int64   `json:"uploaded,omitempty"`
	Downloaded *int64   `json:"downloaded,omitempty"` // in answers, the count Completed
	Left       *int64   `json:"left,omitempty"`
	Event      string   `json:"event,omitempty"`
	NumWant    *int     `json:"numwant,omitempty"`
	TrackerID  string   `json:"trackerid,omitempty"`
	ToPeerID   string   `json:"to_peer_id,omitempty"`
	Offers     []wsPair `json:"offers,omitempty"`

	OfferID json.RawMessage `json:"offer_id,omitempty"`
	Offer   json.RawMessage `json:"offer,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`

	Complete    *int64  `json:"complete,omitempty"`
	Incomplete  *int64  `json:"incomplete,omitempty"`
	Interval    float64 `json:"interval,omitempty"` // seconds
	MinInterval float64 `json:"min interval,omitempty"`
	Warning     string  `json:"warning message,omitempty"`
	GivenID     string  `json:"tracker id,omitempty"`
	Failure     *string `json:"failure reason,omitempty"`

	Files map[string]wsFile `json:"files,omitzero"`
	Flags *wsFlags          `json:"flags,omitempty"`
}

type wsFile struct {
	Complete   *int64 `json:"complete,omitempty"`
	Incomplete *int64 `json:"incomplete,omitempty"`
	Downloaded *int64 `json:"downloaded,omitempty"`
}

type wsFlags struct {
	MinInterval float64 `json:"min_request_interval"`
}

type wsPair struct {
	ID          json.RawMessage `json:"offer_id,omitempty"`
	Description json.RawMessage `json:"offer,omitempty"`
}

// A wsAnswer is a message of a tracker. Invalid numbers in an announce are ignored.
type wsAnswer struct {
	wsMessage
	Complete    json.RawMessage `json:"complete"`
	Incomplete  json.RawMessage `json:"incomplete"`
	Downloaded  json.RawMessage `json:"downloaded"`
	Interval    json.RawMessage `json:"interval"`
	MinInterval json.RawMessage `json:"min interval"`
}

// lenientCount parses a count, which may be a string. An invalid one is Unknown.
func lenientCount(raw json.RawMessage) int64 {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	if err != nil || n < 0 {
		return Unknown
	}
	return n
}

// lenientSeconds parses an interval, which may be a string. An invalid one is 0.
func lenientSeconds(raw json.RawMessage) time.Duration {
	s, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil && !math.IsInf(s, 0) || math.IsNaN(s) {
		return 0
	}
	return floatSeconds(s)
}

// parseWS parses a message into m.
func parseWS(frame []byte, m any) error {
	err := json.Unmarshal(frame, m)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := strings.TrimPrefix(e.Field, "wsMessage.") // of a wsAnswer
		return errorf("%s is %.32s", cmp.Or(field, "the message"), e.Value)
	}
	if err != nil {
		return errorf("it is not JSON")
	}
	return nil
}

func (m *wsMessage) append(b []byte) []byte {
	encoded, err := json.Marshal(m)
	if err != nil {
		panic(err) // all fields are text, numbers and valid JSON
	}
	return append(b, encoded...)
}

// hashes parses info_hash, which is one or a list.
func (m *wsMessage) hashes() ([][20]byte, error) {
	var list []string
	if len(m.InfoHash) > 0 && m.InfoHash[0] == '"' {
		list = make([]string, 1)
		_ = json.Unmarshal(m.InfoHash, &list[0]) // it is a string
	} else if len(m.InfoHash) > 0 {
		if err := json.Unmarshal(m.InfoHash, &list); err != nil {
			return nil, errorf("info_hash is neither a string nor a list of them")
		}
	}
	var hashes [][20]byte
	for _, s := range list {
		h, err := narrow20("info_hash", s)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// hash parses an info_hash that must be one.
func (m *wsMessage) hash() (h [20]byte, err error) {
	hashes, err := m.hashes()
	if err != nil {
		return h, err
	}
	if len(hashes) != 1 {
		return h, errorf("a message about %d torrents", len(hashes))
	}
	return hashes[0], nil
}

// wide encodes bytes as a string with one character per byte.
func wide[T string | []byte](bytes T) string {
	var b strings.Builder
	for i := 0; i < len(bytes); i++ {
		b.WriteRune(rune(bytes[i]))
	}
	return b.String()
}

// narrow is the inverse of wide.
func narrow(s string) (string, error) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", errorf("a character that stands for no byte")
		}
		b = append(b, byte(r))
	}
	return string(b), nil
}

// narrow20 is narrow for 20 bytes.
func narrow20(name, s string) (b [20]byte, err error) {
	bytes, err := narrow(s)
	if err != nil {
		return b, err
	}
	return bytes20(name, bytes)
}

func wideHash(h [20]byte) json.RawMessage {
	encoded, _ := json.Marshal(wide(h[:])) // a string
	return encoded
}

// present reports whether a value is present: JavaScript writes null for undefined.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func known(n int64) *int64 {
	if n == Unknown {
		return nil
	}
	return &n
}

func (f wsFile) counts() (Counts, error) {
	c := unknownCounts
	for _, n := range []struct {
		name string
		from *int64
		to   *int64
	}{{"complete", f.Complete, &c.Seeders}, {"incomplete", f.Incomplete, &c.Leechers}, {"downloaded", f.Downloaded, &c.Completed}} {
		if n.from == nil {
			continue
		}
		if *n.from < 0 {
			return unknownCounts, errorf("%s is %d", n.name, *n.from)
		}
		*n.to = *n.from
	}
	return c, nil
}

func floatSeconds(s float64) time.Duration {
	return seconds(int64(min(max(s, 0), maxInterval.Seconds())))
}
