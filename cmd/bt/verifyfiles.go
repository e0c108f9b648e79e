package main

import (
	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
)

// verifyScope are the flags of bt verify that choose what is read.
type verifyScope struct {
	fileChoice
	quick  bool
	sample option[int]
	cached bool
}

func (f *verifyScope) flags() []cli.Flag {
	return []cli.Flag{
		f.fileChoice.flag("verify only files that match `GLOB`, as in bt make --include; again for more"),
		switchFlag(&f.quick, "quick", "read nothing: compare sizes, and the results of earlier runs for files whose times have not changed since; proves nothing"),
		valueFlag(&f.sample, numberFrom(1), "sample", "read only `N` pieces, others at random in each run; proves nothing about the rest"),
		switchFlag(&f.cached, "cached", "believe the hashes of earlier runs, also of bt make, for files that have not changed since, and remember those of this run"),
	}
}

// check returns an error if flags exclude each other.
func (f *verifyScope) check() error {
	return oneFlag(givenSwitch{"quick", f.quick}, givenSwitch{"sample", f.sample.given}, givenSwitch{"cached", f.cached})
}

// parts are the flags with which not all pieces are verified.
func (f *verifyScope) parts() []givenSwitch {
	return []givenSwitch{{"files", f.globs != nil}, {"quick", f.quick}, {"sample", f.sample.given}}
}

// apply sets the options that the flags stand for.
func (f *verifyScope) apply(o *inspect.VerifyOptions, t *metainfo.Torrent) {
	o.Quick, o.Sample = f.quick, f.sample.value
	if f.globs == nil {
		return
	}
	chosen := f.choose(t)
	o.Only = func(file int) bool { return chosen[file] }
}

// proof is the kind of proof of a run of which some bytes were not read again.
func (f *verifyScope) proof() inspect.Basis {
	switch {
	case f.quick:
		return inspect.BasisQuick
	case f.sample.given:
		return inspect.BasisSample
	}
	return inspect.BasisFull
}
