"""A small HTTP server that answers as it is told: an app, or what stands before it when the app is away."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUN_ID = "1a20-ff-00"


@dataclass(frozen=True, kw_only=True)
class Said:
    """One answer; without a status the connection is cut."""

    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def report(status, **values):
    """Return the answer that is a report in JSON."""
    code = {"PASS": 200, "FAIL": 500, "CANCELLED": 500}.get(status, 202)
    known = {"status": status, "tests_run": 1, "tests_passed": 1, "tests_total": 1, "run_id": RUN_ID}
    return Said(status=code, body=json.dumps({**known, **values}))


def problem(status, title, detail="so it is", **headers):
    """Return the answer that is one of smoketest's problems in JSON."""
    return Said(status=status, body=json.dumps({"status": status, "title": title, "detail": detail}), headers=headers)


CUT = Said()
PENDING = report("PENDING", tests_run=0, tests_passed=0)


class Answering(ThreadingHTTPServer):
    """Gives the answers in their order, the last one for ever, and keeps what was asked.

    One that can be called is what the call returns.
    """

    daemon_threads = True

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = deque(answers)
        self.asked = []
        self.url = f"http://127.0.0.1:{self.server_port}/smoketest/slow/"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def next(self, handler):
        self.asked.append(handler)
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        return answer(self) if callable(answer) else answer

    def requests(self):
        """Return method and path of each request."""
        return [f"{each.command} {each.path}" for each in self.asked]


class _Handler(BaseHTTPRequestHandler):
    def _answer(self):
        said = self.server.next(self)
        if not said.status:
            self.close_connection = True
            return
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(said.body.encode())

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 (the names that http.server looks for)

    def log_message(self, *_):
        """Keep silent."""
