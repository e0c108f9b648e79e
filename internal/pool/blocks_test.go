package pool

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Blocks are different memory, and the arena knows how many are in use, whatever is taken and
// put back.
func TestArena(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var a Arena
		var held []*Block
		var marks []uint64
		for range 300 {
			grows := rng.IntN(2) == 0
			if seed%2 == 0 {
				grows = len(held) == 0 || rng.IntN(5*perChunk) > len(held)
			}
			if n := rng.IntN(2 * perChunk); grows {
				list := make([]*Block, n)
				if n > 1 {
					list[0] = new(Block) // it stays
				}
				was := slices.Clone(list)
				a.Fill(list)
				for i, b := range list {
					if was[i] != nil {
						if b != was[i] {
							t.Fatal("Fill has replaced a block")
						}
						continue
					}
					mark := rng.Uint64()
					binary.NativeEndian.PutUint64(b[:], mark)
					binary.NativeEndian.PutUint64(b[BlockLength-8:], ^mark)
					held, marks = append(held, b), append(marks, mark)
				}
			} else {
				rng.Shuffle(len(held), func(i, j int) {
					held[i], held[j] = held[j], held[i]
					marks[i], marks[j] = marks[j], marks[i]
				})
				list := append(slices.Clone(held[:min(n, len(held))]), nil)
				held, marks = held[len(list)-1:], marks[len(list)-1:]
				a.Put(list...)
				if slices.ContainsFunc(list, func(b *Block) bool { return b != nil }) {
					t.Fatal("Put has left a block in the list")
				}
			}
			for i, b := range held {
				if binary.NativeEndian.Uint64(b[:]) != marks[i] || binary.NativeEndian.Uint64(b[BlockLength-8:]) != ^marks[i] {
					t.Fatalf("seed %d: a block has changed", seed)
				}
			}
			if n := a.InUse(); n != len(held) {
				t.Fatalf("seed %d: %d blocks are in use, want %d", seed, n, len(held))
			}
		}
		a.Put(held...)
		if len(a.idle) != len(a.chunks) || a.InUse() != 0 {
			t.Fatalf("seed %d: %d of %d chunks are idle", seed, len(a.idle), len(a.chunks))
		}
	}
}

// Chunks that are not used are given back, those that are used now and then stay.
func TestArenaShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Arena
		use := func(n int) {
			list := make([]*Block, n)
			a.Fill(list)
			a.Put(list...)
		}
		use(10 * perChunk)
		all := slices.Clone(a.chunks)
		for range 20 {
			time.Sleep(idleTime / 2)
			use(3 * perChunk)
		}
		if n := len(a.chunks); n != 3 {
			t.Errorf("%d chunks, want 3", n)
		}
		kept := slices.DeleteFunc(all, func(c *chunk) bool { return c.memory == nil && c.free == nil })
		if len(kept) != 3 {
			t.Errorf("%d chunks have memory, want 3", len(kept))
		}
		one := a.Get()
		time.Sleep(3 * idleTime)
		synctest.Wait()
		if len(a.chunks) != 1 || len(a.idle) != 0 {
			t.Errorf("%d chunks, %d idle, with one block in use", len(a.chunks), len(a.idle))
		}
		a.Put(one)
		time.Sleep(3 * idleTime)
		synctest.Wait()
		if len(a.chunks) != 0 || a.trims {
			t.Errorf("%d chunks are left, trims: %t", len(a.chunks), a.trims)
		}
	})
}

// A block that is put back twice would be used by two at once.
func TestArenaTwice(t *testing.T) {
	for name, b := range map[string]func(a *Arena) *Block{
		"all are free": func(a *Arena) *Block {
			b := a.Get()
			a.Put(b)
			return b
		},
		"another one is in use": func(a *Arena) *Block {
			b := a.Get()
			a.Get()
			a.Put(b)
			return b
		},
		"of no arena": func(*Arena) *Block { return new(Block) },
		"of another arena": func(a *Arena) *Block {
			a.Get()
			return new(Arena).Get()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var a Arena
			bad := b(&a)
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			a.Put(bad)
		})
	}
}
