"""Discovery in a thread of its own: a smoke module that hangs on import does not hold up who asks for its tests."""

import os
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from django.db import connections

from smoketest.cases import SmokeTest
from smoketest.execution import native
from smoketest.execution.guards.callers_connections import is_inside_test_case
from smoketest.execution.session import load_drivers
from smoketest.failures import cut
from smoketest.results import Cause, Outcome, Result, Spec
from smoketest.suite.discover import App, Found, discover, load

_IMPORT_SECONDS = 40.0
"""How long the smoke modules may take in a runner's process; less than that may take to come up."""


@dataclass(slots=True, eq=False)
class _Loading:
    """The one discovery of some apps in this process."""

    began: float = field(default_factory=time.monotonic)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    thread: int = 0
    importing: tuple[App, str] | None = None
    found: Found | None = None
    failure: BaseException | None = None
    waiting: list[native.Mailbox[None]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return bool(self.found or self.failure)


_loadings: dict[tuple[int, tuple[App, ...]], _Loading] = {}
"""By process too: a forked one has none of its parent's threads."""


def discover_within(apps: tuple[App, ...], seconds: float) -> Found:
    """Return the smoke tests of `apps`; after `seconds` since discovery began, what tells which module it hangs in.

    Whoever asks later gets that answer at once, until the import has ended after all.
    """
    if is_inside_test_case():
        return discover(apps)  # a module that reads the database on import wants the test's own data
    own, key = _Loading(), (os.getpid(), apps)
    loading = _loadings.setdefault(key, own)  # in one step, whoever else comes at the same time
    if loading is own:
        try:
            loading.thread = native.start_thread(partial(_load, loading, apps))
        except RuntimeError:  # the system has no thread to give; who asks later may get one
            del _loadings[key]
            raise
    if not loading.is_over:
        _wait(loading, loading.began + seconds)
    if loading.failure:
        _loadings.pop(key, None)
        raise loading.failure
    return loading.found or _hanging(loading)


def load_classes(apps: tuple[App, ...]) -> Mapping[str, type[SmokeTest]]:
    """Return the test classes by the ids of their tests, for a process that exists to run them.

    Raises ChildProcessError, which names the module, where one hangs on import.
    """
    found = discover_within(apps, _IMPORT_SECONDS)
    if not found.is_complete:
        raise ChildProcessError(*(problem.message for problem in found.broken.values()))
    return found.classes


def _load(loading: _Loading, apps: tuple[App, ...]) -> None:
    def note(app: App, name: str) -> None:
        loading.importing = (app, name)

    try:
        found = load(apps, note)
        load_drivers()  # so that they are in no test's time
        loading.found = found
    except BaseException as error:  # noqa: BLE001 (it is for whoever waits)
        loading.failure = error
    for connection in connections.all(initialized_only=True):  # modules may read databases when they are imported
        with suppress(Exception):  # a driver's own connection that the module has closed can't be closed again
            connection.close()
    while loading.waiting:
        loading.waiting.pop().put(None)


def _wait(loading: _Loading, until: float) -> None:
    mailbox: native.Mailbox[None] = native.make_mailbox()
    loading.waiting.append(mailbox)
    while not loading.is_over and (left := until - time.monotonic()) > 0:
        try:
            mailbox.get(timeout=left)
        except native.Empty:
            return


def _hanging(loading: _Loading) -> Found:
    if loading.importing is None:
        message = "the discovery of smoke tests has not begun in time; ask again"
        raise TimeoutError(message)
    app, name = loading.importing
    since = loading.began_at.isoformat(timespec="seconds")
    frame = sys._current_frames().get(loading.thread)  # noqa: SLF001 (the documented way to another thread's stack)
    stack = "".join(traceback.format_stack(frame)) if frame else ""
    problem = Result(
        id=name,
        outcome=Outcome.ERRORED,
        cause=Cause.IMPORT,
        message=f"{name} hangs on import: smoke modules are still being imported since {since}",
        traceback=cut(f"Where it is (most recent call last):\n{stack}"),
    )
    spec = Spec(id=name, app=app.name, app_label=app.label, test_class="")
    return Found(specs=(spec,), broken={name: problem}, is_complete=False)
