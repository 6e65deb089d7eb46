"""What tests cost beside themselves, in one process or in several: a pytest plugin."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Have each of several workers import its share of the test files before all of them.

    PERF: pytest rewrites the assertions of a file when it is first imported, at several times the
    cost of the import. Workers collect in one order: in a new clone each would rewrite them all.
    """
    gc.disable()
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        first = int(worker["workerid"].removeprefix("gw"))
        for path in _asked_for(session.config)[first :: worker["workercount"]]:
            # What cannot be imported is told when it is collected.
            with contextlib.suppress(Exception, pytest.skip.Exception):
                name = path.relative_to(session.config.rootpath).with_suffix("")
                importlib.import_module(".".join(name.parts))


def _asked_for(config: pytest.Config) -> list[Path]:
    """Return the files of tests that the command line names."""
    named = [config.invocation_params.dir / each.partition("::")[0] for each in config.args]
    found = {
        path for each in named for path in ([each] if each.is_file() else each.rglob("test_*.py"))
    }
    return sorted(path for path in found if "benchmarks" not in path.parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests whose names are others in each process, so that no two workers agree on them."""
    if addressed := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"An object's address is in the name of {addressed[0]}: give ids.")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the collector of garbage from looking at thousands of tests again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Collect the garbage of a file of tests with the last of them; what is left, stays.

    PERF: a sixth of the time went into looking at what all files before had left.
    """
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_report_to_serializable(config: pytest.Config, report: object) -> None:
    """Send of a test that has passed no output to who counts it, unless it is asked for (-rP).

    PERF: two thirds of what a worker writes of each step, and of what is read of it.
    """
    wanted = set("pPA") & set(config.getoption("reportchars"))
    if isinstance(report, pytest.TestReport) and report.passed and not wanted:
        report.sections, report.keywords = [], {}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Save what is covered before the worker is told to end.

    pytest-xdist kills a worker that takes over ten seconds to end, and coverage saves as it ends:
    on a busy machine half of what was covered was lost.
    """
    coverage = sys.modules.get("coverage")
    if coverage is not None and (measuring := coverage.Coverage.current()):
        measuring.save()
