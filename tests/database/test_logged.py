"""What is logged of a database: no value of a statement, no traceback of what will pass."""

import logging

import cherrypy
import pytest
import sqlalchemy as sa

import cpkit.tools
from cpkit.database.unavailable import Seldom
from tests.statements import create, stored


class Pages:
    @cherrypy.expose
    @cpkit.tools.db()
    def insert(self, secret):
        cherrypy.request.db.execute(sa.text("INSERT INTO no_table VALUES (:a)"), {"a": secret})

    @cherrypy.expose
    @cpkit.tools.db()
    def lose(self):
        cherrypy.request.db.execute(sa.text("SELECT 1"))
        pid = cherrypy.request.db.execute(sa.text("SELECT pg_backend_pid()")).scalar()
        with cherrypy.engine.db.begin() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        cherrypy.request.db.execute(sa.text("SELECT 2"))

    @cherrypy.expose
    @cpkit.tools.db()
    def fill(self):
        many = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 99999)"
        cherrypy.request.db.execute(sa.text(f"INSERT INTO t {many} SELECT a FROM n"))


@pytest.mark.parametrize(("options", "shown"), [({}, False), ({"hide_parameters": False}, True)])
def test_the_values_of_a_statement_are_logged_where_asked_for_alone(
    start_database, cp_client, caplog, options, shown
):
    start_database(**options)
    cherrypy.tree.mount(Pages())
    cp_client.raise_exceptions = False
    assert cp_client.post("/insert", data={"secret": "hunter2"}).status_code == 500
    assert "no such table" in caplog.text
    assert ("hunter2" in caplog.text) is shown


def test_a_failure_that_will_pass_is_a_line_without_a_traceback(
    start_database, cp_client, caplog, postgres, monkeypatch
):
    monkeypatch.setattr("cpkit.database.requests.say_seldom", Seldom())
    caplog.set_level(logging.INFO)
    start_database(postgres.url)
    cherrypy.tree.mount(Pages())
    cp_client.raise_exceptions = False
    assert [cp_client.post("/lose").status_code for _ in range(3)] == [503] * 3
    assert "Traceback" not in caplog.text
    assert not any(record.exc_info for record in caplog.records)
    assert len([line for line in caplog.text.splitlines() if "answered 503" in line]) == 1


@pytest.mark.usefixtures("new_minute")
def test_a_full_disk_is_a_line_however_many_requests_it_fails(start_database, cp_client, caplog):
    start_database(setup=create, pragmas={"max_page_count": 20})
    cherrypy.tree.mount(Pages())
    cp_client.raise_exceptions = False
    assert [cp_client.post("/fill").status_code for _ in range(3)] == [503] * 3
    assert stored() == []
    said = [it for it in caplog.records if "The disk of the database is full" in it.message]
    assert [record.levelno for record in said] == [logging.CRITICAL]


def test_a_line_of_the_database_cannot_be_forged(start_database, caplog):
    caplog.set_level(logging.INFO)
    database = start_database()
    database.say("a\nb\u202e\x9b", 30)
    assert "a\\nb\\u202e\\x9b" in caplog.text
