"""The grammar of days, times and moments: RFC 3339's, and neither epochs nor local times."""

from __future__ import annotations

import re
import typing
from datetime import date, datetime, time

import msgspec

from .columns import Json
from .shapes import Scalar, Schema, are_all

# RFC 3339, 5.6 and 5.7. NOTE: exact, since a schema tells it, and a client believes a schema.
_LEAP_YEAR = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY_OF_31 = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
_DAY_OF_30 = r"(0[469]|11)-(0[1-9]|[12][0-9]|30)"
_DAY_OF_28 = r"02-(0[1-9]|1[0-9]|2[0-8])"
_DAY = rf"(?!0000)([0-9]{{4}}-({_DAY_OF_31}|{_DAY_OF_30}|{_DAY_OF_28})|{_LEAP_YEAR}-02-29)"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,30})?"
_OFFSET = r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_MOMENTS = {date: _DAY, datetime: f"{_DAY}[Tt]{_CLOCK}", time: _CLOCK}
_FORMATS = {date: "date", datetime: "date-time", time: "time"}
# Neither Python nor a database can tell the time in UTC of moments before the first year, or after
# the last one: an offset that could lead there is refused.
_WITHIN_UTC = r"(?!0001-01-01[Tt].*\+(?!00:00)|9999-12-31[Tt].*-(?!00:00))"
_LONG_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")


class Moment(Scalar):
    """The shape of ``date``, ``datetime`` or ``time`` (RFC 3339, 5.6).

    The last two have an offset, unless ``Meta(tz=False)`` asks for one that has none.
    """

    careful = True

    def __init__(self, kind: type[date | time], *, offset: bool) -> None:
        self._kind, self._offset = kind, offset and kind is not date
        self._pattern = _MOMENTS[kind] + (_OFFSET if self._offset else "")
        self.grammar = self._pattern
        self._matches = re.compile(_WITHIN_UTC + self._pattern).fullmatch
        example = {date: "2026-11-29", datetime: "2026-11-29T18:30:00", time: "18:30:00"}[kind]
        self.expects = f"a {kind.__name__} as {example}" + ("Z" if self._offset else "")

    def read(self, text: str) -> object:
        """Return the moment that *text* writes; what is below a microsecond is cut off."""
        if not self._matches(text):
            raise ValueError
        return msgspec.convert(self.take_text(text), self._kind)

    def suits(self, moment: date | time) -> bool:
        """Tell whether *moment* has an offset where clients send one, and none where not."""
        return (getattr(moment, "tzinfo", None) is not None) is self._offset

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values*, fractions cut to microseconds, if all write moments that there are."""
        if not are_all(values, str):
            return None
        texts = typing.cast("list[str]", values)
        if not all(map(self._matches, texts)):
            return None
        taken = texts if self._kind is date else list(map(self.take_text, texts))
        return values if taken == texts else typing.cast("list[Json]", taken)

    @staticmethod
    def take_text(text: str) -> str:
        """Return *text* without what is below a microsecond, which would be rounded."""
        return _LONG_FRACTION.sub(r"\1", text) if len(text) > 15 else text

    def text_schema(self) -> Schema:
        """Return the schema of a moment; without an offset it has no format in JSON Schema."""
        if self._offset or self._kind is date:
            return {"type": "string", "format": _FORMATS[self._kind]}
        return {"type": "string", "pattern": f"^{self._pattern}$"}
