"""A setting that cannot be used ends the start with one line, which names its config key."""

import subprocess
import sys

import cherrypy
import pytest
from prometheus_client import CollectorRegistry

from cpkit.plugins import DatabasePlugin, TimingPlugin

NAMES = "There are url, required, wait, timeout, pool_size, "


def said_at_start(caplog, **config):
    """Return the one line that the start ends with."""
    cherrypy.config.update(config)
    with pytest.raises(SystemExit) as ended:
        cherrypy.engine.publish("start")
    assert ended.value.code == 1
    (said,) = [r.getMessage() for r in caplog.records if "othing is served" in r.getMessage()]
    assert "\n" not in said
    assert "s3cret" not in caplog.text
    return said


@pytest.fixture
def database(cp_engine, tmp_path):
    cp_engine.db = DatabasePlugin(cp_engine, f"sqlite:///{tmp_path}/a.sqlite", wait=0)
    yield cp_engine.db
    cp_engine.db.unsubscribe()
    del cp_engine.db


WHOLE = "a whole number from 1 on, or None for as many as there are threads"
SECONDS = "a number of seconds from 0 on"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("pool_size", "many", WHOLE),
        ("pool_size", 0, WHOLE),
        ("pool_size", -1, WHOLE),
        ("pool_size", 2.5, WHOLE),
        ("pool_size", True, WHOLE),
        ("timeout", "x", SECONDS),
        ("timeout", -1, SECONDS),
        ("timeout", float("inf"), SECONDS),
        ("wait", float("nan"), SECONDS),
        ("max_age", None, SECONDS),
        ("slow_write", "1", SECONDS),
        ("statement_timeout", 0, "a number of seconds over 0, or None"),
        ("required", "no", "True or False"),
        ("read_only", None, "True or False"),
        ("synchronous", "MAYBE", "one of OFF, NORMAL, FULL, EXTRA"),
        ("pragmas", "cache_size", "a mapping of names to values"),
        ("setup", "create", "a callable that takes a connection, or None"),
        ("cleanup", 3, "a callable that takes a connection, or None"),
        ("url", "", "the URL of the database, SQLAlchemy's"),
        ("url", 5, "the URL of the database, SQLAlchemy's"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_told_what_it_may_be(
    database, caplog, name, value, allowed
):
    said = said_at_start(caplog, **{"engine.db.on": True, f"engine.db.{name}": value})
    shown = repr(str(value)) if name == "url" and value else repr(value)
    assert f"engine.db.{name} = {shown} cannot be used: give {allowed}." in said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pol_size", "engine.db.pol_size = 3 cannot be used: no such setting, nor option of"),
        ("pol_size", "Did you mean pool_size?"),
        ("password", "engine.db.password = '***' cannot be used"),
        ("colour", NAMES),
        ("connections", NAMES),  # a property of the plugin
        ("ping", NAMES),  # a method of the plugin
    ],
)
def test_a_name_that_is_no_setting_is_told_what_there_is(database, caplog, name, told):
    value = "s3cret" if name == "password" else 3
    assert told in said_at_start(caplog, **{"engine.db.on": True, f"engine.db.{name}": value})


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:/a.sqlite", "write it like sqlite:///shop.sqlite"),
        ("foo://me:s3cret@host/db", "foo://me:***@host/db' cannot be used: write it like"),
        ("postgresql://me:s3cret@host:port/db", "me:***@host:port/db' cannot be used: write it"),
        ("oracle://me:s3cret@host/db", "install its driver (No module named "),
    ],
)
def test_a_url_that_cannot_be_used_is_shown_without_its_password(database, caplog, url, told):
    said = said_at_start(caplog, **{"engine.db.on": True, "engine.db.url": url})
    assert told in said


def test_what_create_engine_makes_of_its_options_is_told(database, caplog):
    said = said_at_start(caplog, **{"engine.db.on": True, "engine.db.echo": "loud"})
    assert "create_engine fails with engine.db.echo: KeyError('loud')" in said


def test_a_setting_that_cannot_be_used_ends_the_start_though_no_database_is_required(
    database, caplog
):
    database.required = False
    assert "pool_size" in said_at_start(caplog, **{"engine.db.on": True, "engine.db.pol_size": 3})


def test_a_database_that_is_off_may_have_any_settings(database):
    cherrypy.config.update({"engine.db.on": False, "engine.db.pool_size": "many"})
    cherrypy.engine.publish("start")


# ------------------------------ timing ------------------------------

THERE = "there is no such setting; there are on, prometheus, buckets"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("bukets", [1, 2], THERE),
        ("report", 1, THERE),
        ("slowest", 50, "it is an argument: write TimingPlugin(cherrypy.engine, slowest=...)"),
        ("buckets", "x", "give numbers of seconds that rise"),
        ("buckets", 5, "give numbers of seconds that rise"),
        ("buckets", [], "give numbers of seconds that rise"),
        ("buckets", [2, 1], "give numbers of seconds that rise"),
        ("buckets", [1, "2"], "give numbers of seconds that rise"),
        ("prometheus", "yes", "give True, False or a registry of prometheus_client"),
    ],
)
def test_a_key_of_the_timing_plugin_that_cannot_be_used_is_named(
    cp_engine, caplog, name, value, told
):
    cp_engine.clock = TimingPlugin(cp_engine)
    said = said_at_start(caplog, **{"engine.clock.on": True, f"engine.clock.{name}": value})
    assert f"engine.clock.{name} in the global config cannot be used: {told}" in said
    assert f"(it is {value!r})." in said


@pytest.mark.parametrize("registry", [True, False, None, CollectorRegistry()])
def test_what_the_timing_plugin_can_use_lets_it_start(cp_engine, registry):
    cp_engine.timing = TimingPlugin(cp_engine)
    keys = {"on": True, "prometheus": registry, "buckets": (0.01, 1)}
    cherrypy.config.update({f"engine.timing.{name}": value for name, value in keys.items()})
    cp_engine.publish("start")
    cp_engine.timing.unsubscribe()


APP = """
import cherrypy
from cpkit.plugins import DatabasePlugin
cherrypy.config.update({"engine.autoreload.on": False, "server.socket_port": 0,
    "server.socket_host": "127.0.0.1"})
cherrypy.engine.db = DatabasePlugin(cherrypy.engine, "sqlite://")
cherrypy.quickstart(None, "", {"global": {"engine.db.on": True, "engine.db.pol_size": 3}})
"""


def test_nothing_is_served_and_there_is_no_traceback():
    done = subprocess.run([sys.executable, "-c", APP], capture_output=True, text=True, timeout=300)
    assert done.returncode not in (0, None)
    assert "engine.db.pol_size = 3 cannot be used" in done.stderr
    assert "Serving on" not in done.stderr
    assert "Traceback" not in done.stderr
