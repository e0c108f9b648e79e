package testenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// diskBlock is the block size of a Disk's file system.
const diskBlock = 4096

// A Disk is an ext4 file system on a loop device, of which blocks can fail: reading them
// gives EIO. All writes can fail too. Programs other than the test should read it, because the test itself serves
// the image of the device by FUSE.
type Disk struct {
	Dir string // where it is mounted

	t     testing.TB
	image *diskImage
	file  string // the image on disk
	loop  string
}

// NewDisk mounts a new Disk at dir until the test ends.
func NewDisk(t testing.TB, dir string, size int64) *Disk {
	t.Helper()
	Root(t)
	d := &Disk{Dir: dir, t: t, file: filepath.Join(t.TempDir(), "image")}
	f, err := os.OpenFile(d.file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	// Each inode has a block, so that one can fail alone.
	d.run("mkfs.ext4", "-q", "-F", "-b", strconv.Itoa(diskBlock), "-I", strconv.Itoa(diskBlock), "-N", "64", "-O", "^has_journal", d.file)
	d.image = &diskImage{file: f, size: size, bad: make(map[int64]bool)}
	served := t.TempDir()
	mountFile(t, served, "image", d.image)
	d.loop = Loop(t, filepath.Join(served, "image"))
	d.mount()
	t.Cleanup(func() { d.run("umount", d.Dir) })
	return d
}

// Loop returns a loop device for an image until the test ends.
func Loop(t testing.TB, image string) (device string) {
	t.Helper()
	out, err := exec.Command(Program(t, "losetup"), "--find", "--show", image).CombinedOutput()
	if err != nil {
		Missing(t, "a loop device: "+string(out))
	}
	device = strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("losetup: %v: %s", err, out)
		}
	})
	return device
}

func (d *Disk) mount() {
	d.t.Helper()
	d.run("mount", d.loop, d.Dir)
}

func (d *Disk) run(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(Program(d.t, name), args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

// A BadBlock is a block of a Disk that fails.
type BadBlock struct {
	Path   string // of a file or directory on the disk, below Dir
	Offset int64  // in the file or directory; -1 is its inode
}

// Fail makes blocks fail. Nothing of the disk may be in use, because it is mounted again
// without its caches.
func (d *Disk) Fail(blocks ...BadBlock) {
	d.t.Helper()
	d.run("umount", d.Dir)
	defer d.mount()
	for _, b := range blocks {
		d.image.fail(d.find(b))
	}
}

// FailWrites makes all writes to the disk fail with EIO.
func (d *Disk) FailWrites() { d.image.refuse(true) }

// MendWrites lets writes succeed again. What could not be written is lost, as after a loss of
// power. Nothing of the disk may be in use.
func (d *Disk) MendWrites() {
	d.t.Helper()
	d.run("umount", d.Dir)
	d.image.refuse(false)
	out, err := exec.Command(Program(d.t, "e2fsck"), "-fy", d.loop).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() > 1) { // 1: it has mended
		d.t.Fatalf("e2fsck: %v: %s", err, out)
	}
	d.mount()
}

var inodeBlock = regexp.MustCompile(`located at block (\d+),`)

// find returns the number of a block on the disk.
func (d *Disk) find(b BadBlock) int64 {
	d.t.Helper()
	request, pick := "bmap \"/"+b.Path+"\" "+strconv.FormatInt(b.Offset/diskBlock, 10), strings.TrimSpace
	if b.Offset < 0 {
		request = "imap \"/" + b.Path + "\""
		pick = func(out string) string {
			if m := inodeBlock.FindStringSubmatch(out); m != nil {
				return m[1]
			}
			return ""
		}
	}
	out, err := exec.Command(Program(d.t, "debugfs"), "-R", request, d.file).Output()
	n, err2 := strconv.ParseInt(pick(string(out)), 10, 64)
	if err = errors.Join(err, err2); err != nil || n == 0 {
		d.t.Fatalf("debugfs %q: %v: %s", request, err, out)
	}
	return n
}

// A diskImage is the only file of a FUSE file system, and is in another file. Reading
// some of its blocks fails.
type diskImage struct {
	fs.Inode
	file *os.File
	size int64

	mu      sync.Mutex
	bad     map[int64]bool // blocks that can't be read
	refuses bool           // nothing can be written
}

func (i *diskImage) fail(block int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bad[block] = true
}

func (i *diskImage) refuse(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuses = on
}

// Getattr implements fs.NodeGetattrer.
func (i *diskImage) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o600, uint64(i.size)
	return 0
}

// Open implements fs.NodeOpener.
func (i *diskImage) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read implements fs.NodeReader. Like a disk, it returns what is before a bad block.
func (i *diskImage) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for block := off / diskBlock; block*diskBlock < off+int64(len(dest)); block++ {
		if i.bad[block] {
			if block*diskBlock <= off {
				return nil, syscall.EIO
			}
			dest = dest[:block*diskBlock-off]
		}
	}
	n, err := i.file.ReadAt(dest, off)
	if n == 0 && err != nil {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Write implements fs.NodeWriter.
func (i *diskImage) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuses {
		return 0, syscall.EIO
	}
	n, err := i.file.WriteAt(data, off)
	return uint32(n), fs.ToErrno(err)
}

// Fsync implements fs.NodeFsyncer.
func (i *diskImage) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno { return 0 }
