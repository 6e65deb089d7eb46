"""The grammar of days, times and moments: RFC 3339's, and neither epochs nor local times."""

from __future__ import annotations

import re
import typing
from datetime import date, datetime, time, timezone

import msgspec

from .columns import Json
from .shapes import Scalar, Schema, are_all

# RFC 3339, 5.6.
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,30})?"
_OFFSET = r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
_MOMENTS = {date: _DAY, datetime: f"{_DAY}[Tt]{_CLOCK}", time: _CLOCK}
_FORMATS = {date: "date", datetime: "date-time", time: "time"}
# In these years there are moments whose time in UTC Python cannot tell, nor a database.
_AT_EDGE = "0001-01-01[Tt]|9999-12-31[Tt]"
_EDGES = ("0001-01-01T", "9999-12-31T", "0001-01-01t", "9999-12-31t")
_LONG_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")


class Moment(Scalar):
    """The shape of ``date``, ``datetime`` or ``time`` (RFC 3339, 5.6).

    The last two have an offset, unless ``Meta(tz=False)`` asks for one that has none.
    """

    careful = True

    def __init__(self, kind: type[date | time], *, offset: bool) -> None:
        self._kind, self._offset = kind, offset and kind is not date
        self._pattern = _MOMENTS[kind] + (_OFFSET if self._offset else "")
        self._grammar = re.compile(self._pattern)
        self._quick = re.compile(f"(?!{_AT_EDGE}){self._pattern}").fullmatch
        # PERF: msgspec.convert would look into the annotation each time.
        self._moments = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        example = {date: "2026-11-29", datetime: "2026-11-29T18:30:00", time: "18:30:00"}[kind]
        self.expects = f"a {kind.__name__} as {example}" + ("Z" if self._offset else "")

    def read(self, text: str) -> object:
        """Return the moment that *text* writes; what is below a microsecond is cut off."""
        if not self._grammar.fullmatch(text):
            raise ValueError
        if self._kind is date:
            return date.fromisoformat(text)
        try:
            moment = msgspec.convert(self.take_text(text), self._kind)
            if isinstance(moment, datetime) and self._offset and text.startswith(_EDGES):
                moment.astimezone(timezone.utc)
        except (msgspec.ValidationError, OverflowError) as error:  # as of a 30th of February
            raise ValueError from error
        return moment

    def suits(self, moment: date | time) -> bool:
        """Tell whether *moment* has an offset where clients send one, and none where not."""
        return (getattr(moment, "tzinfo", None) is not None) is self._offset

    def fits(self, value: Json) -> bool:
        """Tell whether *value* writes a moment that there is."""
        try:
            return isinstance(value, str) and self.read(value) is not None
        except ValueError:
            return False

    def take_all(self, values: list[Json]) -> list[Json] | None:
        """Return *values*, fractions cut to microseconds, if all write moments that there are."""
        if not are_all(values, str):
            return None
        texts = typing.cast("list[str]", values)
        taken = texts if self._kind is date else list(map(self.take_text, texts))
        if all(map(self._quick, texts)):
            try:
                self._moments.decode(msgspec.json.encode(taken))
            except msgspec.ValidationError:
                return None
        elif not all(map(self.fits, texts)):
            return None
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
