package client

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestZZ(t *testing.T) {
	type c struct {
		name   string
		cut    scrapeCut
		refuse func([][20]byte) (string, int)
	}
	w := 0
	cases := []c{{"all", nil, nil}, {"last", scrapeLast, nil}}
	for _, l := range []int{1, 2, 10, 49} {
		cases = append(cases, c{fmt.Sprint("first ", l), scrapeFirst(l), nil}, c{fmt.Sprint("first known ", l), scrapeFirstKnown(l), nil}, c{fmt.Sprint("some known ", l), scrapeSomeKnown(l), nil})
	}
	cases = append(cases, c{"more than one refused", nil, scrapeRefuse(1, "one", 0)}, c{"414>1", nil, scrapeRefuse(1, "", 414)}, c{"414>20", nil, scrapeRefuse(20, "", 414)}, c{"431>49", nil, scrapeRefuse(49, "", 431)},
		c{"400>20", nil, scrapeRefuse(20, "", 400)}, c{"failure>20", nil, scrapeRefuse(20, "x", 0)},
		c{"poison 0", nil, scrapePoison(0, "x", 0)}, c{"poison 777", nil, scrapePoison(777, "x", 0)}, c{"poison 777, 400", nil, scrapePoison(777, "", 400)}, c{"poison 777, 404", nil, scrapePoison(777, "", 404)}, c{"poison 777, 500", nil, scrapePoison(777, "", 500)},
		c{"all refused", nil, scrapeRefuse(0, "x", 0)}, c{"all 403", nil, scrapeRefuse(0, "", 403)}, c{"all 414", nil, scrapeRefuse(0, "", 414)}, c{"all 400", nil, scrapeRefuse(0, "", 400)},
		c{"all, other words", nil, func([][20]byte) (string, int) { w++; return fmt.Sprint("no ", w), 0 }})
	for _, k := range cases {
		line := fmt.Sprintf("%-22s", k.name)
		for _, n := range scrapeKnown {
			lo, hi, bad, unheard := 1<<30, 0, 0, 0
			const seeds = 15
			for seed := range uint64(seeds) {
				s := &scrapeTracker{cut: k.cut, refuse: k.refuse}
				a := s.run(t, 1000, rand.New(rand.NewPCG(30, seed)).Perm(1000)[:n], seed)
				lo, hi = min(lo, s.requests), max(hi, s.requests)
				if wr := s.wrong(a); len(wr) > 0 {
					if scrapeStatuses(a)[OK] == 0 { unheard++ } else { bad += len(wr) }
				}
			}
			line += fmt.Sprintf(" | %4d-%4d u%d w%d", lo, hi, unheard, bad)
		}
		fmt.Println(line)
	}
	for _, k := range cases {
		line := fmt.Sprintf("10k %-22s", k.name)
		for _, n := range []int{0, 10, 100, 5000, 10000} {
			s := &scrapeTracker{cut: k.cut, refuse: k.refuse}
			a := s.run(t, 10000, rand.New(rand.NewPCG(30, 5)).Perm(10000)[:n], 5)
			line += fmt.Sprintf(" | %d w%d", s.requests, len(s.wrong(a)))
		}
		fmt.Println(line)
	}
}
