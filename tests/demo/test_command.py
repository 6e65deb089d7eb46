"""``python -m demo``: it says in one line why it cannot start."""

import socket
import subprocess
import sys
from types import SimpleNamespace

import cherrypy
import pytest
from sqlalchemy import make_url

from demo.__main__ import address, main
from demo.app import assemble
from demo.seed import prepare
from tests.ports import free_port


def run(*arguments):
    command = [sys.executable, "-m", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_help_names_the_options(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for option in ("--host", "--port", "--database", "--threads", "--access-log"):
        assert option in shown


@pytest.mark.parametrize("threads", ["0", "-1", "ten", "1000", ""])
def test_threads_are_a_number_of_at_least_one(threads, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--threads", threads])
    assert ended.value.code == 2
    assert "threads are a number from 1 to 999" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "threads"), [([], 4), (["--threads", "2"], 2)])
def test_the_server_has_as_many_threads_as_are_asked_for(options, threads, database_url):
    told = ["--port", str(free_port()), "--database", database_url, "--access-log", "/no/log"]
    assert main([*told, *options]) == 1
    assert cherrypy.server.thread_pool == threads


def test_a_port_in_use_is_one_line_and_exit_code_1():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr == f"demo: cannot listen on 127.0.0.1:{port}: Address already in use.\n"


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "192.0.2.1"])
def test_a_host_that_is_none_of_ours_is_one_line(host, capsys):
    assert main(["--host", host, "--port", "18080"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"demo: cannot listen on {host}:18080: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1"])
def test_a_port_that_is_none_is_refused(port, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--port", port])
    assert ended.value.code == 2
    assert "a port is a number from 1 to 65535" in capsys.readouterr().err


INTERRUPTED_START = """
import os, signal, sys
import cherrypy
from demo.__main__ import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a child of & lacks
wait, interrupt = cherrypy.server.wait, lambda: os.kill(os.getpid(), signal.SIGINT)
{}
sys.exit(main(["--port", "{}", "--database", "sqlite:///{}"]))
"""


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("cherrypy.engine.subscribe('start', interrupt, 55)", id="before-the-server"),
        pytest.param("cherrypy.server.wait = lambda: (wait(), interrupt())", id="as-it-answers"),
        pytest.param("cherrypy.engine.subscribe('start', interrupt, 80)", id="after-the-server"),
    ],
)
def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tmp_path, moment):
    script = INTERRUPTED_START.format(moment, free_port(), tmp_path / "demo.sqlite")
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert "Traceback" not in ended.stderr


def test_an_address_of_ipv6_is_written_as_a_browser_takes_it():
    assert [address("::1", 80), address("::", 8080)] == ["http://[::1]:80", "http://[::]:8080"]


def test_an_access_log_that_cannot_be_written_is_one_line(database_url, capsys):
    told = ["--port", str(free_port()), "--database", database_url, "--access-log", "/no/log"]
    assert main(told) == 1
    assert capsys.readouterr().err == "demo: cannot write /no/log: No such file or directory.\n"


def test_a_database_that_cannot_be_used_is_one_line_and_exit_code_1():
    nowhere = "postgresql+psycopg://u:secret@127.0.0.1:1/x"
    ended = run("--port", str(free_port()), "--database", nowhere)
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "Database postgresql+psycopg://u:***@127.0.0.1:1/x: nothing is served, since connection "
    )
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


DECODED = pytest.mark.skipif(
    make_url("sqlite:///%00").database == "%00", reason="this SQLAlchemy decodes no names of files"
)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "write it like sqlite:///shop.sqlite or postgresql"),
        ("oracle-nine://x", "write it like sqlite:///shop.sqlite or postgresql"),
        ("postgresql+psycopg://u:secret@127.0.0.1:port/x", "write it like sqlite:///shop.sqlite"),
        ("oracle+oracledb://u:secret@h/x", "install its driver (No module named 'oracledb')"),
        ("postgresql+pg8000://u:secret@127.0.0.1:1/x", "since Can't create a connection to host"),
        ("postgresql+pg8000://u:secret@127.0.0.1:1/x?a=b", "unexpected keyword argument 'a'"),
        ("postgresql+psycopg://127.0.0.1:1/x?password=secret", "Connection refused"),
        pytest.param("sqlite:///%00", "embedded null", marks=DECODED),
        ("sqlite:////nowhere/at/all.sqlite", "unable to open database file"),
        ("sqlite:////dev/null/x", "unable to open database file"),
        ("sqlite:////etc/passwd", "file is not a database"),
    ],
)
def test_what_is_wrong_with_a_database_is_said_without_its_password(cp_engine, capsys, url, said):
    assemble(url)
    cp_engine.db.wait = 0
    with pytest.raises(SystemExit) as ended:
        cp_engine.db.preflight()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert said in told
    assert "secret" not in told
    assert told.count("\n") == 1


def test_a_database_of_another_kind_is_refused():
    mysql = SimpleNamespace(dialect=SimpleNamespace(name="mysql"))
    with pytest.raises(ValueError, match="SQLite and PostgreSQL, and mysql is neither"):
        prepare(mysql)
