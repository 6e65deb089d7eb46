"""``python -m demo``: it says in one line why it cannot start."""

import socket
import subprocess
import sys

import pytest


def run(*arguments):
    command = [sys.executable, "-m", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_help_names_the_options():
    shown = run("--help").stdout
    for option in ("--host", "--port", "--database", "--access-log"):
        assert option in shown


def test_a_port_in_use_is_one_line_and_exit_code_1():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr == f"demo: cannot listen on 127.0.0.1:{port}: Address already in use.\n"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a URL that can be opened"),
        ("oracle-nine://x", "not a URL that can be opened"),
        ("postgresql+psycopg://u:secret@127.0.0.1:port/x", "not a URL that can be opened"),
        ("sqlite:////nowhere/at/all.sqlite", "unable to open database file"),
        ("sqlite:////dev/null/x", "unable to open database file"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/x", "u:***@127.0.0.1:1/x"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_and_exit_code_1(url, said, capsys):
    ended = run("--port", "18080", "--database", url)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr
