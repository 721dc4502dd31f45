"""Real mounts for a test: a small disk, a read-only one, and one whose server never answers."""

import ctypes
import os
from contextlib import contextmanager

import pytest

READ_ONLY = 1
_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def small_disk(path, *, options="size=1m", flags=0):
    """Mount a tmpfs; it goes whatever happens."""
    _mount("tmpfs", path, options, flags)
    try:
        yield path
    finally:
        _libc.umount2(os.fsencode(path), _DETACH)


@contextmanager
def hanging_mount(path):
    """Mount a file system whose server takes no request, until the end: whoever looks at it waits in the kernel."""
    server = _mount_fuse(path)
    try:
        yield path
    finally:
        os.close(server)  # frees all who wait
        _libc.umount2(os.fsencode(path), _DETACH)


@contextmanager
def dead_mount(path):
    """Mount a file system whose server has died."""
    os.close(_mount_fuse(path))
    try:
        yield path
    finally:
        _libc.umount2(os.fsencode(path), _DETACH)


def _mount_fuse(path):
    """Mount FUSE without its library; return the descriptor from which a server would read what the kernel asks."""
    try:
        server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"/dev/fuse can't be opened: {error}")
    _mount("fuse", path, f"fd={server},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}")
    return server


def _mount(kind, path, options, flags=0):
    if not hasattr(_libc, "umount2"):
        pytest.skip("mounts are tried on Linux only")
    if _libc.mount(b"smoketest", os.fsencode(path), kind.encode(), flags, options.encode()) != 0:
        pytest.skip(f"a {kind} can't be mounted here: {os.strerror(ctypes.get_errno())}")
