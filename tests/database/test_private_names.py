"""The private names of SQLAlchemy and of drivers: each is here, with why, and fails by its name."""

import ast
import inspect
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

import cpkit.database
from cpkit.database.pool import UnitPool

ROOM = Path(cpkit.database.__file__).parent

POOL = {
    "_do_get": "a spare is checked in for who waits for a connection",
    "_do_return_conn": "a pool that was disposed of closes what comes back",
    "_invalidate_time": "a spare that is older than the last disconnect is not lent",
    "_max_overflow": "waits are counted from where the pool has no connection left",
    "_pool": "the idle connections of a pool that was disposed of are closed",
    "_pre_ping": "what SQLAlchemy is to ping is not kept as a spare",
}
FAIRY = {
    "_connection_record": "what is known of a connection is on its record",
    "_counter": "the close() of a unit's Connection must not check the connection in",
    "_pool": "a connection goes back to the pool it came from, which a new one may have replaced",
}
CONNECTION = {
    "_allow_autobegin": "reads that need no transaction begin none",
    "_has_events": "listeners are joined where there are any, and not for each connection",
}
SESSION = {"_is_clean": "a session that has nothing to store is not committed"}
DISPATCH = {"_join": "listeners to an engine hear of the connections of units"}
PYMYSQL = {
    "_read_timeout": "the time-out for the server's greeting is not for statements",
    "_sock": "its socket is looked at, and cut where the server hangs",
}
PG8000 = {"_usock": "the time-out for a connect is not for statements; it is looked at, and cut"}
PSYCOPG = {"_prepared": "psycopg forgets what it has prepared where DISCARD ALL takes it away"}


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/a.sqlite", poolclass=UnitPool)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", POOL)
def test_a_private_name_of_sqlalchemys_pool_is_still_there(engine, name):
    assert hasattr(engine.pool, name), f"SQLAlchemy's QueuePool has no {name}: {POOL[name]}"


@pytest.mark.parametrize("name", FAIRY)
def test_a_private_name_of_sqlalchemys_connections_is_still_there(engine, name):
    fairy = engine.raw_connection()
    assert hasattr(fairy, name), f"SQLAlchemy's connections have no {name}: {FAIRY[name]}"
    fairy.close()


@pytest.mark.parametrize("name", CONNECTION)
def test_a_private_argument_of_sqlalchemys_connection_is_still_there(name):
    told = f"SQLAlchemy's Connection takes no {name}: {CONNECTION[name]}"
    assert name in inspect.signature(Connection.__init__).parameters, told


@pytest.mark.parametrize("name", SESSION)
def test_a_private_name_of_sqlalchemys_session_is_still_there(name):
    assert hasattr(Session, name), f"SQLAlchemy's Session has no {name}: {SESSION[name]}"


@pytest.mark.parametrize("name", DISPATCH)
def test_a_private_name_of_sqlalchemys_listeners_is_still_there(engine, name):
    assert hasattr(engine.dispatch, name), f"SQLAlchemy's dispatch has no {name}: {DISPATCH[name]}"


@pytest.mark.parametrize("name", PYMYSQL)
def test_a_private_name_of_pymysql_is_still_there(name):
    pymysql = pytest.importorskip("pymysql")
    connection = pymysql.Connection(defer_connect=True, read_timeout=1)
    assert hasattr(connection, name), f"PyMySQL's connections have no {name}: {PYMYSQL[name]}"


@pytest.mark.parametrize("name", PG8000)
def test_a_private_name_of_pg8000_is_still_there(postgres, name):
    pg8000 = pytest.importorskip("pg8000")
    connection = pg8000.connect("me", "127.0.0.1", "postgres", postgres.port)
    assert hasattr(connection, name), f"pg8000's connections have no {name}: {PG8000[name]}"
    connection.close()


@pytest.mark.parametrize("name", PSYCOPG)
def test_a_private_name_of_psycopg_is_still_there(postgres, name):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres.url.replace("+psycopg", "")) as connection:
        assert hasattr(connection, name), f"psycopg's connections have no {name}: {PSYCOPG[name]}"
        assert callable(connection._prepared.clear)


def private_names(path) -> set[str]:
    """Return the private attributes that *path* uses of others."""
    tree = ast.parse(path.read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    }
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return used - own


@pytest.mark.parametrize(
    "path", sorted(ROOM.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOM))
)
def test_no_other_file_uses_them(path):
    mine = {
        "pool.py": {*POOL, *FAIRY, *SESSION, *DISPATCH},
        "mariadb.py": set(PYMYSQL),
        "postgresql.py": {*PSYCOPG, *PG8000},
    }
    assert private_names(path) <= mine.get(path.name, set())


def test_a_unit_does_without_what_the_oldest_sqlalchemy_has_only_once_somebody_listens(
    start_database, monkeypatch
):
    database = start_database()
    monkeypatch.delattr(Connection, "_has_events", raising=False)
    with database.begin() as unit:
        assert unit.scalar(text("SELECT 1")) == 1
