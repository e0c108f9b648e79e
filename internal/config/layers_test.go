package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	for _, tt := range []struct {
		layers []string // the lowest first; values separated by blanks
		want   string   // key=texts(layers)
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"a=1"}, "a=1(0)"},
		{[]string{"a=1", "a=2"}, "a=2(1)"},
		{[]string{"a=1", "b=2"}, "a=1(0) b=2(1)"},
		{[]string{"l=1,2", "l=3"}, "l=3(1)"},
		{[]string{"l=1,2", "+l=3"}, "l=1,2,3(0,1)"},
		{[]string{"l=1", "+l=2", "+l=3,4"}, "l=1,2,3,4(0,1,2)"},
		{[]string{"l=1", "+l=2", "l=3", "+l=4"}, "l=3,4(2,3)"},
		{[]string{"+l=1"}, "l=1(0)"},
		{[]string{"+l=2 l=1"}, "l=1,2(0,0)"}, // of one layer, + adds to the other
		{[]string{"l=1", "+l=3 l=2"}, "l=2,3(1,1)"},
		{[]string{"l=1", "l="}, "l=(1)"},
		{[]string{"l=1", "+l="}, "l=1(0,1)"},

		{[]string{"p=true", "p=false"}, "p=false(1)"},
		{[]string{"no-date=true", "date=1"}, "date=1(1)"},
		{[]string{"date=1", "no-date=true"}, "no-date=true(1)"},
		{[]string{"date=1", "no-date=false"}, "date=1(0) no-date=false(1)"},
		{[]string{"no-date=true", "no-date=false"}, "no-date=false(1)"},
		{[]string{"date=1", "no-date=true", "no-date=false"}, "date=1(0) no-date=false(2)"},
		{[]string{"date=1", "no-date=true", "date=2"}, "date=2(2)"},
		{[]string{"date=1 no-date=true"}, "date=1(0) no-date=true(0)"}, // a contradiction, which the flags report
		{[]string{"no-date=true", "x=1"}, "no-date=true(0) x=1(1)"},
		{[]string{"no-date=${env:A}", "date=1"}, "date=1(1)"},
		{[]string{"piece-length=1", "target-pieces=2"}, "target-pieces=2(1)"},
		{[]string{"target-pieces=2", "piece-length=auto"}, "piece-length=auto(1)"},
		{[]string{"target-pieces=2 piece-length=1"}, "piece-length=1(0) target-pieces=2(0)"},
	} {
		var layers []Layer
		for i, values := range tt.layers {
			l := Layer{From: fmt.Sprint(i)}
			for _, v := range strings.Fields(values) {
				key, texts, _ := strings.Cut(v, "=")
				key, add := strings.CutPrefix(key, "+")
				value := Value{Key: key, Add: add}
				if texts != "" {
					value.Texts = strings.Split(texts, ",")
				}
				l.Values = append(l.Values, value)
			}
			layers = append(layers, l)
		}
		var got []string
		for _, s := range Merge(layers) {
			var from []string
			for _, p := range s.Parts {
				from = append(from, p.From)
			}
			got = append(got, fmt.Sprintf("%s=%s(%s)", s.Key, strings.Join(s.Texts(), ","), strings.Join(from, ",")))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q: %q, want %q", tt.layers, got, tt.want)
		}
	}
}
