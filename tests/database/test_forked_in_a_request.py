"""A process that a handler forks has nothing of the request's: its parent goes on with it."""

import os

import cherrypy
import pytest
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.errors import UnitOverError
from tests.statements import HANDLES, create, insert, serve, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)


def in_child(work) -> str:
    """Return what *work* returns in a forked process, or the name of what it raises."""
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writes, str(work()).encode())
        except BaseException as error:
            os.write(writes, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(pid, 0)
    with os.fdopen(reads) as said:
        return said.read()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks beside threads
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("used", [True, False], ids=["used before", "first used there"])
def test_a_forked_process_cannot_use_the_unit(start_database, any_database, handle, used):
    def handler():
        if used:
            insert(1)
        kept = cherrypy.request.db
        said.append(in_child(lambda: insert(2)))
        said.append(in_child(lambda: insert(2, kept)))
        insert(3)
        return "ok"

    said = []
    database = start_database(any_database, setup=create, timeout=1)
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    assert said == [UnitOverError.__name__] * 2
    assert stored() == [1, 3][not used :]
    assert database.figures().in_use == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql", mariadb], indirect=True)
def test_a_forked_process_has_units_of_its_own(start_database, any_database):
    def work():
        with cherrypy.engine.db.begin() as unit:
            insert(1, unit)
        return unit.over

    def handler():
        said = in_child(work)
        cherrypy.request.db.execute(text("INSERT INTO t VALUES (2)"))
        return said

    start_database(any_database, setup=create)
    assert serve(handler).post("/").text == "True"
    assert stored() == [1, 2]
