package main

import (
	"context"
	"errors"

	"bt/seed"
)

// A madeSeeding seeds the torrents that bt make --seed has made.
type madeSeeding struct {
	*ui
	flags   *seedFlags
	options seed.Options
}

// newMadeSeeding checks the flags, before anything is made.
func newMadeSeeding(u *ui, f *seedFlags) (*madeSeeding, error) {
	o, err := f.options(u)
	if err == nil {
		_, err = f.peers.binding.binding()
	}
	return &madeSeeding{u, f, o}, err
}

// seed seeds the torrents until it is done. The data was just hashed, and is not checked
// again.
func (m *madeSeeding) seed(ctx context.Context, made []madeTorrent) error {
	if err := m.flags.bind(m.ui, &m.options); err != nil {
		return err
	}
	s := &seedScreen{ui: m.ui, exit: m.flags.exit}
	var err error
	if s.page, err = m.flags.status.open(); err != nil {
		m.options.Listener.Close()
		return err
	}
	var inputs []seed.Input
	for _, t := range made {
		if len(t.Torrent.Trackers()) == 0 {
			m.warn("%s has no tracker, so peers can't find this seed; add one with --announce", t.output)
		}
		inputs = append(inputs, seed.Input{Torrent: t.Torrent, Path: t.Content, Hashed: true})
	}
	if len(inputs) == 1 {
		return s.runOne(ctx, m.options, inputs[0])
	}
	return s.run(ctx, m.options, func(context.Context) error {
		for i, in := range inputs {
			switch _, err := s.seeder.Add(in); {
			case errors.Is(err, seed.ErrDuplicate):
				m.warn("%s is not seeded: another torrent has its info-hash", made[i].output)
			case err != nil:
				return usable(in.Torrent.Name, err)
			}
		}
		return nil
	})
}
