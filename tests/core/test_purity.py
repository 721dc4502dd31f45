"""The core works where Django, Celery and Redis are not."""

import pkgutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
CORE = next(each for each in _CONTRACTS if each["name"] == "The core knows neither Django nor Celery nor Redis")


def with_submodules(name):
    """Return the names of a module and of all modules below it."""
    path = getattr(import_module(name), "__path__", ())
    return [name, *(each.name for each in pkgutil.walk_packages(path, f"{name}."))]


MODULES = [module for name in CORE["source_modules"] for module in with_submodules(name)]
# One process starts, and forks one for each module: none finds what another has imported.
_IMPORT_EACH = """
import importlib, os, sys
forbidden, modules = sys.argv[1].split(), sys.argv[2].split()
sys.modules.update(dict.fromkeys(forbidden))
for module in modules:
    if os.fork() == 0:
        importlib.import_module(module)
        sys.exit()
    if os.wait()[1]:
        print(module)
"""


def test_core_imports_alone():
    """Each module of the core is imported in a process where none of the walled-off packages can be."""
    words = [" ".join(CORE["forbidden_modules"]), " ".join(MODULES)]

    process = subprocess.run(
        [sys.executable, "-c", _IMPORT_EACH, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (process.stdout, process.stderr) == ("", "")
    assert process.returncode == 0


def test_the_wall_holds():
    """A module that needs Django is seen to fail there."""
    source = f"import sys; sys.modules.update(dict.fromkeys({CORE['forbidden_modules']!r})); import smoketest.conf"

    process = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)

    assert process.returncode == 1
    assert "ModuleNotFoundError: " in process.stderr


def test_a_smoke_module_needs_no_django():
    """What the author of a smoke test imports is core too."""
    source = (
        f"import sys; sys.modules.update(dict.fromkeys({CORE['forbidden_modules']!r}));"
        "from smoketest import SmokeTest, commits, rolled_back, slow, tag, timeout"
    )

    process = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (process.returncode, process.stderr) == (0, "")
