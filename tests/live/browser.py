"""A real browser for the pages: Debian's chromium, or the one that CHROMIUM names."""

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATH = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

_QUIET = "--no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-quic"


@contextlib.contextmanager
def serving(answers):
    """Serve these answers, `path -> (body, headers)`; give the server's address and the paths asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body, headers = answers[self.path]
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.replace("http://here", f"http://127.0.0.1:{server.server_port}").encode())

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def read(url):
    """Return the page as the browser has understood it, as HTML."""
    return _browse("--dump-dom", url).decode()


@contextlib.contextmanager
def showing(url):
    """Have the browser show the page and go wherever it leads."""
    with _profile() as options:
        process = _start(*options, "--remote-debugging-port=0", url)  # without a task it would end at once
        try:
            yield
        finally:
            _end(process)


def ground_of(url, *, is_dark):
    """Return the colour of the page's first pixel as the browser paints it, `#rrggbb`."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        # 0 is dark, 1 is light: Chromium's own numbers.
        scheme = f"--blink-settings=preferredColorScheme={0 if is_dark else 1}"
        _browse(scheme, "--window-size=1200,900", "--hide-scrollbars", f"--screenshot={shot}", url)
        return f"#{_first_pixel(shot.read_bytes()).hex()}"


def _browse(*options):
    with _profile() as own_options:
        process = _start(*own_options, *options)
        try:
            return process.communicate(timeout=60)[0]
        finally:
            _end(process)


@contextlib.contextmanager
def _profile():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield ["--headless", "--no-sandbox", "--disable-gpu", *_QUIET.split(), f"--user-data-dir={folder}"]


def _start(*options):
    return subprocess.Popen([PATH, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)


def _end(process):
    """End the browser and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _first_pixel(png):
    """Return the first pixel's red, green and blue: https://www.w3.org/TR/png/."""
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        data += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    return zlib.decompress(data)[1:4]  # after the filter's number, which changes nothing in the first pixel
