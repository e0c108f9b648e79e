package main

import (
	"context"
	"errors"

	"bt/seed"
)

// A laterSeeding is what bt make --seed and bt get --seed do after their own work.
type laterSeeding struct {
	*ui
	flags   *seedFlags
	options seed.Options
}

// newLaterSeeding checks the flags, before anything is done.
func newLaterSeeding(u *ui, f *seedFlags) (*laterSeeding, error) {
	o, err := f.options(u)
	if err == nil {
		_, err = f.peers.binding.binding()
	}
	return &laterSeeding{u, f, o}, err
}

// open opens the listener and the status page.
func (l *laterSeeding) open() (*seedScreen, error) {
	if err := l.flags.bind(l.ui, &l.options); err != nil {
		return nil, err
	}
	s := &seedScreen{ui: l.ui, exit: l.flags.exit}
	var err error
	if s.page, err = l.flags.status.open(); err != nil {
		closeNetwork(l.options.Listener, l.options.DHT)
	}
	return s, err
}

// seedMade seeds torrents that were made until it is done. The data was just hashed, and is
// not checked again.
func (l *laterSeeding) seedMade(ctx context.Context, made []madeTorrent) error {
	s, err := l.open()
	if err != nil {
		return err
	}
	var inputs []seed.Input
	for _, t := range made {
		if l.flags.peers.isHidden(t.Torrent) {
			l.warn("%s has no tracker, so peers can't find this seed; add one with --announce", t.output)
		}
		inputs = append(inputs, seed.Input{Torrent: t.Torrent, Path: t.Content, Hashed: true})
	}
	if len(inputs) == 1 {
		return s.runOne(ctx, l.options, inputs[0])
	}
	return s.run(ctx, l.options, func(context.Context) error {
		for i, in := range inputs {
			switch _, err := s.seeder.Add(in); {
			case errors.Is(err, seed.ErrDuplicate):
				l.warn("%s is not seeded: another torrent has its info-hash", made[i].output)
			case err != nil:
				return usable(in.Torrent.Name, err)
			}
		}
		return nil
	})
}
