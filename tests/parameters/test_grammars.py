"""The grammars of single values: what each reads from text, and what it refuses."""

import enum
import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Literal, Optional
from uuid import UUID

import pytest
from msgspec import Meta

from cpkit.parameters.reading import shape_of

UTC = timezone.utc


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


NAIVE = Annotated[datetime, Meta(tz=False)]
ID = "123e4567-e89b-12d3-a456-426614174000"

READ = [
    (int, "0", 0),
    (int, "-0", 0),
    (int, "-7", -7),
    (int, str(2**63 - 1), 2**63 - 1),
    (int, str(-(2**63)), -(2**63)),
    (Annotated[int, Meta(ge=1, le=99)], "99", 99),
    (Annotated[int, Meta(gt=0, lt=10, multiple_of=3)], "9", 9),
    (float, "1", 1.0),
    (float, "-1.5e3", -1500.0),
    (float, "1" + "0" * 308, 1e308),
    (Annotated[float, Meta(gt=0, le=1)], "1", 1.0),
    (bool, "true", True),
    (bool, "false", False),
    (bool, "1", True),
    (bool, "0", False),
    (bool, "on", True),
    (str, "", ""),
    (str, "null", "null"),
    (Annotated[str, Meta(min_length=2, max_length=3, pattern="^[a-z]+$")], "ab", "ab"),
    (Decimal, "-12.340", Decimal("-12.340")),
    (Decimal, "-9.99E-7", Decimal("-0.000000999")),
    (UUID, ID, UUID(ID)),
    (UUID, ID.upper(), UUID(ID)),
    (date, "2026-02-28", date(2026, 2, 28)),
    (datetime, "2026-11-29T18:30:00Z", datetime(2026, 11, 29, 18, 30, tzinfo=UTC)),
    (
        datetime,
        "2026-11-29t18:30:00.1234567+02:00",
        datetime(2026, 11, 29, 18, 30, 0, 123456, timezone(timedelta(hours=2))),
    ),
    (datetime, "9999-12-31T23:59:59.99999999Z", datetime.max.replace(tzinfo=UTC)),
    (NAIVE, "2026-11-29T18:30:00", datetime(2026, 11, 29, 18, 30)),
    (time, "18:30:00Z", time(18, 30, tzinfo=UTC)),
    (Annotated[time, Meta(tz=False)], "18:30:00", time(18, 30)),
    (Colour, "red", Colour.RED),
    (Level, "10", Level.HIGH),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, 2], "2", 2),
]
REFUSED = [
    (int, "", "+1", "01", "1_0", " 1", "1 ", "1.0", "1e3", "0x1", "null", "\u0661", "\uff11"),
    (int, str(2**63), str(-(2**63) - 1), "9" * 10**6),
    (Annotated[int, Meta(ge=1, le=99)], "0", "100"),
    (Annotated[int, Meta(gt=0, lt=10, multiple_of=3)], "0", "10", "8"),
    (float, "", "nan", "inf", "-inf", "1e999", "1.", ".5", "1_0", "+1", "٣", "1" * 10**6),
    (Annotated[float, Meta(gt=0, le=1)], "0", "1.1"),
    (Annotated[float, Meta(ge=0, lt=1, multiple_of=0.5)], "-1", "1", "0.3"),
    (bool, "", "True", "TRUE", "yes", "2", "off", "null"),
    (Annotated[str, Meta(min_length=2, max_length=3, pattern="^[a-z]+$")], "a", "abcd", "AB"),
    (Decimal, "", "NaN", "Infinity", "1E999999999", "1e3", "1.", ".5", "0.0000000001"),
    (Decimal, "1234567890123456789", "9" * 10**6, "٣"),
    (Decimal, "1E-6", "1E-10", "1.5E-9", "1.234E-7", "6e-8", "10E-7", "1E+2"),
    (UUID, "", ID.replace("-", ""), "{" + ID + "}", "urn:uuid:" + ID, ID + "\n"),
    (date, "", "0", "20260228", "2026-2-8", "2026-02-30", "2026-W01-1", "٢٠٢٦-01-01", "0000-01-01"),
    (datetime, "1764441000", "2026-11-29", "2026-11-29T18:30:00", "2026-11-29 18:30:00Z"),
    (datetime, "2026-11-29T18:30Z", "2026-11-29T18:30:00+0200", "2026-11-29T24:00:00Z"),
    (datetime, "2026-11-29T18:30:60Z", "2026-11-29T18:30:00.Z", "2026-13-29T18:30:00Z"),
    (NAIVE, "2026-11-29T18:30:00Z"),
    (time, "18:30:00", "18:30Z", "24:00:00Z", "1"),
    (Colour, "", "RED", "Colour.RED"),
    (Level, "LOW", "01", "2", "1.0"),
    (Literal["a", "b"], "", "A", "c"),
    (Literal[1, 2], "3", "01", "true"),
]


@pytest.mark.parametrize(("annotation", "text", "value"), READ)
def test_a_text_is_read_as_its_value(annotation, text, value):
    read = shape_of(annotation).read(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "text"),
    [(annotation, text) for annotation, *texts in REFUSED for text in texts],
    ids=lambda value: repr(value)[:40],
)
def test_a_text_that_is_none_is_refused(annotation, text):
    with pytest.raises(ValueError):  # noqa: PT011  what is told is the shape's to say
        shape_of(annotation).read(text)


@pytest.mark.parametrize(
    ("annotation", "expects"),
    [
        (int, "a whole number"),
        (Annotated[int, Meta(ge=1, le=99)], "a whole number from 1 to 99"),
        (Annotated[int, Meta(gt=0, multiple_of=5)], "a whole number, 1 or more, a multiple of 5"),
        (Annotated[int, Meta(lt=0)], "a whole number, -1 or less"),
        (Annotated[float, Meta(ge=0, lt=1)], "a number at least 0, less than 1"),
        (Annotated[str, Meta(min_length=1, max_length=9)], "text of 1 to 9 characters"),
        (Annotated[str, Meta(min_length=1)], "text of at least 1 character"),
        (Annotated[str, Meta(max_length=9)], "text of at most 9 characters"),
        (datetime, "a datetime as 2026-11-29T18:30:00Z"),
        (NAIVE, "a datetime as 2026-11-29T18:30:00"),
        (Colour, "one of red, blue"),
    ],
)
def test_a_shape_says_what_it_expects(annotation, expects):
    assert shape_of(annotation).expects == expects


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (int, {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}),
        (
            Annotated[int, Meta(gt=0, lt=10, multiple_of=3)],
            {"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 3},
        ),
        (float, {"type": "number"}),
        (
            Annotated[float, Meta(gt=0, le=1)],
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        ),
        (str, {"type": "string"}),
        (
            Annotated[str, Meta(min_length=1, max_length=9, pattern=r"\A\d+\Z")],
            {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[0-9]+$"},
        ),
        (Annotated[str, Meta(pattern="(?i)x")], {"type": "string"}),
        (UUID, {"type": "string", "format": "uuid"}),
        (date, {"type": "string", "format": "date"}),
        (datetime, {"type": "string", "format": "date-time"}),
        (time, {"type": "string", "format": "time"}),
        (Colour, {"enum": ["red", "blue"]}),
        (Literal[1, 2], {"enum": [1, 2]}),
    ],
)
def test_a_parameters_schema_has_what_the_grammar_has(annotation, schema):
    assert shape_of(annotation).text_schema() == schema


def test_a_nullable_parameter_has_no_null_in_its_schema_and_a_body_has():
    shape = shape_of(Optional[date])  # noqa: UP045
    day = {"type": "string", "format": "date"}
    assert shape.inner.text_schema() == day
    assert shape.schema(lambda cls, make: make()) == {"anyOf": [day, {"type": "null"}]}


@pytest.mark.parametrize("year", [0, 1, 4, 100, 400, 1900, 2000, 2023, 2024, 9999])
def test_a_schema_tells_which_days_there_are(year):
    pattern = re.compile(shape_of(NAIVE).text_schema()["pattern"])
    for month in range(14):
        for day in range(33):
            text = f"{year:04}-{month:02}-{day:02}"
            there = month in range(1, 13) and year and 0 < day <= monthrange(year, month)[1]
            assert bool(pattern.match(f"{text}T12:30:00")) is bool(there)


@pytest.mark.parametrize("text", ["24:00:00", "23:60:00", "23:59:60", "80:16:63"])
def test_a_schema_tells_which_times_there_are(text):
    assert not re.match(shape_of(Annotated[time, Meta(tz=False)]).text_schema()["pattern"], text)
