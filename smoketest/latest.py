"""The last inline report of all tests, for those who scrape: the newest of all processes on this host."""

import contextlib
import json
import logging
import math
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from smoketest.facts import Counts
from smoketest.report.summary import Report, Row
from smoketest.results import Result, Status, Step

logger = logging.getLogger("smoketest")

_LEAST_SECONDS = 1.0
"""Between two writes of the same verdict: a monitor that asks often must not wear out a disk."""


@dataclass(slots=True)
class _Own:
    """What this process knows: enough where there is no place for a file."""

    report: Report | None = None
    written_at: float = -math.inf
    written_status: Status | None = None


_own = _Own()


def keep(report: Report) -> None:
    """Remember the report, here and for the other processes of this host and user; never raises."""
    now = time.monotonic()
    _own.report = report
    if report.status is _own.written_status and now - _own.written_at < _LEAST_SECONDS:
        return
    _own.written_at, _own.written_status = now, report.status
    try:
        _write(json.dumps(_as_dict(report)))
    except OSError as error:
        logger.debug("the last report is not shared with other processes: %s", error)


def load() -> Report | None:
    """Return the newest report that is known, if there is any."""
    known = [report for report in (_own.report, _read()) if report]
    return max(known, key=_finished_at, default=None)


def forget() -> None:
    """Remove what is known, here and for the others."""
    _own.report, _own.written_at, _own.written_status = None, -math.inf, None
    _path().unlink(missing_ok=True)


def _finished_at(report: Report) -> datetime:
    return report.finished_at or datetime.min.replace(tzinfo=UTC)


def _write(text: str) -> None:
    path = _path()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _refuse_others(path.parent)
    draft = path.with_suffix(f".{os.getpid()}-{threading.get_native_id()}")  # of this thread alone
    draft.write_text(text)
    draft.replace(path)


def _read() -> Report | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        _refuse_others(_path().parent)
        return _report(json.loads(_path().read_text()))
    return None


def _path() -> Path:
    """Return a file of this project's own: its name can't be guessed without SECRET_KEY."""
    name = salted_hmac("smoketest.latest", "inline", algorithm="sha256").hexdigest()[:32]
    return Path(tempfile.gettempdir()) / f"smoketest-{_uid()}" / f"{name}.json"


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # not on Windows


def _refuse_others(folder: Path) -> None:
    """Raise PermissionError for a folder that somebody else may write to: it stands where anybody may put one."""
    status = folder.lstat()
    if status.st_uid != _uid() or status.st_mode & 0o077 or folder.is_symlink():
        message = f"{folder} is not this user's alone"
        raise PermissionError(message)


def _as_dict(report: Report) -> dict[str, Any]:
    """Return what a scraper is shown, as plain values; messages and output are not among it."""
    return {
        "status": report.status,
        "counts": asdict(report.counts),
        "test_classes": report.test_classes,
        "tests_total": report.tests_total,
        "seconds": report.seconds,
        "release": report.release,
        "host": report.host,
        "finished_at": report.finished_at.isoformat() if report.finished_at else "",
        "results": [
            Result(
                id=row.step.id,
                outcome=row.result.outcome,
                cause=row.result.cause,
                duration_seconds=row.result.duration_seconds,
            ).as_dict()
            for row in report.rows
        ],
    }


def _report(values: Mapping[str, Any]) -> Report:
    results = [Result.from_dict(each) for each in values["results"]]
    return Report(
        status=Status(values["status"]),
        counts=Counts(**values["counts"]),
        test_classes=values["test_classes"],
        tests_total=values["tests_total"],
        seconds=values["seconds"],
        rows=tuple(Row(step=Step(id=each.id, test_class="", timeout_seconds=0.0), result=each) for each in results),
        release=values["release"],
        host=values["host"],
        finished_at=datetime.fromisoformat(values["finished_at"]),
    )
