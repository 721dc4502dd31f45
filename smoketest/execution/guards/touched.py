"""One database connection as a test reaches for it: touched for the first time its transaction begins."""

from enum import Enum, auto
from typing import Any

from smoketest.execution.guards.checked import CheckedConnection


class State(Enum):
    """How far a test has got with its connection."""

    OFF = auto()
    """Outside any level: an ordinary connection."""
    FREE = auto()
    """That of a test that may commit: ordinary too, until the test is given up."""
    ARMED = auto()
    """Inside a level, not touched yet."""
    OPENING = auto()
    BEGUN = auto()


OFF, FREE, ARMED, OPENING, BEGUN = State
"""The state is looked at dozens of times a test, and an enum's own attributes are slow before Python 3.12."""


class TouchedConnection(CheckedConnection):
    """Lets nobody but the guard begin, end or leave the transaction of a test."""

    _state = OFF

    def _touch(self) -> None:
        """Begin the transaction, if a test uses the connection for the first time."""
        raise NotImplementedError

    @property
    def is_begun(self) -> bool:
        return self._state is BEGUN

    @property
    def _is_guarded(self) -> bool:
        return self._state not in (OFF, FREE)

    # Whatever reaches for the database reads one of the next four first.

    @property
    def in_atomic_block(self) -> bool:
        self._touch()
        return bool(self.__dict__["in_atomic_block"])

    @in_atomic_block.setter
    def in_atomic_block(self, value: bool) -> None:
        self.__dict__["in_atomic_block"] = value

    @property
    def connection(self) -> Any:
        self._touch()
        return self.__dict__["connection"]

    @connection.setter
    def connection(self, value: Any) -> None:
        if self._state is BEGUN:
            self._refuse("the driver's connection was to be replaced, which would stay open with its locks")
        self.__dict__["connection"] = value

    def ensure_connection(self) -> None:
        self._touch()
        super().ensure_connection()

    def _cursor(self, name: str | None = None) -> Any:
        self._touch()
        return super()._cursor(name)  # type: ignore[misc]

    # While a level lasts nobody opens, closes or commits below it.

    def connect(self) -> None:
        self._touch()
        if self._state is not BEGUN:
            super().connect()

    def close(self) -> None:
        if not self._is_guarded:
            super().close()

    def close_if_unusable_or_obsolete(self) -> None:
        if not self._is_guarded:
            super().close_if_unusable_or_obsolete()

    def copy(self, alias: str | None = None) -> Any:
        """Refuse: a copy would stand outside the guard."""
        if self._is_guarded:
            self._refuse("a copy of the connection was asked for")
        return super().copy(alias)

    def validate_no_atomic_block(self) -> None:
        """Remember who tries to commit, roll back or set autocommit, also where the error is swallowed."""
        if self._state is BEGUN:
            self.owner.remember(f"database {self.alias!r}: commit(), rollback() or set_autocommit() refused")
        super().validate_no_atomic_block()

    def _commit(self) -> None:
        if self._state is BEGUN:
            self._refuse("COMMIT refused")
        super()._commit()  # type: ignore[misc]
