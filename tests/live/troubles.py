"""What befalls a project in an hour, each as a context: it begins, lasts and ends."""

import contextlib
import os


@contextlib.contextmanager
def switched(folder, *names):
    """Let the smoke tests see files by which they do badly."""
    for name in names:
        (folder / name).touch()
    try:
        yield
    finally:
        for name in names:
            (folder / name).unlink()


@contextlib.contextmanager
def dead_mount(folder):
    """Let reading the mount hang; at the end those who read it get the end of the file."""
    path = folder / "mount"
    path.unlink()
    os.mkfifo(path)
    try:
        yield
    finally:
        pipe = path.open("rb+", buffering=0)  # it never blocks, and wakes those who wait for a writer
        path.with_name("mended").touch()
        path.with_name("mended").replace(path)
        pipe.close()


@contextlib.contextmanager
def stopped(database):
    """End a database, and start it again."""
    database.stop()
    try:
        yield
    finally:
        database.start()


@contextlib.contextmanager
def restarted(database):
    """Restart a database in no time."""
    database.stop()
    database.start()
    yield


@contextlib.contextmanager
def several(*troubles):
    """Let it all happen at once."""
    with contextlib.ExitStack() as stack:
        for trouble in troubles:
            stack.enter_context(trouble)
        yield
