"""Chooses a format by an Accept header, whatever stands in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from smoketest.report.formats import FORMATS, TEXT, Format


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """One part of the header: what is accepted, how gladly, and its place among the others."""

    main: str
    sub: str
    quality: float
    place: int

    def fit(self, media_type: str) -> int:
        """Return how closely it names the type: 3 by its name, 2 by its family, 1 as anything, 0 not at all."""
        main, _, sub = media_type.partition("/")
        return {(main, sub): 3, (main, "*"): 2, ("*", "*"): 1}.get((self.main, self.sub), 0)


_Rank = tuple[float, int, int]
_UNFIT: _Rank = (0.0, 0, 0)


@lru_cache(maxsize=256)  # a monitor sends the same one every time
def negotiate(accept: str) -> Format:
    """Return the format that the header likes best; text where it says nothing that can be understood.

    By https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1, but parameters other than `q` are overlooked. Django's
    own `get_preferred_type` takes `application/json; charset=utf-8` for no JSON, and raises for some odd headers.
    """
    ranges = tuple(_ranges(accept))
    ranks = {each.name: _rank(each, ranges) for each in FORMATS.values()}
    liked = [each for each in FORMATS.values() if ranks[each.name] > _UNFIT]
    # What is liked alike stays in the table's order.
    best_first = sorted(liked, key=lambda each: ranks[each.name], reverse=True)
    return next((each for each in best_first if each.is_available), TEXT)


def _rank(each: Format, ranges: Iterable[_Range]) -> _Rank:
    """Return the quality, closeness and place of what names the format most closely; a greater one wins."""
    fits = [
        (fit, range_.quality, -range_.place)
        for media_type in each.accepts
        for range_ in ranges
        if (fit := range_.fit(media_type))
    ]
    fit, quality, place = max(fits, default=(0, 0.0, 0))
    return (quality, fit, place) if quality else _UNFIT


def _ranges(accept: str) -> Iterator[_Range]:
    for place, part in enumerate(accept.split(",")):
        media_type, *parameters = part.lower().split(";")
        main, _, sub = (each.strip() for each in media_type.partition("/"))
        if main and sub:
            yield _Range(main=main, sub=sub, quality=_quality(parameters), place=place)


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return _number(value)
    return 1.0


def _number(value: str) -> float:
    """Return a quality from 0 to 1; what is none counts as not said."""
    try:
        number = float(value)
    except ValueError:
        return 1.0
    return number if 0 <= number <= 1 else 1.0
