"""What docs/deployment.md has one write and run, written and run."""

import contextlib
import importlib.util
import re
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.demo.processes import Client, Process, free_port

PAGE = (Path(__file__).parent.parent / "docs" / "deployment.md").read_text()
FENCE = re.compile(
    r"^```\w+\n# (?:/etc/shop/)?(shop\w*\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
GUNICORN = re.search(r"^\$ (gunicorn .*)$", PAGE, re.MULTILINE)[1]


@pytest.fixture
def shop(tmp_path):
    """A folder with the page's files, for a port, a database and a log of its own."""
    own = {"8080": str(free_port()), "postgresql+psycopg:///shop": f"sqlite:///{tmp_path}/shop.db"}
    own["/var/log/shop"] = str(tmp_path)
    for name, text in FENCE.findall(PAGE):
        for theirs, ours in own.items():
            text = text.replace(theirs, ours)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(command, port, folder, has_started=lambda: True):
    """Run a server until it has said that the shop is open, end it, and return its exit code."""
    server = Process([sys.executable, "-m", *command], port, folder, PYTHONPATH=str(folder))
    until = time.monotonic() + 60
    while time.monotonic() < until and server.process.poll() is None:
        with contextlib.suppress(OSError), Client(port) as client:
            assert client.send("GET", "/") == (200, "open")
            if has_started():
                return server.end(signal.SIGTERM)
        time.sleep(0.05)
    server.end(signal.SIGKILL)
    raise AssertionError(server.log.read_text())


def test_the_shop_opens_with_its_file_of_settings(shop):
    settings = shop / "shop.conf"
    port = int(re.search(r"socket_port = (\d+)", settings.read_text())[1])
    log = shop / "error.log"
    # NOTE: the server answers before CherryPy counts as started, and is killed until then.
    has_started = lambda: "Bus STARTED" in log.read_text()  # noqa: E731
    assert run(["shop_main", str(settings)], port, shop, has_started) == 0
    assert "closed" in log.read_text()


@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="needs gunicorn")
def test_the_shop_opens_under_gunicorn(shop):
    port = free_port()
    command = [*shlex.split(GUNICORN), "--bind", f"127.0.0.1:{port}"]
    assert run(command, port, shop) == 0
