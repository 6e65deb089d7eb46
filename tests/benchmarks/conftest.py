"""What pytest and pytest-benchmark are told: which questions, for how long, and where."""

from typing import Any

import pytest

from tests.benchmarks import machine
from tests.benchmarks.questions import load
from tests.benchmarks.turns import SECONDS

PLACE = machine.describe()  # the load before


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--of", default="", help="the pieces that are asked about: routing timing …")
    parser.addoption("--seconds", type=float, default=SECONDS, help="a question (%(default)s)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    try:
        asked = load(*metafunc.config.getoption("of").split())
    except LookupError as error:
        raise pytest.UsageError(*error.args) from None
    metafunc.parametrize("asked", asked, ids=[f"{one.piece}: {one.title}" for one in asked])


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    machine_info.clear()  # names of machines, folders and branches are nobody's business
    machine_info.update(PLACE, versions=machine.versions())


def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    commit_info.clear()
    commit_info.update(machine.commit())  # what runs publish is no change


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    output_json["seconds"] = config.getoption("seconds")
    for one in output_json["benchmarks"]:
        del one["stats"]["data"]  # megabytes
