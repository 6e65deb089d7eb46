"""The one way to declare settings: keyword arguments, checks, errors and tables come from it."""

from dataclasses import dataclass
from typing import Literal

import pytest

from cpkit.errors import SettingError, UnknownSettingError
from cpkit.settings import (
    CALLABLE,
    FINITE_SECONDS,
    FLAG,
    NUMBER,
    SECONDS,
    WHOLE,
    ToolSettings,
    check,
    check_values,
    declared,
    instance_of,
    one_of,
    read,
    setting,
    table,
)


@dataclass(frozen=True, kw_only=True)
class Paint(ToolSettings):
    colour: Literal["red", "blue"] = setting("red", "what it is painted", one_of("red", "blue"))
    coats: int = setting(1, "how often", WHOLE)
    name: str | None = setting(None, "of the painter", instance_of(str, "a name").or_none())


@dataclass
class Brush:
    width: float = setting(2.5, "in mm", NUMBER)


def test_what_is_given_is_read_and_the_rest_has_its_default():
    assert read("paint", Paint, {"coats": 2}) == Paint(colour="red", coats=2)


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(UnknownSettingError) as told:
        check("paint", Paint, {"color": "red"})
    assert str(told.value) == "The tool paint has no setting color; it has colour, coats, name."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "gold"}, "paint.colour = 'gold' cannot be used: take one of red, blue."),
        ({"coats": -1}, "paint.coats = -1 cannot be used: set it to a whole number from 0 on."),
        ({"name": 5}, "paint.name = 5 cannot be used: set it to a name, or None."),
        ({"on": "yes"}, "paint.on = 'yes' cannot be used: set it to True or False."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_told_with_what_is_allowed(given, said):
    with pytest.raises(SettingError) as told:
        check("paint", Paint, given)
    assert str(told.value) == said


def test_the_living_settings_of_a_plugin_are_checked_the_same_way():
    brush = Brush()
    check_values("engine.brush", Brush, vars(brush))
    brush.width = "wide"
    with pytest.raises(SettingError, match=r"engine\.brush\.width = 'wide' cannot be used: "):
        check_values("engine.brush", Brush, vars(brush))


@pytest.mark.parametrize(
    ("allowed", "right", "wrong"),
    [
        (FLAG, [True, False, 1, 0], [2, None, "True", 1.0, "", []]),
        (NUMBER, [0, -1.5], [True, "1", None]),
        (SECONDS, [0, 0.5, float("inf")], [-1, True, "1", float("nan")]),
        (FINITE_SECONDS, [0, 0.5], [float("inf"), float("nan"), -1, False]),
        (WHOLE, [0, 3], [-1, 1.0, True, "1", None]),
        (CALLABLE, [len, str], [None, "len"]),
    ],
    ids=["FLAG", "NUMBER", "SECONDS", "FINITE_SECONDS", "WHOLE", "CALLABLE"],
)
def test_what_fits(allowed, right, wrong):
    assert [value for value in right if not allowed.fits(value)] == []
    assert [value for value in wrong if allowed.fits(value)] == []
    assert allowed.or_none().fits(None)


def test_the_table_says_key_values_default_and_meaning():
    assert table("cpkit.paint", Paint) == (
        "| key | values | default | meaning |\n"
        "| --- | --- | --- | --- |\n"
        "| `cpkit.paint.on` | True or False | off | switch the tool on |\n"
        '| `cpkit.paint.colour` | one of red, blue | `"red"` | what it is painted |\n'
        "| `cpkit.paint.coats` | a whole number from 0 on | `1` | how often |\n"
        "| `cpkit.paint.name` | a name, or None | none | of the painter |"
    )


def test_a_declaration_can_be_looked_at():
    assert declared(Paint)["coats"].meaning == "how often"
