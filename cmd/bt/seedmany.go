package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"bt/seed"
)

// saveEvery is the interval at which the ledger is saved.
const saveEvery = time.Minute

// runSeedMany seeds the torrents in a directory.
func runSeedMany(ctx context.Context, u *ui, args []string, f *seedFlags) error {
	if len(args) > 1 {
		return oneDirectory(args)
	}
	name := args[0]
	u.subject, u.jsonl = name, u.json // one event per line
	o, err := f.options(u)
	if err != nil {
		return err
	}
	d, err := openDirectory(u, f, name)
	if err != nil {
		return err
	}
	if d.Ledger != nil {
		defer d.Ledger.Close()
	}
	if err := f.bind(u, &o); err != nil {
		return err
	}
	s := &seedScreen{ui: u, exit: f.exit}
	if s.page, err = f.status.open(); err != nil {
		closeNetwork(o.Listener, o.DHT)
		return err
	}
	rescan, stop := onHangup(u.env)
	defer stop()
	d.Rescan = rescan
	return s.runDirectory(ctx, o, d)
}

// openDirectory checks the directories that the flags select, and opens the
// ledger.
func openDirectory(u *ui, f *seedFlags, name string) (*seed.Directory, error) {
	d := &seed.Directory{Path: name, Recursive: f.recursive, Data: f.data.value, Trackers: f.announce, MaxSize: u.env.options.maxSize.value}
	if d.Data != "" {
		if _, err := os.ReadDir(d.Data); err != nil {
			return nil, readError(d.Data, err)
		}
	}
	ledger, err := ledgerPath(u, name)
	if err != nil {
		return nil, err
	}
	if err := checkTorrents(u, f, name, seed.HasLedger(ledger)); err != nil {
		return nil, err
	}
	d.Ledger, err = openLedger(u, name, ledger)
	return d, err
}

// runDirectory seeds the torrents in a directory until it is done.
func (s *seedScreen) runDirectory(ctx context.Context, o seed.Options, d *seed.Directory) error {
	var wg sync.WaitGroup
	err := s.run(ctx, o, func(ctx context.Context) error {
		d.Seeder, s.dir = s.seeder, d
		if err := d.Scan(); err != nil {
			return readError(d.Path, err)
		}
		wg.Go(func() { d.Run(ctx) })
		if d.Ledger != nil {
			wg.Go(func() { s.keepLedger(ctx, d.Ledger) })
		}
		return nil
	})
	wg.Wait()
	if d.Ledger != nil && s.seeder != nil {
		if err := d.Ledger.Save(s.seeder); err != nil {
			s.report(failf(exitWrite, "saving the uploaded bytes: %w", err))
		}
	}
	return err
}

// keepLedger saves the ledger regularly until ctx ends.
func (s *seedScreen) keepLedger(ctx context.Context, l *seed.Ledger) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := l.Save(s.seeder); err != nil {
				s.event(s.env.now(), seed.EventWarning{Err: fmt.Errorf("saving the uploaded bytes: %w", err)})
			}
		}
	}
}

// ledgerPath returns the path of the ledger, which keeps the uploaded bytes of
// earlier runs, for a directory. It is "" if there is no state directory.
func ledgerPath(u *ui, dir string) (string, error) {
	if u.env.dirs.state == "" {
		u.warn("neither XDG_STATE_HOME nor HOME is set: the uploaded bytes are not saved")
		return "", nil
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return "", readError(dir, err)
	}
	key := sha256.Sum256([]byte(abs))
	return filepath.Join(u.env.dirs.state, "seed", fmt.Sprintf("%x.json", key[:8])), nil
}

// openLedger opens a ledger. It returns nil if path is "" or the ledger can't be
// written.
func openLedger(u *ui, dir, path string) (*seed.Ledger, error) {
	if path == "" {
		return nil, nil
	}
	l, damage, err := seed.OpenLedger(path)
	switch {
	case errors.Is(err, seed.ErrInUse):
		return nil, failf(exitWrite, "another bt seed uses %s", dir)
	case err != nil:
		u.warn("the uploaded bytes are not saved: %v", err)
		return nil, nil
	}
	if damage != nil {
		u.warn("%v", damage)
	}
	return l, nil
}

// onHangup returns a channel that receives a value for each SIGHUP, which daemons
// use as a request to reload. On a terminal it returns nil, and SIGHUP ends the
// command.
func onHangup(e *env) (rescan <-chan struct{}, stop func()) {
	if e.stdoutTerminal {
		return nil, func() {}
	}
	signals := make(chan os.Signal, 1)
	signal.Reset(syscall.SIGHUP) // undo the registration of withSignals
	signal.Notify(signals, syscall.SIGHUP)
	news := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
			select {
			case news <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	})
	return news, func() {
		signal.Stop(signals)
		cancel()
		wg.Wait()
	}
}

// notifySystemd sends the state of the service to the service manager (sd_notify),
// if there is one.
func notifySystemd(state string) {
	_, _ = daemon.SdNotify(false, state)
}
