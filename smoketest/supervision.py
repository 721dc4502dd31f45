"""Chooses how the processes that run tests are started here, and lends one."""

import sys
from contextlib import AbstractContextManager

from django.db import connections

from smoketest import spawned
from smoketest.execution.runner import make_serve
from smoketest.execution.session import load_drivers, own_session
from smoketest.execution.standing import standing_by
from smoketest.execution.starting import Warden, can_fork, exec_warden, fork_warden
from smoketest.execution.supervisor import Supervisor
from smoketest.suite.discover import Found


def lend_supervisor(found: Found) -> AbstractContextManager[Supervisor]:
    """Lend a supervisor whose process runs the tests that were found; safe in any thread, and below gevent."""
    return standing_by(found, lambda: Supervisor(lambda: _start(found)))


def _start(found: Found) -> Warden:
    if _is_eventlet():
        message = "below eventlet nothing can wait for a process; start the worker with another --pool"
        raise ChildProcessError(message)
    if not can_fork():
        return exec_warden(spawned.command())
    load_drivers()
    connections.close_all()  # so that none is shared with the process that is forked from here
    return fork_warden(make_serve(lambda: own_session(found.classes)))


def _is_eventlet() -> bool:
    eventlet = sys.modules.get("eventlet")
    return bool(eventlet and eventlet.patcher.is_monkey_patched("thread"))
