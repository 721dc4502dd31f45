"""Environment variables and settings that must be there."""

import os
from collections.abc import Collection
from typing import Any, ClassVar

from django.conf import settings

from smoketest.cases import SmokeTest
from smoketest.contrib.one_each import one_test_each
from smoketest.contrib.telling import require


class RequiredVariablesTest(SmokeTest):
    """Each of `variables` is in the environment of this process and not empty. No value is ever shown."""

    abstract = True
    variables: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make one test a variable."""
        super().__init_subclass__(**kwargs)
        one_test_each(cls, "variables", RequiredVariablesTest._look)

    def _look(self, name: str) -> None:
        state = "is empty" if name in os.environ else "is not set"
        mend = "Set it where this service is started (unit file, pod, dyno, .env) and start it again"
        require(os.environ.get(name), f"the environment variable {name} {state}. {mend}")


class RequiredSettingsTest(SmokeTest):
    """Each of `names` is a setting that is neither None nor empty. No value is ever shown."""

    abstract = True
    names: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make one test a setting."""
        super().__init_subclass__(**kwargs)
        one_test_each(cls, "names", RequiredSettingsTest._look)

    def _look(self, name: str) -> None:
        require(hasattr(settings, name), f"there is no setting {name}. Add it to the settings of this service")
        # Not its truth: False and 0 are values that somebody has chosen.
        is_empty = getattr(settings, name) in (None, "", (), [], {})
        mend = "Give it a value, or set what it is read from, and start the service again"
        require(not is_empty, f"the setting {name} is empty. {mend}")
