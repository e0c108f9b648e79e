// Package mmap maps files into memory to read them, and survives that a mapped file
// shrinks or its disk fails.
//
// A program that reads a page of such a file gets a fault, which ends it. [Guard] turns
// the faults of known mappings into a result, and no others: those are bugs.
package mmap

import (
	"errors"
	"iter"
	"runtime/debug"
	"unsafe"
)

// A Map is a mapped part of a file. It must not be written to.
type Map []byte

// holds reports whether an address is in the map.
func (m Map) holds(addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	return start <= addr && addr < start+uintptr(len(m))
}

// Guard calls f. It returns false if a fault in one of the maps has ended f. Any other
// panic passes.
func Guard(maps iter.Seq[Map], f func()) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if !isFault(r, maps) {
				panic(r)
			}
			ok = false
		}
	}()
	f()
	return true
}

// isFault reports whether the value of a panic is a fault in one of the maps.
func isFault(r any, maps iter.Seq[Map]) bool {
	err, _ := r.(error)
	fault, ok := errors.AsType[interface {
		error
		Addr() uintptr
	}](err)
	if !ok {
		return false
	}
	for m := range maps {
		if m.holds(fault.Addr()) {
			return true
		}
	}
	return false
}
