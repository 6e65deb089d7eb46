"""A handler that takes the request's hooks away takes nothing from the loan's end."""

import threading

import cherrypy
import pytest
from cherrypy._cprequest import HookMap, hookpoints
from sqlalchemy import text

import cpkit.tools  # noqa: F401
from cpkit.errors import UnitOverError
from tests.statements import HANDLES, create, insert, serve, stored


@pytest.fixture
def database(start_database):
    database = start_database(setup=create, timeout=1, pool_size=2)
    yield database
    assert database.figures().in_use == 0
    with database.begin() as unit:  # the turn to write is free as well
        unit.execute(text("SELECT 1"))


def all_replaced():
    cherrypy.request.hooks = HookMap(hookpoints)


def none_is_left():
    for hooks in cherrypy.request.hooks.values():
        hooks.clear()


def those_of_the_answer_are_gone():
    cherrypy.request.hooks["on_end_resource"].clear()


def even_the_points_are_gone():
    cherrypy.request.hooks.clear()  # which CherryPy itself answers with 500


def refuse():
    cherrypy.response.status = 409


def doom():
    cherrypy.request.db.doom()


def fail():
    raise ZeroDivisionError


def stream():
    cherrypy.response.stream = True


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("take", "end", "status", "kept"),
    [
        (all_replaced, str, 200, [1]),
        (none_is_left, str, 200, [1]),
        (those_of_the_answer_are_gone, str, 200, [1]),
        (even_the_points_are_gone, str, 500, []),
        (all_replaced, stream, 200, [1]),
        (all_replaced, refuse, 409, []),
        (all_replaced, doom, 200, []),
        (all_replaced, fail, 500, []),
    ],
)
def test_the_status_and_the_rows_agree_whatever_hooks_are_left(
    database, handle, take, end, status, kept
):
    def handler():
        insert(1)
        take()
        end()
        return iter([b"ok"])

    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == status
    assert database.figures().in_use == 0
    assert stored() == kept


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("take", [all_replaced, none_is_left])
@pytest.mark.parametrize(("end", "kept"), [(str, [1]), (refuse, []), (fail, [])])
def test_so_it_is_where_another_thread_alone_has_used_the_unit(database, handle, take, end, kept):
    def handler():
        unit = cherrypy.request.db
        take()
        thread = threading.Thread(target=insert, args=(1, unit))
        thread.start()
        thread.join()
        end()

    serve(handler, **{"cpkit.db.handle": handle}).post("/")
    assert stored() == kept


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("take", [all_replaced, none_is_left])
def test_no_thread_may_be_the_first_to_use_it_afterwards(database, handle, take):
    def handler():
        units.append(cherrypy.request.db)
        take()

    units = []
    assert serve(handler, **{"cpkit.db.handle": handle}).post("/").status_code == 200
    with pytest.raises(UnitOverError):
        insert(1, units[0])
    assert stored() == []
