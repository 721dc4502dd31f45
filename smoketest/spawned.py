"""The program that starts runners where a fork is unsafe: it sets the project up as any of its processes does."""

import json
import os
import sys
from typing import NoReturn

import django
from django.conf import settings

from smoketest import conf
from smoketest.cases import SmokeTest
from smoketest.execution import kinship
from smoketest.execution.channel import Channel
from smoketest.execution.runner import make_serve
from smoketest.execution.session import load_drivers, own_session
from smoketest.execution.warden import live_as_warden
from smoketest.loading import load_classes

_MAIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from smoketest.spawned import main; main()"


def command() -> list[str]:
    """Return what starts it, for `exec_warden()`."""
    module = settings.SETTINGS_MODULE
    if not module:
        message = "its settings come from settings.configure(); a new process needs DJANGO_SETTINGS_MODULE"
        raise ChildProcessError(message)
    return [sys.executable, "-c", _MAIN, json.dumps(sys.path), module]


def main() -> NoReturn:
    """Be the program."""
    _, settings_module, control_fd, parent = sys.argv[1:]
    sys.argv[1:] = []
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    kinship.die_with(int(parent))  # to set up the project may take long; a warden sees for itself when its parent ends
    django.setup()
    load_drivers()
    kinship.live_on()  # the thread that has started it may end, and others use it
    classes: dict[str, type[SmokeTest]] = {}
    live_as_warden(
        Channel(int(control_fd), int(control_fd)),
        make_serve(lambda: own_session(classes)),
        int(parent),
        prepare=lambda: classes.update(load_classes(conf.searched_apps(conf.current()))),
    )
