package tracker

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
)

// WebSocket (WebTorrent): every message is a text frame with a JSON object.
// Strings of bytes (info-hashes, ids) have one character per byte, U+0000 to
// U+00FF. Offers and answers are those of WebRTC, which the tracker relays
// unchanged. They and their ids are kept raw, since they are untrusted.
//
//	{"action":"scrape","info_hash":["....................", ...]}
//	{"action":"scrape","files":{"....................":{"complete":1,
//	  "incomplete":2,"downloaded":7}},"flags":{"min_request_interval":600}}
//
//	{"action":"announce","info_hash":"...","peer_id":"...","uploaded":0,
//	  "downloaded":0,"left":0,"event":"started","numwant":5,
//	  "offers":[{"offer_id":"...","offer":{"type":"offer","sdp":"..."}}]}
//	{"action":"announce","info_hash":"...","interval":120,"complete":1,"incomplete":2}
//	{"action":"announce","info_hash":"...","peer_id":"...","offer_id":"...","offer":{...}}

// A WSRequest is a message of a client. Action is ActionAnnounce or ActionScrape, and
// determines the fields in use.
type WSRequest struct {
	Action   Action
	Announce AnnounceRequest // announce
	Offers   []WSOffer       // announce: one for each of several other peers
	Reply    *WSReply        // announce: the answer to another peer's offer
	Hashes   [][20]byte      // scrape
}

// A WSOffer is a WebRTC offer, or the answer to one. Either field is JSON, as Append
// requires, or nil if it is absent.
type WSOffer struct {
	ID          json.RawMessage // chosen by the peer that made the offer; by convention a string of 20 bytes
	Description json.RawMessage // of the session
}

// A WSReply is a peer's answer to an offer.
type WSReply struct {
	To string // 20 bytes: the id of the peer that made the offer
	WSOffer
}

// A WSResponse is a message of a tracker.
type WSResponse struct {
	Action   Action            // ActionAnnounce or ActionScrape; ActionError for a Failure
	InfoHash [20]byte          // of an announce, and of a Failure if it is known
	Announce *AnnounceResponse // announce, without peers
	Scrape   *ScrapeResponse   // scrape
	Failure  *Failure

	// From is the peer id, 20 bytes, of the peer that made Offer or Answer, which the
	// tracker relays. Announce is nil then.
	From          string
	Offer, Answer *WSOffer
}

// Append appends the message.
func (r *WSRequest) Append(b []byte) []byte {
	if r.Action == ActionScrape {
		hashes := make([]string, len(r.Hashes))
		for i, h := range r.Hashes {
			hashes[i] = wide(h[:])
		}
		encoded, _ := json.Marshal(hashes) // strings
		return (&wsMessage{Action: "scrape", InfoHash: encoded}).append(b)
	}
	a := &r.Announce
	m := wsMessage{
		Action:   "announce",
		InfoHash: wideHash(a.InfoHash),
		PeerID:   wide(a.PeerID[:]),
		Uploaded: &a.Uploaded, Downloaded: &a.Downloaded, Left: &a.Left,
		Event:     a.Event.String(),
		TrackerID: a.TrackerID,
	}
	if a.Want != DefaultWant {
		m.NumWant = &a.Want
	}
	for _, o := range r.Offers {
		m.Offers = append(m.Offers, wsPair(o))
	}
	if r.Reply != nil {
		m.ToPeerID, m.OfferID, m.Answer = wide(r.Reply.To), r.Reply.ID, r.Reply.Description
	}
	return m.append(b)
}

// ParseWSRequest parses a message of a client.
func ParseWSRequest(frame []byte) (*WSRequest, error) {
	m := new(wsMessage)
	if err := parseWS(frame, m); err != nil {
		return nil, err
	}
	switch m.Action {
	case "scrape":
		hashes, err := m.hashes()
		if err != nil {
			return nil, err
		}
		return &WSRequest{Action: ActionScrape, Hashes: hashes}, nil
	case "announce":
		return m.announceRequest()
	}
	return nil, errorf("a request for action %.32q", m.Action)
}

// announceRequest returns the announce in a message of a client.
func (m *wsMessage) announceRequest() (*WSRequest, error) {
	r := &WSRequest{Action: ActionAnnounce, Announce: AnnounceRequest{
		Left: math.MaxInt64, Event: parseEvent(m.Event), Want: DefaultWant, TrackerID: m.TrackerID,
	}}
	a := &r.Announce
	var err error
	if a.InfoHash, err = m.hash(); err != nil {
		return nil, err
	}
	if a.PeerID, err = narrow20("peer_id", m.PeerID); err != nil {
		return nil, err
	}
	if err := m.amounts(a); err != nil {
		return nil, err
	}
	if m.NumWant != nil && *m.NumWant >= 0 {
		a.Want = *m.NumWant
	}
	for _, o := range m.Offers {
		r.Offers = append(r.Offers, WSOffer(o))
	}
	if m.ToPeerID != "" {
		to, err := narrow20("to_peer_id", m.ToPeerID)
		if err != nil {
			return nil, err
		}
		r.Reply = &WSReply{string(to[:]), WSOffer{m.OfferID, m.Answer}}
	}
	return r, nil
}

// amounts sets the byte counts of an announce.
func (m *wsMessage) amounts(a *AnnounceRequest) error {
	for _, n := range []struct {
		name string
		from *int64
		to   *int64
	}{{"uploaded", m.Uploaded, &a.Uploaded}, {"downloaded", m.Downloaded, &a.Downloaded}, {"left", m.Left, &a.Left}} {
		switch {
		case n.from == nil: // left may be infinite, which JSON encodes as null
		case *n.from >= 0:
			*n.to = *n.from
		case n.to != &a.Left: // left may also be -1, unknown
			return errorf("%s is %d", n.name, *n.from)
		}
	}
	return nil
}

// Append appends the message.
func (r *WSResponse) Append(b []byte) []byte {
	m := wsMessage{Action: "announce", InfoHash: wideHash(r.InfoHash)}
	switch {
	case r.Failure != nil:
		m.Action, m.Failure = "", &r.Failure.Reason
		m.Interval = min(r.Failure.RetryIn, maxInterval).Seconds()
		if r.InfoHash == [20]byte{} {
			m.InfoHash = nil
		}
	case r.Action == ActionScrape:
		m = wsMessage{Action: "scrape", Files: make(map[string]wsFile)}
		for _, f := range r.Scrape.Files {
			m.Files[wide(f.InfoHash[:])] = wsFile{known(f.Counts.Seeders), known(f.Counts.Leechers), known(f.Counts.Completed)}
		}
		if r.Scrape.MinInterval > 0 {
			m.Flags = &wsFlags{r.Scrape.MinInterval.Seconds()}
		}
	case r.From != "":
		m.PeerID = wide(r.From)
		if r.Offer != nil {
			m.OfferID, m.Offer = r.Offer.ID, r.Offer.Description
		}
		if r.Answer != nil {
			m.OfferID, m.Answer = r.Answer.ID, r.Answer.Description
		}
	default:
		a := r.Announce
		m.Complete, m.Incomplete, m.Downloaded = known(a.Counts.Seeders), known(a.Counts.Leechers), known(a.Counts.Completed)
		m.Interval, m.MinInterval = a.Interval.Seconds(), a.MinInterval.Seconds()
		m.Warning, m.GivenID = a.Warning, a.TrackerID
	}
	return m.append(b)
}

// ParseWSResponse parses a message of a tracker.
func ParseWSResponse(frame []byte) (*WSResponse, error) {
	m := new(wsAnswer)
	if err := parseWS(frame, m); err != nil {
		return nil, err
	}
	interval, least := lenientSeconds(m.Interval), lenientSeconds(m.MinInterval)
	if m.Failure != nil {
		r := &WSResponse{Action: ActionError, Failure: &Failure{Reason: *m.Failure, RetryIn: max(interval, least)}}
		if h, err := m.hash(); err == nil {
			r.InfoHash = h
		}
		return r, nil
	}
	switch m.Action {
	case "scrape":
		scrape, err := m.scrape()
		if err != nil {
			return nil, err
		}
		return &WSResponse{Action: ActionScrape, Scrape: scrape}, nil
	case "announce":
	default:
		return nil, errorf("an answer of action %.32q", m.Action)
	}
	r := &WSResponse{Action: ActionAnnounce}
	hash, err := m.hash()
	if err != nil {
		return nil, err
	}
	r.InfoHash = hash
	counts := Counts{Seeders: lenientCount(m.Complete), Leechers: lenientCount(m.Incomplete), Completed: lenientCount(m.Downloaded)}
	numbers := counts.Known() || present(m.Interval) || present(m.MinInterval)
	switch {
	case present(m.Offer), present(m.Answer), m.PeerID != "" && !numbers:
		from, err := narrow20("peer_id", m.PeerID)
		if err != nil {
			return nil, err
		}
		r.From = string(from[:])
		if present(m.Answer) {
			r.Answer = &WSOffer{m.OfferID, m.Answer}
		} else {
			r.Offer = &WSOffer{m.OfferID, m.Offer} // empty if the peer sent it so
		}
	case numbers:
		r.Announce = &AnnounceResponse{
			Interval:    interval,
			MinInterval: least,
			Counts:      counts,
			Warning:     m.Warning,
			TrackerID:   m.GivenID,
		}
	default:
		return nil, errorf("the answer has no numbers")
	}
	return r, nil
}

func (m *wsMessage) scrape() (*ScrapeResponse, error) {
	if m.Files == nil {
		return nil, errorf("the answer has no files")
	}
	r := &ScrapeResponse{}
	if m.Flags != nil {
		r.MinInterval = floatSeconds(m.Flags.MinInterval)
	}
	for key, file := range m.Files {
		h, err := narrow20("info_hash", key)
		if err != nil {
			return nil, err
		}
		counts, err := file.counts()
		if err != nil {
			return nil, err
		}
		r.Files = append(r.Files, File{h, counts})
	}
	// JSON objects have no order.
	slices.SortFunc(r.Files, func(a, b File) int { return bytes.Compare(a.InfoHash[:], b.InfoHash[:]) })
	return r, nil
}
