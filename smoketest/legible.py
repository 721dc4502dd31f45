"""Text from anywhere, fit for where people read it: control characters are spelt out, and drive nothing."""

import re

_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither XML nor HTML may hold, not even escaped, and the rest of the control characters."""


def legal(text: str) -> str:
    r"""Return `text` with its control characters, the colours of a terminal say, spelt out: `\x1b`."""
    return _ILLEGAL.sub(_spelt_out, text)


def legible(text: str) -> str:
    """Return `text` as a terminal may have it: what goes back in the line, to write over it, is spelt out too."""
    return re.sub("[\r\x85]", _spelt_out, legal(text.replace("\r\n", "\n")))


def in_one_row(text: str) -> str:
    """Return `text` as `legal` does, in one line."""
    return legal(" ".join(text.split()))


def _spelt_out(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"
