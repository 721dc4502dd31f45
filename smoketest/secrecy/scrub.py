"""Blanks secrets in what is kept of a test: those that are known, and what looks like one."""

import re
from collections.abc import Iterable
from dataclasses import replace

from smoketest.results import Result
from smoketest.secrecy.shapes import HIDDEN, blank_after_cut, blank_before_cut, blank_shapes
from smoketest.secrecy.spellings import spellings

_LEAST_LENGTH = 4
"""A shorter one can be tried out, and would blank half of every text."""
_LEAST_INSIDE = 8
"""A shorter one is blanked only where it stands alone: inside of a word it is more likely a part of that."""
_CUT = re.compile(r"(\n\[\.\.\. \d+ characters left out \.\.\.\]\n|\[\d+ chars\]| \[truncated\]\.\.\.)")
"""Where a text was cut: our own note (`failures.cut`), and unittest's."""
_MOST_CUTS = 50
_PIECE = 8
_LEAST_PIECES = 24
"""So long a secret is blanked in part too: unittest shortens what it compares."""
# fmt: off
_ORDINARY = frozenset((
    "admin", "celery", "changeme", "default", "development", "disable", "django", "example", "false", "guest",
    "hidden", "local", "localhost", "mysql", "none", "null", "password", "postgres", "postgresql", "prefer",
    "production", "public", "rabbitmq", "redis", "require", "root", "secret", "smoketest", "staging", "test",
    "testing", "true", "user", "username",
))
# fmt: on
"""Words that are somebody's password and everybody's words."""


class Scrubber:
    """Knows some secrets."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets; those too short or too common to be blanked are left out."""
        given = set(secrets)
        # Where two stand side by side and are escaped, nothing tells whose the backslashes between them are.
        bare = {each.strip("\\") for each in given}
        known = {each for each in given | bare if len(each) >= _LEAST_LENGTH and each.lower() not in _ORDINARY}
        spelt = sorted((each for secret in known for each in spellings(secret)), key=len, reverse=True)
        self._inside = tuple(dict.fromkeys(each for each in spelt if len(each) >= _LEAST_INSIDE))
        alone = [re.escape(each) for each in spelt if _LEAST_LENGTH <= len(each) < _LEAST_INSIDE]
        self._alone = re.compile(rf"(?<!\w)(?:{'|'.join(alone)})(?!\w)") if alone else None
        self._pieces = {piece: secret for secret in known if _is_dense(secret) for piece in _pieces(secret)}

    def result(self, result: Result) -> Result:
        """Return the result without secrets; it is the same one where there is no text at all."""
        texts = (result.message, result.traceback, result.stdout, result.stderr, result.logs, *result.warnings)
        if not any(texts):
            return result
        return replace(
            result,
            message=self.text(result.message),
            traceback=self.text(result.traceback),
            stdout=self.text(result.stdout),
            stderr=self.text(result.stderr),
            logs=self.text(result.logs),
            warnings=tuple(map(self.text, result.warnings)),
        )

    def text(self, text: str) -> str:
        """Return the text without secrets, nor halves of them where it is cut in the middle."""
        if not text:
            return text
        if not _CUT.search(text):
            return self._clean(text)
        # Whole ones first: what looks like the half of one may be the beginning of another.
        first, *rest = _CUT.split(self._without_whole(text), maxsplit=_MOST_CUTS)
        done = [self._clean(blank_before_cut(self._without_beginning(first)))]
        for note, part in zip(rest[::2], rest[1::2], strict=True):
            whole = self._without_beginning(self._without_end(part))
            done += [note, self._clean(blank_after_cut(whole, before=done[-1]))]
        return "".join(done)

    def _without_whole(self, text: str) -> str:
        # A flat pattern of all of them takes six times as long as looking for one after another.
        for secret in self._inside:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        return text

    def _clean(self, text: str) -> str:
        text = self._without_whole(text)
        if self._alone:
            text = self._alone.sub(HIDDEN, text)
        for piece, secret in self._pieces.items():
            if piece in text:
                text = _without_pieces(text, piece, secret)
        return blank_shapes(text)

    def _without_beginning(self, text: str) -> str:
        """Return the text without the beginning of a secret that it ends with."""
        most = max((_overlap(text, secret) for secret in self._inside), default=0)
        return text[: len(text) - most] + HIDDEN if most else text

    def _without_end(self, text: str) -> str:
        """Return the text without the end of a secret that it begins with."""
        most = max((_overlap(secret, text) for secret in self._inside), default=0)
        return HIDDEN + text[most:] if most else text


def _overlap(first: str, second: str) -> int:
    """Return how many characters, a few at least, end the first text and begin the second."""
    most = min(len(first), len(second))
    return next((length for length in range(most, _LEAST_LENGTH - 1, -1) if first.endswith(second[:length])), 0)


def _is_dense(secret: str) -> bool:
    """Tell whether a piece of it is as telling as the whole: not so of addresses, paths and sentences."""
    has_digits = any(map(str.isdigit, secret))
    return len(secret) >= _LEAST_PIECES and has_digits and "://" not in secret and not re.search(r"\s", secret)


def _pieces(secret: str) -> list[str]:
    """Return pieces of which one stands in any part of the secret that is nearly twice as long."""
    return [secret[at : at + _PIECE] for at in range(0, len(secret) - _PIECE + 1, _PIECE)]


def _without_pieces(text: str, piece: str, secret: str) -> str:
    at = text.find(piece)
    while at >= 0:
        start, end = at, at + len(piece)
        while start and text[start - 1 : end] in secret:
            start -= 1
        while end < len(text) and text[start : end + 1] in secret:
            end += 1
        if end - start >= 2 * _PIECE - 1:
            text = text[:start] + HIDDEN + text[end:]
            end = start + len(HIDDEN)
        at = text.find(piece, end)
    return text
