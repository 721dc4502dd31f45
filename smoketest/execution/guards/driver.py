"""The driver's own cursors and methods, held to the rules that Django's are held to."""

from collections.abc import Callable
from typing import Any

_METHODS = ("execute", "executemany", "stream", "copy")


def checked_cursors(cursor_class: type[Any], check: Callable[[Any], None]) -> type[Any]:
    """Return the driver's cursor class with `check` called before each statement."""

    def checked(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, statement: Any, *args: Any, **kwargs: Any) -> Any:
            check(statement)
            return method(self, statement, *args, **kwargs)

        return call

    methods = {name: checked(getattr(cursor_class, name)) for name in _METHODS if hasattr(cursor_class, name)}
    return type(cursor_class.__name__, (cursor_class,), methods)


def check_methods(connection: Any, names: tuple[str, ...], check: Callable[[str], None]) -> None:
    """Let `check` be called with its name before each of the named methods of the driver's connection."""
    for name in names:
        setattr(connection, name, _checked(getattr(connection, name), name, check))


def _checked(method: Callable[..., Any], name: str, check: Callable[[str], None]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        check(name)
        return method(*args, **kwargs)

    return call


def text_of(statement: Any) -> str:
    """Return what a driver takes for SQL as a str: bytes, or psycopg's composed objects."""
    if isinstance(statement, bytes):
        return statement.decode(errors="replace")
    as_string = getattr(statement, "as_string", None)
    return str(as_string(None) if as_string else statement)
