"""What ``cherrypy.request.db`` is, on every kind of database."""

import cherrypy
import pytest
from sqlalchemy import String, create_engine, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import cpkit.tools  # noqa: F401
from cpkit.errors import WriteInReadUnitError


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40))


class Library:
    """The same two actions through each handle."""

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.handle": "connection"})
    def core(self, title=None):
        db = cherrypy.request.db
        if title:
            db.execute(Book.__table__.insert().values(title=title))
        return ",".join(db.scalars(select(Book.title)))

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.handle": "session"})
    def orm(self, title=None):
        db = cherrypy.request.db
        if title:
            book = Book(title=title)
            db.add(book)
            assert book in db
        return ",".join(book.title for book in db.scalars(select(Book)))

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.handle": "dbapi"})
    def raw(self, title=None):
        db = cherrypy.request.db
        if title:
            db.execute(f"INSERT INTO books (title) VALUES ('{title}')")
        with db.cursor() as cursor:
            cursor.execute("SELECT title FROM books")
            return ",".join(row[0] for row in cursor)

    @cherrypy.expose
    @cherrypy.config(**{"cpkit.db.handle": "dbapi"})
    def raw_many(self, count):
        rows = [(f"b{n}",) for n in range(int(count))]
        mark = "?" if isinstance(cherrypy.request.db.handle, sqlite3_connection()) else "%s"
        cherrypy.request.db.executemany(f"INSERT INTO books (title) VALUES ({mark})", rows)
        return str(cherrypy.request.db.queries)


def sqlite3_connection():
    import sqlite3

    return sqlite3.Connection


# What the plugin knows, in all, and a driver that it knows nothing special of.
mariadb = pytest.param("mariadb", marks=pytest.mark.faults)
on_every_database = pytest.mark.parametrize(
    "any_database", ["sqlite", "memory", "postgresql", "generic", mariadb], indirect=True
)


@pytest.fixture
def library(start_database, any_database, cp_client):
    database = start_database(any_database, setup=Base.metadata.create_all)
    cherrypy.tree.mount(Library(), "/", {"/": {"cpkit.db.on": True}})
    yield cp_client
    with database.begin() as connection:
        Base.metadata.drop_all(connection.handle)
    assert database.figures().in_use == 0


@on_every_database
@pytest.mark.parametrize("path", ["/core", "/orm", "/raw"])
def test_a_handle_writes_and_reads_in_one_transaction(library, path):
    assert library.post(path, params={"title": "Emma"}).text == "Emma"
    assert library.get(path).text == "Emma"


@on_every_database
@pytest.mark.parametrize("path", ["/core", "/orm", "/raw"])
def test_a_write_where_only_reads_are_meant_is_a_clear_error(library, path):
    with pytest.raises(WriteInReadUnitError, match=r"cpkit\.db\.write = True"):
        library.get(path, params={"title": "Emma"})
    assert library.get(path).text == ""


@on_every_database
@pytest.mark.parametrize("path", ["/core", "/orm", "/raw"])
def test_write_in_config_lets_any_method_write(library, path):
    cherrypy.tree.apps[""].merge({path: {"cpkit.db.write": True}})
    library.get(path, params={"title": "Emma"})
    assert library.get(path).text == "Emma"


@on_every_database
@pytest.mark.parametrize("path", ["/core", "/orm", "/raw"])
def test_isolation_and_read_only_are_for_this_unit_alone(library, path):
    library.post(path, params={"title": "Emma"})
    cherrypy.tree.apps[""].merge(
        {path: {"cpkit.db.isolation": "REPEATABLE READ", "cpkit.db.read_only": True}}
    )
    assert library.get(path).text == "Emma"
    cherrypy.tree.apps[""].merge({path: {"cpkit.db.isolation": None, "cpkit.db.read_only": False}})
    assert library.post(path, params={"title": "Sula"}).text == "Emma,Sula"


def told(database, setting: str, **options) -> object:
    with database.unit("dbapi", **options) as unit:
        return unit.execute(f"SHOW {setting}").fetchone()[0]


def test_postgresql_is_told_the_modes_of_this_unit_alone(start_database, postgres):
    database = start_database(postgres.url, pool_size=1)
    level, access = "transaction_isolation", "transaction_read_only"
    assert told(database, level, isolation="SERIALIZABLE") == "serializable"
    assert told(database, level) == "read committed"
    assert told(database, access, read_only=True) == "on"
    assert told(database, access) == "off"


@pytest.mark.faults
def test_mariadb_is_told_the_modes_of_this_unit_alone(start_database, mariadb):
    database = start_database(mariadb.url, pool_size=1)

    def told(name: str, **options) -> object:
        with database.begin(**options) as unit:
            return unit.scalar(text(f"SELECT @@SESSION.{name}"))

    assert told("tx_isolation", isolation="SERIALIZABLE") == "SERIALIZABLE"
    assert told("tx_isolation") == "REPEATABLE-READ"
    assert told("tx_read_only", read_only=True) == 1
    assert told("tx_read_only") == 0


@on_every_database
def test_many_rows_are_one_query(library):
    assert library.post("/raw_many?count=3").text == "1"
    assert library.get("/core").text == "b0,b1,b2"


@pytest.mark.parametrize("any_database", ["generic", mariadb], indirect=True)
def test_idle_connections_that_were_cut_are_not_noticed_by_a_client(library, any_database):
    library.post("/core", params={"title": "Emma"})
    cut_others(any_database)
    assert library.get("/core").text == "Emma"


def cut_others(url: str) -> None:
    """End every other connection, and let the plugin's look idle."""
    engine = create_engine(url)
    with engine.connect() as admin:
        if url.startswith("mariadb"):
            own = admin.scalar(text("SELECT CONNECTION_ID()"))
            listed = text("SELECT id FROM information_schema.processlist WHERE user = 'root'")
            for other in set(admin.scalars(listed)) - {own}:
                admin.execute(text(f"KILL {other}"))
        else:
            admin.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
            )
    engine.dispose()
    database = cherrypy.engine.db
    for connection in database.engine.pool.spares:
        connection.info["cpkit.since"] -= 100


@pytest.mark.faults
def test_a_statement_that_takes_too_long_is_cancelled(start_database, mariadb):
    database = start_database(mariadb.url, statement_timeout=0.1)
    with pytest.raises(OperationalError, match="max_statement_time"):
        database.begin(write=False).execute(text("SELECT SLEEP(30) FROM information_schema.tables"))


def test_what_is_set_on_a_unit_of_the_drivers_is_set_there(start_database, postgres):
    database = start_database(postgres.url, pool_size=1)
    with database.begin("dbapi") as unit:
        unit.prepare_threshold = 77
        assert unit.handle.prepare_threshold == 77
    with database.begin("dbapi") as unit:
        assert unit.prepare_threshold == 5


def test_what_a_driver_does_not_have_is_an_attribute_error(start_database):
    database = start_database()
    with database.begin("dbapi") as unit, pytest.raises(AttributeError):
        _ = unit.sql_mode
