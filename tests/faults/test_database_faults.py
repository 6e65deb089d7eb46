"""Servers that are killed, forked, reloaded and starved: what was answered stays true."""

import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.ports import free_port

pytestmark = pytest.mark.faults

PATIENCE = 300  # seconds for what takes one or two, unless the machine is busy

APP = """
import os, sys
import cherrypy
from cherrypy.process import plugins
from sqlalchemy import text
import cpkit.tools
from cpkit.plugins import DatabasePlugin

class Root:
    @cherrypy.expose
    def keep(self, n):
        cherrypy.request.db.execute(text("INSERT INTO kept VALUES (:n)"), {"n": int(n)})
        return n

    @cherrypy.expose
    def echo(self, n):
        return str(cherrypy.request.db.scalar(text("SELECT CAST(:n AS INTEGER)"), {"n": int(n)}))

def create(connection):
    connection.execute(text("CREATE TABLE IF NOT EXISTS kept (n INTEGER)"))

cherrypy.config.update({
    "environment": "production",
    "log.screen": True,
    "server.socket_host": "127.0.0.1",
    "server.socket_port": int(os.environ.get("PORT", "0")),
    "server.socket_queue_size": 128,
    "tools.trailing_slash.on": False,
})
url = os.environ["DATABASE"]
cherrypy.engine.db = DatabasePlugin(cherrypy.engine, url, setup=create, timeout=30)
cherrypy.engine.db.subscribe()
application = cherrypy.tree.mount(Root(), "/", {"/": {"cpkit.db.on": True}})
"""

SERVE = """
from app import *
if os.environ.get("PIDFILE"):
    plugins.Daemonizer(cherrypy.engine, stderr=os.environ["LOG"]).subscribe()
    plugins.PIDFile(cherrypy.engine, os.environ["PIDFILE"]).subscribe()
if os.environ.get("DROP_TO"):
    plugins.DropPrivileges(cherrypy.engine, uid=os.environ["DROP_TO"], umask=0o022).subscribe()
cherrypy.engine.signal_handler.handlers["SIGUSR2"] = cherrypy.engine.restart
cherrypy.engine.signals.subscribe()
cherrypy.engine.start()
cherrypy.engine.block()
"""

# A WSGI server that forks after loading: everything is opened before.
WSGI = """
from app import *
cherrypy.server.unsubscribe()
cherrypy.engine.start()
with cherrypy.engine.db.begin(write=False) as connection:
    connection.execute(text("SELECT 1"))
"""


class Site:
    """The application in a process of its own."""

    def __init__(self, folder, database: str) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "app.py").write_text(APP)
        (folder / "serve.py").write_text(SERVE)
        (folder / "forked.py").write_text(WSGI)
        self.environ = {
            **os.environ,
            "PORT": str(self.port),
            "DATABASE": database,
            "PYTHONPATH": f"{folder}{os.pathsep}{os.getcwd()}",
        }
        self.process = None

    def start(self, *command: str, **environ: str) -> None:
        """Start the process and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                list(command) or [sys.executable, "serve.py"],
                cwd=self.folder,
                env={**self.environ, **environ},
                stderr=log,
                stdout=subprocess.DEVNULL,
            )
        self.wait()

    def wait(self) -> None:
        """Wait until the process answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() in (None, 0):
            try:
                if self.send("GET", "/echo?n=1")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def wait_for_log(self, line: str, times: int) -> None:
        """Wait until a line was logged so many times."""
        deadline = time.monotonic() + PATIENCE
        while (self.folder / "log").read_text().count(line) < times:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def send(self, method: str, path: str, timeout: float = 30) -> tuple[int, str]:
        """Send one request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as line:
            line.request(method, path, headers={"Content-Length": "0"})
            answer = line.getresponse()
            return answer.status, answer.read().decode()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, f"sqlite:///{tmp_path}/site.sqlite")
    yield site
    site.end()


class Writers:
    """Clients that write until told, and remember what was answered."""

    def __init__(self, *sites: Site, clients: int = 5) -> None:
        self.answered, self.refused, self.over = set(), [], threading.Event()
        self.numbers = iter(range(1_000_000))
        self.threads = [
            threading.Thread(target=self.write, args=(sites[n % len(sites)],))
            for n in range(clients)
        ]
        for thread in self.threads:
            thread.start()

    def write(self, site: Site) -> None:
        while not self.over.is_set():
            n = next(self.numbers)
            try:
                status, body = site.send("POST", f"/keep?n={n}")
            except (OSError, http.client.HTTPException):
                continue
            if status == 200:
                assert body == str(n)
                self.answered.add(n)
            else:
                self.refused.append(status)

    def wait_for(self, more: int) -> None:
        goal = len(self.answered) + more
        deadline = time.monotonic() + PATIENCE
        while len(self.answered) < goal:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


def stored(folder) -> list[int]:
    with closing(sqlite3.connect(folder / "site.sqlite")) as connection:
        return [n for (n,) in connection.execute("SELECT n FROM kept")]


def test_what_was_answered_is_there_after_kill_9(site, tmp_path):
    writers = Writers(site)
    for _ in range(3):
        site.start()
        writers.wait_for(60)
        site.process.kill()
        site.process.wait()
    writers.end()
    assert writers.answered <= set(stored(tmp_path))


def test_a_daemon_whose_file_others_open_loses_nothing_at_kill_9(site, tmp_path):
    pidfile, log = tmp_path / "pid", tmp_path / "log"
    site.start(PIDFILE=str(pidfile), LOG=str(log))
    pid = int(pidfile.read_text())
    assert pid != site.process.pid
    writers = Writers(site)
    for _ in range(5):
        writers.wait_for(20)
        stored(tmp_path)  # NOTE: the last one to close the file would take its log away
    os.kill(pid, signal.SIGKILL)
    writers.end()
    assert len(writers.answered) >= 100
    assert writers.answered <= set(stored(tmp_path))


def test_sixty_times_graceful_and_then_exit_lose_nothing(site, tmp_path):
    site.start()
    writers = Writers(site)
    for _ in range(60):
        writers.wait_for(5)
        site.process.send_signal(signal.SIGUSR1)
    site.process.terminate()
    assert site.process.wait(PATIENCE) == 0
    writers.end()
    assert writers.refused == []
    assert writers.answered <= set(stored(tmp_path))
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_two_processes_write_without_refusing_anybody(site, tmp_path):
    other = Site(tmp_path, site.environ["DATABASE"])
    try:
        site.start()
        other.start()
        writers = Writers(site, other, clients=10)
        writers.wait_for(600)
        writers.end()
    finally:
        other.end()
    assert writers.refused == []
    found = stored(tmp_path)
    assert writers.answered <= set(found)
    assert len(found) == len(set(found))


def ask_320(site: Site) -> list[int]:
    """Ask 320 different things; return those that were answered wrongly."""
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda n: (n, site.send("GET", f"/echo?n={n}")), range(320))
        return [n for n, answer in answers if answer != (200, str(n))]


@pytest.mark.parametrize("server", ["gunicorn", "uwsgi"])
def test_workers_that_were_forked_after_the_start_answer_320_of_320(tmp_path, postgres, server):
    site = Site(tmp_path, postgres.url)
    command = {
        "gunicorn": (
            *(sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--threads=4"),
            *(f"--bind=127.0.0.1:{site.port}", "forked:application"),
        ),
        "uwsgi": (
            *(sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", "--master"),
            *("--processes=2", "--threads=4", "--enable-threads", "--die-on-term"),
            *(f"--http-socket=127.0.0.1:{site.port}", "--module=forked:application"),
        ),
    }
    if server == "uwsgi":
        pytest.importorskip("pyuwsgi")
    try:
        site.start(*command[server])
        assert ask_320(site) == []
    finally:
        site.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")
def test_a_file_that_the_final_user_cannot_write_is_found_at_the_start(site, tmp_path):
    done = subprocess.run(
        [sys.executable, "serve.py"],
        cwd=tmp_path,
        env={**site.environ, "DROP_TO": "nobody"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode != 0
    assert "cannot be used after privileges were dropped: " in done.stderr
    assert "Bus STARTED" not in done.stderr


def test_a_restart_leaves_no_connection_behind(tmp_path, postgres):
    import psycopg

    site = Site(tmp_path, f"{postgres.url}?application_name=restarted")
    try:
        site.start()
        for times in (1, 2):
            site.wait_for_log("Bus STARTED", times)
            site.process.send_signal(signal.SIGUSR2)
            site.wait_for_log("Bus STARTED", times + 1)
            site.wait()
        with psycopg.connect(postgres.url.replace("+psycopg", "")) as admin:
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restarted'"
            deadline = time.monotonic() + PATIENCE
            # A server's process ends a moment after the connection that it served.
            while (count := admin.execute(query).fetchone()) != (1,):
                assert time.monotonic() < deadline, count
                admin.rollback()  # within a transaction it always sees the same
    finally:
        site.end()
