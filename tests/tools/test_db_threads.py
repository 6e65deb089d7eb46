"""Threads that a handler starts: each is part of the request or is told that it is over."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, create, insert, serve, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
DATABASES = ["sqlite", "memory", "postgresql", mariadb]
on_every_database = pytest.mark.parametrize("any_database", DATABASES, indirect=True)
PER_REQUEST = 1000  # numbers


class Hammer:
    """A handler that leaves a thread behind, which goes on to write by the unit of its request."""

    def __init__(self) -> None:
        self.requests, self.threads = itertools.count(1), []

    def __call__(self):
        first = next(self.requests) * PER_REQUEST
        unit = cherrypy.request.db
        insert(first)
        begun = threading.Event()

        def hammer():
            for number in range(first + 1, first + PER_REQUEST):
                begun.set()
                try:
                    insert(number, unit)
                except BaseException:  # whatever SQLAlchemy says of two threads at once
                    return

        self.threads.append(threading.Thread(target=hammer))
        self.threads[-1].start()
        begun.wait(60)
        cherrypy.response.status = 409 if first // PER_REQUEST % 2 else 200
        return str(first)


@on_every_database
@pytest.mark.parametrize("handle", HANDLES)
def test_a_thread_that_outlives_its_request_holds_nothing_and_writes_into_no_other(
    start_database, any_database, handle
):
    database = start_database(any_database, setup=create, timeout=2, pool_size=2)
    hammer = Hammer()
    client = serve(lambda: hammer(), **{"cpkit.db.handle": handle})
    with ThreadPoolExecutor(2) as clients:
        answers = list(clients.map(lambda _: client.post("/"), range(12)))
    for thread in hammer.threads:
        thread.join(60)
        assert not thread.is_alive()
    kept = {int(it.text) for it in answers if it.status_code == 200}
    rows = stored()
    assert {number // PER_REQUEST * PER_REQUEST for number in rows} == kept
    assert kept <= set(rows)
    assert database.figures().in_use == 0
    with database.begin() as unit:  # the turn to write is free as well
        unit.execute(text("SELECT 1"))


@on_every_database
def test_threads_that_are_the_first_to_use_a_unit_share_it(start_database, any_database):
    def handler():
        unit = cherrypy.request.db
        together = threading.Barrier(4)

        def work(number):
            together.wait(60)
            with one_at_a_time:  # of a driver's connection, as its module says
                insert(number, unit)

        def first(number):
            together.wait(60)
            return unit.cursor() and number

        with ThreadPoolExecutor(4) as pool:
            used = list(pool.map(first, range(4)))
            list(pool.map(work, range(4)))
        return str(len(used))

    one_at_a_time = threading.Lock()
    database = start_database(any_database, setup=create, timeout=1, pool_size=2)
    assert serve(handler, **{"cpkit.db.handle": "dbapi"}).post("/").text == "4"
    assert stored() == [0, 1, 2, 3]
    assert database.figures().in_use == 0
