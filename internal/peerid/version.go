package peerid

import (
	"strconv"
	"strings"
)

// A version parses the version at the start of v, the text after the code or mark of a
// client. It returns false if it is not a version of that client. The result contains
// no raw bytes of v.
type version func(v []byte) (text string, ok bool)

// Most versions have one character per number: -LT20B0- is 2.0.11.
func three(v []byte) (string, bool) { return dotted(v[:3]) }
func four(v []byte) (string, bool)  { return dotted(v[:4]) }

// threeOrFour omits a fourth number that is 0.
func threeOrFour(v []byte) (string, bool) {
	if v[3] == '0' {
		return three(v)
	}
	return four(v)
}

// twoOrThree is for Free Download Manager, which pads with random bytes.
func twoOrThree(v []byte) (string, bool) {
	if text, ok := three(v); ok {
		return text, ok
	}
	return dotted(v[:2])
}

// pick returns decimal digits by their positions, counted from 1: for 0120, "1.23.4"
// gives 0.12.0.
func pick(form string) version {
	return func(v []byte) (string, bool) {
		text := []byte(form)
		for i, c := range text {
			if c < '1' || c > '9' {
				continue
			}
			text[i] = v[c-'1']
			if !decimal(text[i : i+1]) {
				return "", false
			}
		}
		return string(text), true
	}
}

// hundredths: 0241 is 2.41, 0302 is 3.02.
func hundredths(v []byte) (string, bool) {
	if !decimal(v[:4]) {
		return "", false
	}
	return number(v[:2]) + "." + string(v[2:4]), true
}

// pairs: 0102 is 1.2, 0068 is 0.68.
func pairs(v []byte) (string, bool) {
	if !decimal(v[:4]) {
		return "", false
	}
	return number(v[:2]) + "." + number(v[2:4]), true
}

// threePairs: 010203 is 1.2.3.
func threePairs(v []byte) (string, bool) {
	if !decimal(v[:6]) {
		return "", false
	}
	return number(v[:2]) + "." + number(v[2:4]) + "." + number(v[4:6]), true
}

// dashed: 4-20-8- is 4.20.8 (BEP 20, Mainline).
func dashed(v []byte) (string, bool) {
	parts := strings.SplitN(string(v), "-", 4)
	if len(parts) < 4 {
		return "", false
	}
	for _, p := range parts[:3] {
		if len(p) < 1 || len(p) > 2 || !decimal([]byte(p)) {
			return "", false
		}
	}
	return strings.Join(parts[:3], "."), true
}

// spelled parses a version as text, up to a dash: 2.7.2- or 0.70rc30-.
func spelled(v []byte) (string, bool) {
	text, _, ended := strings.Cut(string(v), "-")
	ok := ended && text != "" && decimal(v[:1]) && alphanumeric([]byte(strings.ReplaceAll(text, ".", "")))
	if !ok {
		return "", false
	}
	return text, true
}

// transmission parses three forms: 0006 and 0072 are 0.6 and 0.72; 1330 is 1.33, with
// 133Z and 133X between that and 1.34; from 4 on, 4050 is 4.0.5, 400B a beta and 400Z a
// development version.
func transmission(v []byte) (string, bool) {
	switch {
	case decimal(v[:4]) && string(v[:3]) == "000":
		return pick("1.4")(v)
	case decimal(v[:4]) && string(v[:2]) == "00":
		return pick("1.34")(v)
	case v[0] <= '3':
		text, ok := pick("1.23")(v)
		if ok && (v[3] == 'Z' || v[3] == 'X') {
			text += "+"
		}
		return text, ok
	}
	text, ok := three(v)
	return text + stage(v[3]), ok
}

// deluge includes the stage since version 2: 211s is 2.1.1, 201b a beta of 2.0.1.
func deluge(v []byte) (string, bool) {
	text, ok := three(v)
	if !ok {
		return "", false
	}
	switch v[3] {
	case 'a':
		text += " alpha"
	case 'b':
		text += " beta"
	case 'r':
		text += " rc"
	case 'D':
		text += " dev"
	}
	return text, true
}

// ktorrent: 2140 is 2.1.4, 11R1 is 1.1 rc1, 33D1 is 3.3 dev1.
func ktorrent(v []byte) (string, bool) {
	kind, ok := map[byte]string{'R': "rc", 'D': "dev", 'B': "beta"}[v[2]]
	if !ok {
		return three(v)
	}
	text, ok := dotted(v[:2])
	if !ok || !decimal(v[3:4]) {
		return "", false
	}
	return text + " " + kind + string(v[3:4]), true
}

// xfplay: 9990 is 9.9.9, 9992 is 9.9.92.
func xfplay(v []byte) (string, bool) {
	if v[3] == '0' {
		return pick("1.2.3")(v)
	}
	return pick("1.2.34")(v)
}

// utorrent parses three forms of hexadecimal numbers: 355W- is 3.5.5 with a letter for
// the stage, 340- is 3.4.0, and 15110 without a dash is 1.5.11.
func utorrent(v []byte) (string, bool) {
	var n [3]int
	for i := range n {
		u, err := strconv.ParseUint(string(v[i:i+1]), 16, 8)
		if err != nil {
			return "", false
		}
		n[i] = int(u)
	}
	switch {
	case v[3] == '-':
		return numbers(n[:]...), true
	case v[4] == '-':
		return numbers(n[:]...) + stage(v[3]), true
	case decimal(v[2:4]):
		return numbers(n[:2]...) + "." + number(v[2:4]) + stage(v[4]), true
	}
	return numbers(n[:]...), true
}

// bitTorrent is utorrent with another longest form: 71000 is 7.10.0.
func bitTorrent(v []byte) (string, bool) {
	if decimal(v[:4]) && v[4] != '-' {
		return pick("1.23.4")(v)
	}
	return utorrent(v)
}

// xbt: 054d is a debug build of 0.5.4 (BEP 20).
func xbt(v []byte) (string, bool) {
	text, ok := pick("1.2.3")(v)
	if ok && v[3] == 'd' {
		text += " debug"
	}
	return text, ok
}

// bitsOnWheels is known from two versions (BEP 20 has the second).
func bitsOnWheels(v []byte) (string, bool) {
	return map[string]string{"A0B": "1.0.5", "A0C": "1.0.6"}[string(v[:3])], v[3] == '-'
}

// twoBytes are binary numbers: 0 and 56 are 0.56 (BEP 20, BitComet).
func twoBytes(v []byte) (string, bool) {
	if v[0] > 99 || v[1] > 99 {
		return "", false
	}
	text := strconv.Itoa(int(v[0])) + "."
	if v[1] < 10 {
		text += "0"
	}
	return text + strconv.Itoa(int(v[1])), true
}

// lord is twoBytes followed by a mark. Since BitLord 1 the second number has no leading
// zero.
func lord(v []byte) (string, bool) {
	if string(v[2:6]) != "LORD" {
		return "", false
	}
	text, ok := twoBytes(v)
	if ok && v[0] > 0 {
		text = numbers(int(v[0]), int(v[1]))
	}
	return text, ok
}

// stage returns the stage for a letter after the numbers, "" for most letters.
func stage(c byte) string {
	switch c {
	case 'A':
		return " alpha"
	case 'B', 'b':
		return " beta"
	case 'd':
		return " debug"
	case 'X', 'x', 'Z':
		return " dev"
	}
	return ""
}

// dotted parses each character as a number, with the digits of Shadow style and Azureus
// style: 0-9, A-Z from 10, a-z from 36, and "." for 62.
func dotted(v []byte) (string, bool) {
	n := make([]int, len(v))
	for i, c := range v {
		switch {
		case '0' <= c && c <= '9':
			n[i] = int(c - '0')
		case 'A' <= c && c <= 'Z':
			n[i] = int(c-'A') + 10
		case 'a' <= c && c <= 'z':
			n[i] = int(c-'a') + 36
		case c == '.':
			n[i] = 62
		default:
			return "", false
		}
	}
	return numbers(n...), true
}

func numbers(n ...int) string {
	var parts []string
	for _, n := range n {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ".")
}

// number drops the leading zero of a number of two decimal digits.
func number(v []byte) string {
	if v[0] == '0' {
		v = v[1:]
	}
	return string(v)
}

func decimal(v []byte) bool {
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func alphanumeric(v []byte) bool {
	for _, c := range v {
		if !decimal([]byte{c}) && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
