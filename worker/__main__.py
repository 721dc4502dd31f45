"""`python -m worker`: the whole service on this machine, for development and for a first look."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

import django
from django.core.management import call_command

from worker import kinship

_ROOT = Path(__file__).resolve().parent.parent
_TOKEN = "development-token"  # noqa: S105 (it opens nothing but this machine's own service)
_STOP_SECONDS = 10
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_WELCOME = """
The fast tests, here and now:
  curl {url}

All tests, on the workers; the answer names the run:
  curl -i -X POST -H 'Authorization: Bearer {token}' {url}slow/

That run's report, with its id for RUN_ID:
  curl -H 'Authorization: Bearer {token}' {url}runs/RUN_ID/

Ctrl-C stops everything.

"""


def main() -> int:
    """Migrate the database, then run the Procfile until told to stop."""
    for signal_number in _STOP_SIGNALS:
        signal.signal(signal_number, signal.default_int_handler)
    try:
        processes = _prepare()
        _welcome()
        return _run(processes)
    except KeyboardInterrupt:
        return 0


def _prepare() -> list[str]:
    """Return the wanted processes of the Procfile, with the environment and the database ready for them."""
    os.chdir(_ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["PORT"] = _port()
    os.environ.setdefault("DJANGO_ALLOWED_HOSTS", "127.0.0.1,localhost")
    os.environ.setdefault("DJANGO_SECRET_KEY", secrets.token_urlsafe())
    os.environ.setdefault("SMOKETEST_TOKENS", _TOKEN)
    processes = ["web", "worker"]
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_PORT"] = _listen(0)
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0"
        processes.append("redis")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    return processes


def _port() -> str:
    wanted = os.environ.get("PORT") or "8000"
    try:
        return _listen(int(wanted))
    except (OSError, OverflowError, ValueError) as error:
        sys.exit(f"PORT {wanted} can't be used ({error}); choose another one, as in: PORT=8001 make run")


def _listen(port: int) -> str:
    """Return a port after listening there for a moment; 0 means any that is free."""
    with socket.create_server(("127.0.0.1", port)) as server:
        return str(server.getsockname()[1])


def _welcome() -> None:
    token = _TOKEN if os.environ["SMOKETEST_TOKENS"] == _TOKEN else "YOUR_TOKEN"
    sys.stdout.write(_WELCOME.format(url=f"http://127.0.0.1:{os.environ['PORT']}/smoketest/", token=token))
    sys.stdout.flush()


def _run(processes: list[str]) -> int:
    """Run the processes until one of them ends, which is an error, or a signal asks for the end of all."""
    kinship.adopt_orphans()
    command = [sys.executable, "-m", "honcho", "--env", os.devnull, "start", *processes]
    # Outside the process group of the terminal, so that Ctrl-C reaches only this process, which passes it on once.
    honcho = subprocess.Popen(command, start_new_session=True, preexec_fn=kinship.die_with_parent)  # noqa: PLW1509, S603
    try:
        return honcho.wait() or 1
    except KeyboardInterrupt:
        for signal_number in _STOP_SIGNALS:
            signal.signal(signal_number, signal.SIG_IGN)
        honcho.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            honcho.wait(_STOP_SECONDS)
        return 0
    finally:
        kinship.end_descendants()


if __name__ == "__main__":
    sys.exit(main())
