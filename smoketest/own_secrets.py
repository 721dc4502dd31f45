"""The project's own secrets, read at the door: what is kept of a test goes through the scrubber that knows them."""

import os
import re
import warnings
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.views.debug import get_default_exception_reporter_filter

from smoketest.secrecy.collect import collect
from smoketest.secrecy.scrub import Scrubber


@cache
def scrubber() -> Scrubber:
    """Return the scrubber of this process; it reads settings and environment once, before any test has run."""
    hidden = getattr(get_default_exception_reporter_filter(), "hidden_settings", None)
    pattern = hidden if isinstance(hidden, re.Pattern) else re.compile("API|AUTH|TOKEN|KEY|SECRET|PASS", re.IGNORECASE)

    def is_hidden(name: str) -> bool:
        return bool(pattern.search(name))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Django warns of settings that will go, whoever reads them
        own = {name: _value_of(name) for name in dir(settings) if name.isupper()}
    return Scrubber(collect(own, is_hidden) | collect(os.environ, is_hidden))


def _value_of(name: str) -> object:
    try:
        return getattr(settings, name, None)
    except ImproperlyConfigured:  # SECRET_KEY where it is empty: nothing to hide, and the refusal is scrubbed too
        return None


def forget(**_sender: Any) -> None:
    """Read them anew the next time: another project's tests change settings while they run."""
    scrubber.cache_clear()
