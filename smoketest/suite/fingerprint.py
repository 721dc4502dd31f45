"""Digests the source of all smoke modules, so that two processes can tell whether they have the same tests."""

import hashlib
import importlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from smoketest.suite.discover import App


@cache
def fingerprint(apps: tuple[App, ...]) -> str:
    """Return a digest of the `smoke` modules of `apps` as they are when it is asked for first; empty without any.

    Nothing of them is imported: they may raise or hang. Listed classes have been, by the rule of their setting.
    """
    files = sorted((name, path) for app in apps for name, path in _sources(app))
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12] if files else ""


def _sources(app: App) -> Iterator[tuple[str, Path]]:
    if app.listed:
        found = importlib.util.find_spec(app.listed.rpartition(".")[0])
        if found and found.origin:
            yield app.listed, Path(found.origin)
        return
    for entry in getattr(importlib.import_module(app.name), "__path__", ()):
        folder = Path(entry)
        for path in (folder / "smoke.py", *sorted((folder / "smoke").rglob("*.py"))):
            if path.is_file():
                yield f"{app.name}/{path.relative_to(folder).as_posix()}", path
