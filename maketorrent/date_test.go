package maketorrent

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/metainfo"
)

func TestDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		date time.Time
		want time.Time // zero: none
		ok   bool
	}{
		{time.Time{}, time.Time{}, true},
		{time.Unix(0, 0), time.Unix(0, 0), true},
		{time.Unix(1, 999_999_999), time.Unix(1, 0), true},
		{time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC), true},
		{time.Unix(metainfo.LastDate, 0), time.Unix(metainfo.LastDate, 0), true},
		{time.Unix(metainfo.LastDate+1, 0), time.Time{}, false},
		{time.Unix(-1, 0), time.Time{}, false},
		{time.Unix(0, -1), time.Time{}, false},
		{time.Time{}.Add(1), time.Time{}, false},
	} {
		r, err := Make(t.Context(), Options{Path: path, Date: tt.date})
		bad, isOption := errors.AsType[*OptionError](err)
		switch {
		case !tt.ok && (!isOption || bad.Option != "date"):
			t.Errorf("%v: %v", tt.date, err)
		case tt.ok && (err != nil || !r.Torrent.CreationDate.Equal(tt.want)):
			t.Errorf("%v: %v, want %v", tt.date, err, tt.want)
		}
	}
}
