"""A connection that was tidied is as good as a new one."""

import pytest

from tests.statements import HANDLES, run


def pid_of(unit):
    return run("SELECT pg_backend_pid()", unit).fetchone()[0]


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("handle", HANDLES)
def test_statements_that_the_driver_had_prepared_run_after_connections_were_tidied(
    start_database, postgres, handle, limit
):
    database = start_database(postgres.url, pool_size=1, statement_timeout=limit)
    pids = set()
    for _ in range(3):
        # NOTE: psycopg prepares what was run five times, on the server, and DISCARD ALL forgets it.
        for _ in range(8):
            with database.begin(handle) as unit:
                pids.add(pid_of(unit))
        for _ in range(8):
            with database.begin(handle) as unit:
                run("SET search_path = 'nowhere'", unit)
    with database.begin(handle) as unit:
        assert run("SHOW search_path", unit).fetchone()[0] != "nowhere"
        shown = run("SHOW statement_timeout", unit).fetchone()[0]
    assert shown == ("0" if limit is None else "5s")
    assert len(pids) == 1
