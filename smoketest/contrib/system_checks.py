"""Django's own system checks, those for a deployment too."""

from collections.abc import Collection
from typing import ClassVar

from django.core import checks
from django.db import connections

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import require


class SystemChecksTest(SmokeTest):
    """`manage.py check --deploy` has nothing to say, with the settings that are in force here.

    What SILENCED_SYSTEM_CHECKS names is left out, as there.
    """

    abstract = True
    slow = True  # what is found stays the same as long as the process lives
    is_deployment: ClassVar[bool] = True
    """False: without `--deploy`."""
    fail_level: ClassVar[int] = checks.WARNING
    """The least level of `django.core.checks` that fails; the checks for a deployment are all warnings."""
    ignored: ClassVar[Collection[str]] = ()
    """Ids of checks that do not fail here, such as `security.W004`."""

    def test_have_nothing_to_say(self) -> None:
        found = checks.run_checks(
            include_deployment_checks=self.is_deployment,
            databases=list(connections) if self.databases == "__all__" else list(self.databases),
        )
        wrong = [
            message
            for message in found
            if message.level >= self.fail_level and not message.is_silenced() and message.id not in self.ignored
        ]
        told = "\n".join(map(str, wrong))
        mend = "Do what the hints say, or name the ids in `ignored`"
        require(not wrong, f"{len(wrong)} system checks complain. {mend}\n{told}")
