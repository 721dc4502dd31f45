"""Does what a page tells its reader to do, in a new project."""

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests import waiting
from tests.live.test_service import request
from tests.servers import free_port

_FILE = re.compile(r"# (\S+\.py)( \(add\))?\n(.*)", re.DOTALL)
"""A block of Python that is a file; `(add)` is for its end."""
_STAYS = ("python manage.py runserver", "celery ")
"""What goes on until somebody ends it."""


def blocks(page):
    """Return the fenced blocks of a page: language, text."""
    return re.findall(r"(?m)^```(\w+)\n(.*?)^```", page.read_text(), re.DOTALL)


def files(page):
    """Return path, whether it is for the file's end, and text of the files that the page has its reader write."""
    found = (_FILE.fullmatch(text) for language, text in blocks(page) if language == "python")
    return [(match[1], bool(match[2]), match[3]) for match in found if match]


def plain(text, folder):
    """Return what was printed without what differs each time; newer Pythons underline what went wrong."""
    text = re.sub(r"time: [\d.]+ms", "time: 12.34567890ms", text.replace(f"{folder}/", ""))
    return re.sub(r"\n +[~^]+(?=\n)", "", text)


class Walk:
    """A reader with a folder of their own, who ends what they have started."""

    def __init__(self, folder, redis_url):
        self.folder = folder
        self.port = free_port()
        self._redis_url = redis_url
        self._stack = ExitStack()
        self._server = None
        self._is_stale = False
        self._run_id = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    @property
    def environment(self):
        """Return an environment without anything of these tests' own project."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SMOKETEST_", "DJANGO_"))}
        scripts = Path(sys.executable).parent
        return {**kept, "PATH": f"{scripts}{os.pathsep}{kept['PATH']}", "PYTHONPATH": str(self.folder)}

    def write(self, path, text, *, is_added=False):
        """Write a file, or add to one; a server that runs is started anew, as it would by itself."""
        with (self.folder / path).open("a" if is_added else "w") as file:
            file.write(text.replace("redis://127.0.0.1:6379/0", self._redis_url))
        self._is_stale = self._server is not None

    def run(self, script, *, may_fail=False):
        """Run a script of the page; return what it prints. One that may fail may end with the verdict `FAIL`."""
        if script.startswith(_STAYS):
            self._start(script)
            return ""
        if self._is_stale:
            self._serve()
        kept = "\n".join(line for line in script.splitlines() if not line.startswith("python -m pip "))
        words = kept.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}").replace("/runs/ID/", f"/runs/{self._run_id}/")
        done = subprocess.run(
            ["/bin/sh", "-c", words], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in ((0, 1) if may_fail else (0,)), done.stderr
        return self._as_shown(done.stdout)

    def follow(self, page):
        """Do what the page says from its beginning to its end; return what it shows and what there is, in pairs."""
        pairs, printed = [], ""
        for language, text in blocks(page):
            if language == "python":
                (path, is_added, source) = _FILE.fullmatch(text).groups()
                self.write(path, source, is_added=bool(is_added))
            elif language == "sh":
                printed = self.run(text, may_fail=True)
            elif language == "text":
                pairs.append((text, printed))
        return pairs

    def _as_shown(self, text):
        if found := re.search(r"^run: (\S+)$", text, re.MULTILINE):
            self._run_id = found[1]
            text = text.replace(self._run_id, "ID")
        return plain(text, self.folder).replace(f"127.0.0.1:{self.port}", "127.0.0.1:8000")

    def _start(self, command):
        if "runserver" in command:
            self._serve()
        else:
            self._go_on(command.split())

    def _serve(self):
        if self._server:
            self._server.terminate()
            self._server.wait()
        self._server = self._go_on(["python", "manage.py", "runserver", "--noreload", str(self.port)])
        self._is_stale = False
        waiting.until(lambda: request(f"http://127.0.0.1:{self.port}/smoketest/metrics/")[0], what="the server answers")

    def _go_on(self, command):
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        return process
