"""A deployed project, with its web server and its worker, whose slow test waits until a gate is opened."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests import waiting
from tests.live.test_service import request
from tests.servers import ROOT, Web, Worker

SCRIPT = Path(sys.executable).parent / "smoketest"
TOKEN = "new-token"
GOING_ON = ("PENDING", "RUNNING")


class Service:
    """It can be killed, come back, and be deployed anew."""

    def __init__(self, redis, folder):
        self.folder = folder
        self.clients = []
        self._redis = redis
        self._environment = {"SMOKETEST_TEST_APPS": "waits", "SMOKETEST_TEST_WAITS": str(folder)}
        self.worker = Worker(redis.url, **self._environment)
        self.web = Web(redis.url, SMOKETEST_TEST_QUEUE=self.worker.queue, **self._environment)

    def deploy(self, release):
        """Let both processes be of another release."""
        self.worker.stop()
        self.web.kill()
        self._environment["SMOKETEST_TEST_RELEASE"] = release
        self.worker = Worker(self._redis.url, SMOKETEST_TEST_QUEUE=self.worker.queue, **self._environment)
        self.web.environment.update(self._environment)
        self.worker.start()
        self.web.start()

    def compared_releases(self):
        """Return the releases that the next runs may be compared with."""
        client = self._redis.client
        return {client.hget(key, "release") for key in client.keys("smoketest:baselines:*")}

    def client(self, *words, url=None, everything=False, **environment):
        """Start the script on the slow run of the gate, or of all tests; `environment` is added to its own."""
        selection = [] if everything else ["-k", "GateTest"]
        with (self.folder / "stderr").open("w") as stderr:
            process = subprocess.Popen(
                [SCRIPT, url or f"{self.web.url}slow/", *selection, *words],
                cwd=ROOT,
                env={**os.environ, "SMOKETEST_TOKEN": TOKEN, **environment},
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.clients.append(process)
        return process

    def said(self):
        """Return what the script has told on stderr."""
        return (self.folder / "stderr").read_text()

    def arrivals(self):
        """Return how many times the test has begun."""
        file = self.folder / "arrivals"
        return file.read_text().count("\n") if file.exists() else 0

    def open_gate(self):
        """Let the test end."""
        (self.folder / "gate").touch()

    def all_runs(self):
        """Return what the app knows of all runs."""
        _, _, text = request(f"{self.web.url}runs/", Authorization=f"Bearer {TOKEN}", Accept="application/json")
        return json.loads(text)["runs"]

    def runs(self):
        """Return what the app knows of the runs of this test."""
        return [run for run in self.all_runs() if run["run_id"] not in self._earlier]

    def begin(self):
        """Let a test begin afresh."""
        for file in self.folder.iterdir():
            file.unlink()
        self._earlier = {run["run_id"] for run in self.all_runs()}

    def end(self):
        """End what a test has left."""
        for process in self.clients:
            process.kill()
            process.communicate()
        self.open_gate()
        waiting.until(lambda: all(run["status"] not in GOING_ON for run in self.all_runs()), what="all runs end")

    def stop(self):
        """Stop all of it."""
        self.web.kill()
        self.worker.stop()
