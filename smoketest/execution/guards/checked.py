"""One database connection whose statements are looked at before a test has them run."""

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from smoketest.execution.guards import statements
from smoketest.execution.guards.driver import text_of
from smoketest.execution.guards.owner import Owner


class CheckedConnection(BaseDatabaseWrapper):
    """Goes in front of a backend's own `DatabaseWrapper` class."""

    owner: Owner
    manners: tuple[str, ...] = ()
    """The attributes of the driver's connection that say how its cursors work."""
    _manners_before: tuple[Any, ...] = ()
    _wrappers_before: tuple[Any, ...] | None = None
    _passed: Any = None
    """The statement that Django's cursor hands down to the driver's."""
    _is_altered = False
    """Whether the session has something of the test's that no rollback takes away, so that it must go."""

    @property
    def is_begun(self) -> bool:
        """Tell whether it is the test that uses the transaction now, not the guard."""
        raise NotImplementedError

    def _begin_checks(self) -> None:
        self._manners_before = self._manners()
        self._wrappers_before = tuple(self.execute_wrappers)
        # First, not last: `execute_wrapper()` takes the last one away again.
        self.execute_wrappers.insert(0, self._filter)

    def _end_checks(self) -> None:
        self._passed = None
        self._is_altered = False
        if self._wrappers_before is not None:
            # Not simply those: an `execute_wrapper()` that was open at the first query has ended since.
            kept = [wrapper for wrapper in self.execute_wrappers if wrapper in self._wrappers_before]
            self.execute_wrappers[:] = kept
            self._wrappers_before = None

    def _manners(self) -> tuple[Any, ...]:
        return tuple(getattr(self.connection, name, None) for name in self.manners)

    def _must_go(self) -> bool:
        """Tell whether the next test must not have this connection."""
        return self._is_altered or self._manners() != self._manners_before

    def _filter(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 (Django's signature)
        self._check(text_of(sql))
        self._passed = sql
        return execute(sql, params, many, context)

    def _check_driver(self, statement: Any) -> None:
        """Check a statement on a cursor of the driver, unless Django's has just handed it down."""
        if self.is_begun and statement is not self._passed:
            self._check(text_of(statement))

    def _check_method(self, name: str) -> None:
        if self.is_begun and not self.owner.is_abandoned:
            self._refuse(f"the driver's {name}() refused")

    def _check(self, sql: str) -> None:
        if violation := statements.violation(sql, can_rollback_ddl=self.features.can_rollback_ddl):
            self._refuse(violation)
        if statements.stays_with_session(sql, self.vendor):
            self._is_altered = True
        if statements.may_write(sql):
            self._before_write(sql)

    def _before_write(self, sql: str) -> None:  # noqa: ARG002
        self.owner.take_turn()

    def _refuse(self, violation: str) -> None:
        self.owner.refuse(f"database {self.alias!r}: {violation}")
