"""A unit of work is gone when its request is: nothing of it waits for the garbage collector."""

import gc
import sys
import weakref
from collections.abc import Iterator

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, create, insert, run, serve

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="frees by counting references"
)


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Keep the collector from what waits for it."""
    gc.disable()
    yield
    gc.enable()


def commits_between():
    insert(1)
    cherrypy.request.db.commit()
    insert(2)


def is_refused():
    insert(1)
    cherrypy.response.status = 409


def reads():
    run("SELECT a FROM t")


def streams():
    def body():
        run("SELECT a FROM t")
        yield b"1"

    cherrypy.response.stream = True
    return body()


WRITING = [commits_between, is_refused]


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("work", [*WRITING, reads, streams])
def test_a_request_s_unit_is_freed_with_it(start_database, work, handle):
    start_database(setup=create)
    units = []

    def handler():
        units.append(weakref.ref(cherrypy.request.db))
        return work() or b""

    client = serve(handler, **{"cpkit.db.handle": handle})
    assert (client.post if work in WRITING else client.get)("/").status_code in (200, 409)
    assert [unit() for unit in units] == [None]


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("write", [True, False])
def test_a_unit_outside_of_requests_is_freed_with_its_block(start_database, handle, write):
    database = start_database(setup=create)
    with database.unit(handle, write=write) as unit:
        run("SELECT a FROM t", unit)
    freed = weakref.ref(unit)
    del unit
    assert freed() is None
