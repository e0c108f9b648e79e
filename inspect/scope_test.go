package inspect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// scopeSamples returns samples of each format with files that share pieces, end at the
// edge of one, are empty, and have several pieces.
func scopeSamples(t *testing.T) map[string]*sample {
	t.Helper()
	const p = v2Piece
	sizes := []int64{3*p + 5, 100, 0, p, 2 * p, 7, p + 1}
	return map[string]*sample{
		"v1":                newSample(t, 250, 20, 0, 380, 3, 4, 5, 60, 140),
		"v2":                newSampleV2(t, promise{}, sizes...),
		"v2 without layers": newSampleV2(t, promise{layerless: "ae"}, sizes...),
		"hybrid":            newSampleV2(t, promise{hybrid: true}, sizes...),
	}
}

// damageAtRandom damages some files.
func damageAtRandom(t *testing.T, s *sample, r *rand.Rand) {
	t.Helper()
	for i, n := range s.sizes {
		var err error
		switch r.IntN(8) {
		case 0:
			err = os.Remove(s.path(i))
		case 1:
			err = toSize(r.Int64N(n + 1))(s.path(i))
		case 2:
			err = toSize(n + 1)(s.path(i))
		case 3:
			err = toDirectory(s.path(i))
		case 4, 5:
			if n > 0 {
				err = flip(r.Int64N(n))(s.path(i))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func verifyWith(t *testing.T, s *sample, o VerifyOptions) *Verdict {
	t.Helper()
	v, err := Verify(context.Background(), s.t, s.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	p := v.Pieces
	if sum := p.Good + p.Bad + p.Missing + p.Unverifiable + p.Unreadable; sum != p.Total {
		t.Fatalf("%+v: the counters add up to %d", p, sum)
	}
	if (v.Statuses[StatusOK] == v.FileCount && p.Good == p.Total) != v.OK {
		t.Fatalf("OK is %v: %+v, %v", v.OK, p, v.Statuses)
	}
	return v
}

// told returns all that a verdict says about files and bad pieces.
func told(v *Verdict) (files, pieces []string) {
	for f := range v.Files {
		files = append(files, fmt.Sprint(f.Path, f.Status, f.Found, f.Bad, f.Certain, f.CertainPieces))
	}
	for p := range v.BadPieces {
		pieces = append(pieces, fmt.Sprint(p.Index, p.Cause, p.Doubtful, slices.Collect(p.Files)))
	}
	return files, pieces
}

// eachDamaged calls f with damaged samples of each format.
func eachDamaged(t *testing.T, f func(t *testing.T, s *sample, full *Verdict, r *rand.Rand)) {
	for seed := range uint64(12) {
		for name, s := range scopeSamples(t) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				if seed > 0 {
					damageAtRandom(t, s, r)
				}
				f(t, s, verifyWith(t, s, VerifyOptions{}), r)
			})
		}
	}
}

// The verdict on some files says of them what that on all files says.
func TestVerifyOnly(t *testing.T) {
	eachDamaged(t, func(t *testing.T, s *sample, full *Verdict, r *rand.Rand) {
		only := make([]bool, len(s.t.Files))
		var chosen []string
		var size int64
		inPiece := make(map[int]bool)
		content, err := s.t.Content()
		if err != nil {
			t.Fatal(err)
		}
		for i := range only {
			if only[i] = r.IntN(3) == 0; !only[i] || s.t.Files[i].Pad {
				continue
			}
			chosen, size = append(chosen, s.t.Files[i].Path()[0]), size+s.t.Files[i].Length
			if first, last, ok := content.Layout.FilePieces(i); ok {
				for p := first; p <= last; p++ {
					inPiece[p] = true
				}
			}
		}
		v := verifyWith(t, s, VerifyOptions{Only: func(i int) bool { return only[i] }})
		files, pieces := told(v)
		allFiles, allPieces := told(full)
		allFiles = slices.DeleteFunc(allFiles, func(text string) bool { return !slices.Contains(chosen, text[:1]) })
		allPieces = slices.DeleteFunc(allPieces, func(text string) bool {
			var p int
			fmt.Sscan(text, &p)
			return !inPiece[p]
		})
		if !slices.Equal(files, allFiles) || !slices.Equal(pieces, allPieces) {
			t.Errorf("files %q\n%q\nwant\n%q\n%q", files, pieces, allFiles, allPieces)
		}
		if v.Pieces.Total != len(inPiece) || v.Pieces.Unread != 0 || v.FileCount != len(chosen) || v.Size != size || v.Nothing != full.Nothing || v.Basis != BasisFull {
			t.Errorf("%+v, %d pieces, files %q", v, len(inPiece), chosen)
		}
	})
}

// A sample of all pieces is a full check. A smaller one finds a part of the damage and
// says how much it has read; all missing and short files are found without reading.
func TestVerifySample(t *testing.T) {
	eachDamaged(t, func(t *testing.T, s *sample, full *Verdict, r *rand.Rand) {
		layered := true
		content, _ := s.t.Content()
		for i := range content.Files {
			_, known := content.PieceHash(i, 0)
			layered = layered && (content.V1 || known || content.Files[i].Length == 0)
		}
		_, allPieces := told(full)
		allFiles, _ := told(full)
		v := verifyWith(t, s, VerifyOptions{Sample: 1000})
		files, pieces := told(v)
		if layered && (!slices.Equal(files, allFiles) || !slices.Equal(pieces, allPieces) || v.Pieces != full.Pieces) {
			t.Errorf("a sample of all pieces: %q\n%q\nwant\n%q\n%q", files, pieces, allFiles, allPieces)
		}
		quick := verifyWith(t, s, VerifyOptions{Quick: true})
		n := 1 + r.IntN(4)
		v = verifyWith(t, s, VerifyOptions{Sample: n})
		_, pieces = told(v)
		if layered {
			for _, p := range pieces {
				if !slices.Contains(allPieces, p) {
					t.Errorf("piece %q is not in %q", p, allPieces)
				}
			}
		}
		if v.Pieces.Total+v.Pieces.Unread != full.Pieces.Total || v.Pieces.Total-quick.Pieces.Total > n || layered && v.Pieces.Unread > 0 && v.Pieces.Total-quick.Pieces.Total != n {
			t.Errorf("a sample of %d: %+v, of %+v", n, v.Pieces, full.Pieces)
		}
		if v.Basis != BasisSample || v.Pieces.Missing != full.Pieces.Missing {
			t.Errorf("%v: %+v", v.Basis, v.Pieces)
		}
	})
}

// Other pieces are read each time.
func TestVerifySampleIsRandom(t *testing.T) {
	s := newSample(t, 100*pieceLength)
	for i := range int64(100) {
		if err := flip(i * pieceLength)(s.path(0)); err != nil {
			t.Fatal(err)
		}
	}
	times := make(map[int]int)
	for range 300 {
		v := verifyWith(t, s, VerifyOptions{Sample: 10})
		if v.Pieces.Bad != 10 {
			t.Fatalf("%+v", v.Pieces)
		}
		for p := range v.BadPieces {
			times[p.Index]++
		}
	}
	// The chance that a piece is read in less than 5 or more than 80 of 300 samples is
	// below 1e-9.
	for i := range 100 {
		if times[i] < 5 || times[i] > 80 {
			t.Errorf("piece %d was read %d times", i, times[i])
		}
	}
}

// Without reading, files are compared by their sizes.
func TestVerifyQuick(t *testing.T) {
	eachDamaged(t, func(t *testing.T, s *sample, full *Verdict, _ *rand.Rand) {
		v := verifyWith(t, s, VerifyOptions{Quick: true})
		if v.Basis != BasisQuick || v.Pieces.Good+v.Pieces.Bad != 0 || v.Pieces.Total+v.Pieces.Unread != full.Pieces.Total || v.Cached != 0 {
			t.Errorf("%v: %+v of %+v", v.Basis, v.Pieces, full.Pieces)
		}
		for f := range v.Files {
			want := full.File(f.Index).Status
			if bySize := want == StatusMissing || want == StatusShort || want == StatusLong || want == StatusNotAFile; f.Status != want && (bySize || f.Status != StatusOK && f.Status != StatusUnverifiable) {
				t.Errorf("%s is %s, want %s", f.Path, f.Status, want)
			}
		}
	})
}

// later makes files count as old enough to be remembered.
func later(t *testing.T) {
	now = func() time.Time { return time.Now().Add(time.Minute) }
	t.Cleanup(func() { now = time.Now })
}

// What was hashed is believed, also that it is damaged, until a file changes.
func TestVerifyCached(t *testing.T) {
	later(t)
	eachDamaged(t, func(t *testing.T, s *sample, full *Verdict, r *rand.Rand) {
		dir := filepath.Join(t.TempDir(), "cache")
		cached := func(o VerifyOptions) *Verdict {
			t.Helper()
			o.Cache = NewCache(dir)
			v := verifyWith(t, s, o)
			if err := o.Cache.Close(); err != nil {
				t.Fatal(err)
			}
			return v
		}
		same := func(what string, v, want *Verdict) {
			t.Helper()
			files, pieces := told(v)
			wantFiles, wantPieces := told(want)
			if !slices.Equal(files, wantFiles) || !slices.Equal(pieces, wantPieces) || v.Pieces != want.Pieces {
				t.Errorf("%s: %q\n%q\nwant\n%q\n%q", what, files, pieces, wantFiles, wantPieces)
			}
		}
		first := cached(VerifyOptions{})
		same("the first run", first, full)
		if first.Basis != BasisFull || first.Cached != 0 {
			t.Errorf("the first run: %s, %d bytes cached", first.Basis, first.Cached)
		}
		hashed := full.Pieces.Good+full.Pieces.Bad > 0
		second := cached(VerifyOptions{})
		same("the second run", second, full)
		if (second.Basis == BasisCached) != hashed || (second.Cached > 0) != hashed {
			t.Errorf("the second run: %s, %d bytes cached", second.Basis, second.Cached)
		}
		quick := cached(VerifyOptions{Quick: true})
		if quick.Basis != BasisQuick || quick.Cached != second.Cached {
			t.Errorf("a quick run: %s, %d bytes cached, want %d", quick.Basis, quick.Cached, second.Cached)
		}
		plain := verifyWith(t, s, VerifyOptions{})
		if plain.Basis != BasisFull || plain.Cached != 0 {
			t.Errorf("without the cache: %s, %d bytes cached", plain.Basis, plain.Cached)
		}
		i := r.IntN(len(s.sizes))
		info, err := os.Stat(s.path(i))
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			return
		}
		if err := flip(r.Int64N(info.Size()))(s.path(i)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(s.path(i), info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		same("after a change", cached(VerifyOptions{}), verifyWith(t, s, VerifyOptions{}))
	})
}
