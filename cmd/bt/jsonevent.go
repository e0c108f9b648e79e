package main

import "time"

// A jsonEvent is the JSON of an event of bt seed or bt get.
type jsonEvent struct {
	Time       time.Time `json:"time"`
	Event      string    `json:"event"`
	Name       string    `json:"name,omitempty"`
	InfoHashV1 string    `json:"info_hash_v1,omitempty"`
	InfoHashV2 string    `json:"info_hash_v2,omitempty"`
	Magnet     string    `json:"magnet,omitempty"`
	Addr       string    `json:"addr,omitempty"`
	Status     string    `json:"status,omitempty"` // URL of the status page
	Done       *int64    `json:"done,omitempty"`
	Total      *int64    `json:"total,omitempty"`
	Pieces     *int      `json:"pieces,omitempty"`
	Known      *bool     `json:"known,omitempty"`
	Tracker    string    `json:"tracker,omitempty"`
	URL        string    `json:"url,omitempty"` // of a web seed
	Error      string    `json:"error,omitempty"`
	Message    string    `json:"message,omitempty"`
	Seeders    *int64    `json:"seeders,omitempty"`
	Leechers   *int64    `json:"leechers,omitempty"`
	Next       string    `json:"next,omitempty"`
	Client     string    `json:"client,omitempty"`
	State      string    `json:"state,omitempty"`
	Path       string    `json:"path,omitempty"`
	Size       *int64    `json:"size,omitempty"`
	Rate       *int64    `json:"rate,omitempty"`
	Downloaded *int64    `json:"downloaded,omitempty"`
	Uploaded   *int64    `json:"uploaded,omitempty"`
	Peers      *int      `json:"peers,omitempty"`
	WebSeeds   *int      `json:"web_seeds,omitempty"`
	Seconds    *float64  `json:"seconds,omitempty"`

	FromWebSeeds *int64 `json:"from_web_seeds,omitempty"`

	Files []listedFile `json:"files,omitempty"`
}

// errorText returns the text of an error about files or peers, with secrets
// masked, or "".
func (u *ui) errorText(err error) string {
	if err == nil {
		return ""
	}
	return u.shownText(withFormHint(err))
}
