"""How the console script ends."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a pipeline sees."""

    PASS = 0
    FAIL = 1
    COULD_NOT_RUN = 2
    GAVE_UP = 3
    WRONG_RELEASE = 4
    NO_TESTS = 5
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells have it."""


class EndedError(Exception):
    """There will be no verdict; the message says why, the exit code what kind of thing it is."""

    def __init__(self, exit_code: ExitCode, message: str) -> None:
        """Take what the pipeline sees and what people read."""
        super().__init__(message)
        self.exit_code = exit_code


class NotYetError(Exception):
    """There is no answer yet that settles the matter; ask again in a while."""

    def __init__(
        self, message: str, *, exit_code: ExitCode = ExitCode.COULD_NOT_RUN, after_seconds: float = 0.0
    ) -> None:
        """Take what to tell, what it comes to if it stays so, and the least time until the next try."""
        super().__init__(message)
        self.exit_code = exit_code
        self.after_seconds = after_seconds
