"""The processes of a command."""

import os
import signal

import pytest

from smoketest.execution import crew

_born_with = []
"""The signals that come to a process of this one as soon as it is forked."""
_TESTS = os.getpid()


def _be_signalled():
    for number in _born_with if os.getppid() == _TESTS else ():
        os.kill(os.getpid(), number)


os.register_at_fork(after_in_child=_be_signalled)


@pytest.fixture
def _ctrl_c_by_sigterm():
    """SIGTERM raises KeyboardInterrupt, as in the command."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    _born_with.clear()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_ctrl_c_by_sigterm")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_at_birth(capfd, number):
    """A process that is ended before it has begun to work ends at once, and does not go on as its parent would."""
    _born_with.append(number)
    hand = crew._Hand(lambda: None)
    hand.end()

    assert hand._process.exitcode == -number
    assert capfd.readouterr().err == ""
