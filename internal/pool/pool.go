// Package pool keeps values that are expensive to allocate, for their next use.
package pool

import "sync"

// A Pool is a sync.Pool of one type, whose values are made as zero values. The zero Pool
// is ready for use.
type Pool[T any] struct{ p sync.Pool }

// Get returns a value that Put was given, as it was, or a new one.
func (p *Pool[T]) Get() *T {
	if x, ok := p.p.Get().(*T); ok {
		return x
	}
	return new(T)
}

// Put keeps a value for Get.
func (p *Pool[T]) Put(x *T) { p.p.Put(x) }
