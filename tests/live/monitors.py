"""Monitors that ask without pause, and what they were told."""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass

from tests import waiting

_IN_A_ROW = 3
_HEADERS = {"Authorization": "Bearer new-token", "Accept": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request of a monitor got."""

    began: float
    ended: float
    status: int
    verdict: str
    bad: dict
    """Short id -> cause, or outcome where there is none, of each test that did not pass."""
    messages: dict
    results: int
    pid: int
    """The worker process that answered."""

    def is_as(self, expected):
        """Tell whether just those tests did not pass, each for one of the causes named."""
        return self.bad.keys() == expected.keys() and all(self.bad[name] in expected[name] for name in expected)

    def told(self):
        """Return short id -> cause and message of each test that did not pass."""
        return {name: (cause, self.messages[name]) for name, cause in self.bad.items()}


class Monitors:
    """Some monitors and a visitor of another page, in threads, until they are stopped."""

    def __init__(self, port, *, count):
        self.answers = []
        self.faults = []
        """What was no answer at all."""
        self.pages = []
        self._port = port
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=[self._ask]) for _ in range(count)]
        self._threads.append(threading.Thread(target=self._repeat, args=[self._visit]))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def agree(self, expected, *, workers):
        """Wait until each worker process says `expected`, if it ever does; return some more answers from then on."""
        changed = time.monotonic()
        with contextlib.suppress(AssertionError):  # the answers tell more than that somebody waited
            waiting.until(
                lambda: all(_in_a_row(self._since(changed), pid, expected) for pid in workers),
                what=f"all workers say {expected}",
            )
        settled = time.monotonic()
        waiting.until(lambda: _are_enough(self._since(settled), workers), what="each worker answers some more")
        return self._since(settled)

    def _since(self, began):
        return [answer for answer in list(self.answers) if answer.began >= began]

    def _repeat(self, act):
        while not self._stopped.wait(0.02):
            try:
                act()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.faults.append(repr(error))

    def _ask(self):
        began = time.monotonic()
        status, body = self._get("/smoketest/")
        ended = time.monotonic()
        report = json.loads(body)
        named = [(each["id"].split(".smoke.")[-1], each) for each in report["results"]]
        self.answers.append(
            Answer(
                began=began,
                ended=ended,
                status=status,
                verdict=report["status"],
                bad={name: each.get("cause", each["outcome"]) for name, each in named if each["outcome"] != "passed"},
                messages={name: each.get("message", "") for name, each in named},
                results=len(report["results"]),
                pid=report["results"][0]["pid"],
            )
        )

    def _visit(self):
        self.pages.append(self._get("/ping/"))

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=waiting.LIMIT_SECONDS)
        try:
            connection.request("GET", path, headers=_HEADERS)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def _in_a_row(answers, pid, expected):
    last = [answer for answer in answers if answer.pid == pid][-_IN_A_ROW:]
    return len(last) == _IN_A_ROW and all(answer.is_as(expected) for answer in last)


def _are_enough(answers, workers):
    count = Counter(answer.pid for answer in answers)
    return all(count[pid] >= _IN_A_ROW for pid in workers)
