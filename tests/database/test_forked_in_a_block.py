"""A process that is forked in a block of its parent's, or beside idle connections of it."""

import os

import pytest
from sqlalchemy import text

from cpkit.errors import UnitOverError
from tests.database.test_forked_in_a_request import in_child
from tests.statements import HANDLES, create, insert, run, stored

mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
kinds = ["sqlite", "postgresql", "psycopg2", "generic", mariadb]
on_each = pytest.mark.parametrize("any_database", kinds, indirect=True)
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of forks beside threads
]


# The child's end of the block committed what the parent had not, on the parent's connection.
@on_each
@pytest.mark.parametrize("handle", HANDLES)
def test_a_process_that_leaves_the_block_commits_nothing_of_its_parents(
    start_database, any_database, handle
):
    database = start_database(any_database, setup=create)
    with database.begin(handle) as unit:
        insert(1, unit)
        in_child(lambda: unit.__exit__(None, None, None))
        insert(2, unit)
        unit.rollback()
        insert(3, unit)
    assert stored() == [3]


@on_each
def test_a_process_cannot_use_the_unit_of_its_parents_block(start_database, any_database):
    database = start_database(any_database, setup=create)
    with database.begin() as unit:
        insert(1, unit)
        assert in_child(lambda: insert(2, unit)) == UnitOverError.__name__
    assert stored() == [1]


# The child's end of the block rolled back on its parent's connection.
@pytest.mark.parametrize(
    "any_database", ["postgresql", "psycopg2", "generic", mariadb], indirect=True
)
@pytest.mark.parametrize("handle", HANDLES)
def test_a_process_that_leaves_the_block_takes_no_snapshot_from_its_parent(
    start_database, any_database, handle
):
    database = start_database(any_database, setup=create)
    with database.begin(handle, write=False, isolation="REPEATABLE READ") as unit:
        assert list(run("SELECT a FROM t", unit).fetchall()) == []
        in_child(lambda: unit.__exit__(None, None, None))
        with database.begin() as other:
            insert(1, other)
        assert list(run("SELECT a FROM t", unit).fetchall()) == []
        assert in_child(lambda: run("SELECT a FROM t", unit)) == UnitOverError.__name__
    assert stored() == [1]


@on_each
def test_a_connection_of_the_engine_stays_its_parents(start_database, any_database):
    database = start_database(any_database, setup=create)
    with database.engine.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        block = connection.get_transaction()
        assert in_child(block.commit) == UnitOverError.__name__
        assert in_child(connection.close) == "None"
        connection.rollback()
    assert stored() == []


def test_a_unit_that_was_not_used_before_the_fork_may_be_after_it(start_database):
    database = start_database(setup=create)
    unit = database.begin()

    def work():
        with unit:
            insert(1, unit)

    assert in_child(work) == "None"
    assert stored() == [1]


@on_each
@pytest.mark.parametrize("what", ["stop", "graceful", "figures", "database_health"])
def test_what_a_process_does_to_its_pool_leaves_its_parent_the_connections(
    start_database, any_database, what
):
    database = start_database(any_database, setup=create)
    with database.begin() as unit:
        insert(1, unit)
    with database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert "Error" not in in_child(getattr(database, what))
    with database.engine.connect() as connection, database.begin() as unit:
        assert connection.scalar(text("SELECT 1")) == 1
        insert(2, unit)
    assert stored() == [1, 2]
