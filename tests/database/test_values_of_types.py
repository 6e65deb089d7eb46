"""The values that a column's type cannot take: no log and no error has them either."""

import decimal
import enum
import logging
import traceback
import uuid

import cherrypy
import pytest
import sqlalchemy as sa

import cpkit.tools  # noqa: F401

SECRET = "hunter2"


class Colour(enum.Enum):
    RED = "red"


class Picky(sa.TypeDecorator):
    """A type of the application's own."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value:
            raise ValueError(f"no such card: {value}")
        return value


class Wrapping(Picky):
    cache_ok = True

    def process_bind_param(self, value, dialect):
        try:
            return {}[value]
        except KeyError as error:
            raise TypeError(f"not {value}") from error


TYPES = {
    "enum": (sa.Enum(Colour, name="colour", validate_strings=True), SECRET),
    "plain enum": (
        sa.Enum("a", "b", name="letter", validate_strings=True),
        f"'{SECRET}' is not among'",
    ),
    "date": (sa.DateTime(), SECRET),
    "uuid": (sa.Uuid(), SECRET),
    "json": (sa.JSON(), {"a": {SECRET}}),
    "own": (Picky(), SECRET),
    "wrapping": (Wrapping(), SECRET),
    "numeric": (sa.Numeric(), SECRET),
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("any_database", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("by", ["request", "session", "engine", "engine's unit"])
def test_a_value_that_a_type_cannot_take_is_shown_nowhere(
    start_database, any_database, cp_client, caplog, kind, by
):
    caplog.set_level(logging.INFO)
    column, value = TYPES[kind]
    table = sa.Table("t", sa.MetaData(), sa.Column("a", column))
    database = start_database(any_database, setup=table.create)
    seen = []

    def insert(connection):
        try:
            connection.execute(sa.insert(table).values(a=value))
        except Exception:
            seen.append(traceback.format_exc())
            raise

    class Root:
        @cherrypy.expose
        def index(self):
            if by == "engine":
                with database.engine.connect() as connection:
                    insert(connection)
            elif by == "engine's unit":
                with database.begin() as unit:
                    insert(unit)
            else:
                insert(cherrypy.request.db)

    handle = "session" if by == "session" else "connection"
    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True, "cpkit.db.handle": handle}})
    cp_client.raise_exceptions = False
    response = cp_client.post("/")
    assert response.status_code == 500
    assert seen
    assert SECRET not in caplog.text + response.text + seen[0]


def test_what_a_type_says_beside_the_value_stays(start_database):
    table = sa.Table("t", sa.MetaData(), sa.Column("a", TYPES["enum"][0]))
    with start_database(setup=table.create).begin() as unit:
        with pytest.raises(sa.exc.StatementError) as caught:
            unit.execute(sa.insert(table).values(a=SECRET))
        assert "'***' is not among the defined enum values. Enum name: colour" in str(caught.value)
        assert isinstance(caught.value.orig, LookupError)
        with pytest.raises(sa.exc.StatementError, match="A value is required for bind parameter"):
            unit.execute(sa.text("SELECT :missing"))


def test_a_stored_value_that_is_none_of_an_enum_is_shown_nowhere(start_database, cp_client, caplog):
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Enum(Colour)))
    database = start_database(setup=table.create)
    with database.begin() as unit:
        unit.execute(sa.text("INSERT INTO t VALUES (:a)"), {"a": SECRET})

    class Root:
        @cherrypy.expose
        def index(self):
            return str(cherrypy.request.db.scalars(sa.select(table)).all())

    cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
    cp_client.raise_exceptions = False
    assert cp_client.get("/").status_code == 500
    assert "is not among the defined enum values" in caplog.text
    assert SECRET not in caplog.text


def test_values_are_shown_where_they_are_asked_for(start_database):
    table = sa.Table("t", sa.MetaData(), sa.Column("a", Picky()))
    database = start_database(setup=table.create, hide_parameters=False)
    with database.begin() as unit, pytest.raises(sa.exc.StatementError, match=SECRET):
        unit.execute(sa.insert(table).values(a=SECRET))


def test_an_error_of_the_handlers_own_stays_what_it_is(start_database):
    database, own = start_database(), ValueError("no such card: 17")

    def fail():
        with database.begin() as unit:
            unit.execute(sa.text("SELECT 1"))
            raise own from decimal.InvalidOperation("17")

    with pytest.raises(ValueError, match="no such card: 17"):
        fail()
    assert str(own.__cause__) == "17"


def test_a_uuid_is_stored(start_database):
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Uuid()))
    with start_database(setup=table.create).begin() as unit:
        unit.execute(sa.insert(table).values(a=uuid.uuid4()))
