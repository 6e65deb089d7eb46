"""cp_db refuses a database that opens something else than its URL's path says."""

import sqlite3

import cherrypy
import pytest

from cpkit.errors import UnfitDatabaseError
from cpkit.plugins import DatabasePlugin
from cpkit.testing._database import databases


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {"creator": lambda: sqlite3.connect("never")}),
        ("", {"connect_args": {"dbname": "production"}}),
        ("?dbname=production", {}),
        ("?service=production", {}),
    ],
)
@pytest.mark.parametrize("told", [None, "told"])
def test_a_detour_is_refused(cp_isolation, monkeypatch, query, options, told):
    url = f"postgresql+psycopg://nobody@127.0.0.1:1/app_test{query}"
    plugin = DatabasePlugin(cherrypy.engine, url, **options)
    monkeypatch.setattr(cherrypy.engine, "db", plugin, raising=False)
    with pytest.raises(UnfitDatabaseError, match="says"), databases(told and url):
        pytest.fail("it was opened")
