"""What lasts as long as a transaction has one to last in, where requests that read have none."""

import pytest

import cpkit.tools  # noqa: F401
from tests.statements import HANDLES, create, run, serve

LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize(
    ("statement", "then", "found"),
    [
        ("SELECT pg_advisory_xact_lock(42)", LOCKS, 1),
        ("SELECT pg_try_advisory_xact_lock_shared (42)", LOCKS, 1),
        ("DECLARE c CURSOR FOR SELECT 7", "FETCH ALL FROM c", 7),
    ],
    ids=["advisory lock", "shared lock", "cursor"],
)
def test_what_lasts_for_a_transaction_lasts(
    start_database, postgres, handle, statement, then, found
):
    def handler():
        run(statement)
        return str(run(then).fetchone()[0])

    start_database(postgres.url, pool_size=1)
    client = serve(handler, **{"cpkit.db.handle": handle})
    for _ in range(2):
        assert client.get("/").text == str(found)
    assert serve(lambda: str(run(LOCKS).scalar())).get("/").text == "0"


@pytest.mark.parametrize("any_database", ["sqlite", "memory", "postgresql"], indirect=True)
@pytest.mark.parametrize("handle", HANDLES)
def test_a_savepoint_is_in_the_transaction_that_a_text_has_begun(
    start_database, any_database, handle
):
    def handler():
        run("BEGIN")
        run("SAVEPOINT s")
        return str(run("SELECT count(*) FROM t").fetchone()[0])

    database = start_database(any_database, setup=create, pool_size=1)
    client = serve(handler, **{"cpkit.db.handle": handle})
    for _ in range(2):
        assert client.get("/").text == "0"
    assert database.figures().in_use == 0
