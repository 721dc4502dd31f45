"""What a test writes is kept with it, and nothing else is."""
# ruff: noqa: T201 (printing is what is tested)

import logging
import re
import subprocess
import sys
import threading
from contextlib import suppress
from textwrap import dedent

import pytest

from smoketest.failures import MOST_CHARACTERS
from tests.core.capturing import capture


def test_keeps_what_is_written():
    """Output and log records from WARNING on are kept, each in its own place."""
    logger = logging.getLogger("project")

    with capture() as captured:
        print("out")
        print("err", file=sys.stderr)
        sys.stdout.writelines(["more ", "lines\n"])
        logger.warning("to %s", "the log")
        logger.info("too quiet")

    assert captured.text("stdout") == "out\nmore lines\n"
    assert captured.text("stderr") == "err\n"
    assert captured.text("logs") == "WARNING project: to the log\n"


def test_keeps_nothing_afterwards(capsys):
    """What is written before and after goes where it always went."""
    print("before")
    with capture() as captured:
        print("inside")
    print("after")

    assert captured.text("stdout") == "inside\n"
    assert capsys.readouterr().out == "before\nafter\n"


def test_passes_on_what_others_write(capsys):
    """What another thread writes meanwhile goes where it always went."""
    other = threading.Thread(target=print, args=("from elsewhere",))

    with capture() as captured:
        other.start()
        other.join()

    assert captured.text("stdout") == ""
    assert capsys.readouterr().out == "from elsewhere\n"


def test_parallel_outputs_are_not_mixed():
    """Of tests that run at the same time each has its own output."""
    barrier = threading.Barrier(4, timeout=10)
    kept = {}

    def write(name):
        with capture() as captured:
            barrier.wait()
            print(name)
            logging.getLogger(name).error("said")
            barrier.wait()
            print(name)
        kept[name] = (captured.text("stdout"), captured.text("logs"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert kept == {name: (f"{name}\n{name}\n", f"ERROR {name}: said\n") for name in "abcd"}


def test_nested_captures():
    """Inside a capture another one takes over until its end."""
    with capture() as outer:
        print("outer")
        with capture() as inner:
            print("inner")
        print("outer again")

    assert outer.text("stdout") == "outer\nouter again\n"
    assert inner.text("stdout") == "inner\n"


@pytest.mark.parametrize("size", [1, 1000, 10_000_000])
def test_memory_is_bounded(size):
    """However much a test writes, in however large pieces, what is held stays small."""
    text = "x" * size

    with capture() as captured:
        [sys.stdout.write(text) for _ in range(max(1, 200_000 // size))]
        logging.getLogger("project").error(text)

    assert len(captured.text("stdout")) <= 4 * MOST_CHARACTERS
    assert len(captured.text("logs")) <= 4 * MOST_CHARACTERS


def test_write_answers_like_a_stream():
    """A write answers the number of characters, also of those that are not kept."""
    with capture():
        written = sys.stdout.write("x" * 100_000)

    assert written == 100_000


def test_stream_that_is_not_there(monkeypatch):
    """A process without standard streams captures what it can."""
    monkeypatch.setattr(sys, "stdout", None)

    with capture() as captured:
        print("to nobody")
        print("err", file=sys.stderr)

    assert captured.text("stdout") == ""
    assert captured.text("stderr") == "err\n"


def run_python(source):
    return subprocess.run([sys.executable, "-c", dedent(source)], capture_output=True, text=True, check=True)


def test_streams_stay_what_they_are():
    """Whatever else is asked of the standard streams is answered by the real ones."""
    process = run_python("""
        import sys
        from tests.core.capturing import capture
        with capture():
            assert sys.stdout.fileno() == 1
            assert not sys.stdout.isatty()
            assert sys.stdout.encoding == sys.__stdout__.encoding
            sys.stdout.flush()
            sys.stdout.buffer.write(b"raw")
    """)

    assert process.stdout == "raw"


def test_installed_once():
    """However often it captures, a process has one layer of streams and of log records, and no handler of ours."""
    process = run_python("""
        import logging, sys
        from tests.core.capturing import capture
        for _ in range(3):
            with capture():
                pass
        print(len(logging.getLogger().handlers), sys.stdout._original is sys.__stdout__)
        print(logging.getLogRecordFactory()._original is logging.LogRecord)
    """)

    assert process.stdout == "0 True\nTrue\n"


def test_last_resort_of_logging_stays():
    """In a process that has set up no logging, warnings outside of tests still go to stderr."""
    process = run_python("""
        import logging
        from tests.core.capturing import capture
        logging.getLogger("project").warning("before")
        with capture():
            pass
        logging.getLogger("project").warning("after")
    """)

    assert process.stderr == "before\nafter\n"


def test_basic_config_still_works():
    """Logging that the project sets up after the first test works as it would without us."""
    process = run_python("""
        import logging
        from tests.core.capturing import capture
        with capture():
            pass
        logging.basicConfig(format="set up: %(message)s")
        logging.getLogger("project").warning("hello")
    """)

    assert process.stderr == "set up: hello\n"


def test_logger_levels_stay():
    """Log records below WARNING go where they always went."""
    process = run_python("""
        import logging
        logging.basicConfig(level=logging.DEBUG, format="%(message)s")
        from tests.core.capturing import capture
        with capture() as captured:
            logging.getLogger("project").debug("quiet")
        assert captured.text("logs") == ""
    """)

    assert process.stderr == "quiet\n"


def test_record_that_cannot_be_told():
    """A log record whose arguments don't fit is kept as it is."""
    process = run_python("""
        import logging
        from tests.core.capturing import capture
        logging.raiseExceptions = False
        with capture() as captured:
            logging.getLogger("project").error("%d apples", "many")
        print(captured.text("logs"), end="")
    """)

    assert process.stdout == "ERROR project: '%d apples' (TypeError in its arguments)\n"


def test_logger_that_does_not_propagate():
    """What is logged to a logger of its own handlers is kept like any other record."""
    process = run_python("""
        import logging
        from tests.core.capturing import capture
        logging.getLogger("project").propagate = False
        logging.getLogger("project").addHandler(logging.NullHandler())
        with capture() as captured:
            logging.getLogger("project").error("said")
        print(captured.text("logs"), end="")
    """)

    assert process.stdout == "ERROR project: said\n"


class Untold:
    """Something that is logged and has no text at all."""

    def __str__(self):
        raise LookupError

    __repr__ = __str__


def test_message_that_has_no_text():
    """Of a log record whose message can't be made a text its class is kept."""
    with capture() as captured, suppress(LookupError):
        logging.getLogger("project").warning(Untold())

    expected = r"WARNING project: <.*\.Untold object at 0x\w+> \(LookupError in its text\)\n"
    assert re.fullmatch(expected, captured.text("logs"))
