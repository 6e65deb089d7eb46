"""Print what a look-up takes in tables of 100 and of 10,000 routes of each shape.

python tests/routing/flat.py [SHAPE ...]
"""

import sys
from functools import partial

from effort import calls_in, milliseconds
from test_hostile import CONDITIONS, GET, SHAPES, filled, shaped

SIZES = 100, 10_000
ASKED = {"hit": "routematch", "405": "methods"}


def microseconds(call, times=50):
    """Return how long *call* takes: the shortest of many tries, in CPU time."""

    def many():
        for _ in range(times):
            call()

    return min(milliseconds(many) for _ in range(30)) * 1000 / times


def main(*names):
    for name in names or SHAPES:
        for kind, conditions in CONDITIONS.items():
            tables = [shaped(SHAPES[name], size, conditions) for size in SIZES]
            environ = GET | {"HTTP_HOST": "api.example.com"}
            for asked, look_up in ASKED.items():
                worst = max(
                    (asking(tables, look_up, filled(path), environ) for path in SHAPES[name]),
                    key=lambda row: row[1],
                )
                times, calls = worst[:2], worst[2:]
                print(  # noqa: T201
                    f"{name}, {kind}, {asked}: {times[0]:.2f} us of 100, {times[1]:.2f} of 10,000,"
                    f" {times[1] / times[0]:.2f} times; {calls[0]} and {calls[1]} calls",
                    flush=True,
                )


def asking(tables, look_up, path, environ):
    """Return what it takes to ask each of *tables*: the microseconds, then the calls."""
    calls = [partial(getattr(table, look_up), path, environ) for table in tables]
    return *map(microseconds, calls), *map(calls_in, calls)


if __name__ == "__main__":
    main(*sys.argv[1:])
