"""What docs/deployment.md has one write and run, written and run."""

import contextlib
import http.client
import importlib.util
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.demo.processes import Client, Process
from tests.ports import free_port

PAGE = (Path(__file__).parent.parent / "docs" / "deployment.md").read_text()
FENCE = re.compile(r"^```\w+\n# (?:/etc/\S*/)?(shop\w*\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOW_TO = Path(__file__).parent.parent / "docs" / "howto"
FILES = re.compile(r"^```\w+\n# (\w+\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNIT = dict(FENCE.findall(PAGE))["shop.service"]
NGINX = re.search(r"^```nginx\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
GUNICORN = re.search(r"^\$ (gunicorn .*)$", PAGE, re.MULTILINE)[1]

needs_gunicorn = pytest.mark.skipif(
    importlib.util.find_spec("gunicorn") is None, reason="needs gunicorn"
)
NGINX_PROGRAM = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")


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


def port_of(shop):
    return int(re.search(r"socket_port = (\d+)", (shop / "shop.conf").read_text())[1])


@contextlib.contextmanager
def running(command, port, folder, has_started=lambda: True):
    """Run a server, and yield its process once it has said that the shop is open."""
    server = Process([sys.executable, "-m", *command], port, folder, PYTHONPATH=str(folder))
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until and server.process.poll() is None:
            with contextlib.suppress(OSError), Client(port) as client:
                assert client.send("GET", "/") == (200, "open")
                if has_started():
                    break
            time.sleep(0.05)
        else:
            raise AssertionError(server.log.read_text())
        yield server
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def by_the_unit(shop):
    """Run the shop as the unit of systemd has it run."""
    command = shlex.split(re.search(r"^ExecStart=\S+python -m (.*)$", UNIT, re.MULTILINE)[1])
    return with_settings(shop, *command)


def with_settings(shop, *command):
    command = [each.replace("/etc/shop", str(shop)) for each in command]
    log = shop / "error.log"
    # NOTE: the server answers before CherryPy counts as started, and is killed until then.
    return running(command, port_of(shop), shop, lambda: "Bus STARTED" in log.read_text())


def by_gunicorn(shop, *options):
    port = free_port()
    command = [*shlex.split(GUNICORN), "--bind", f"127.0.0.1:{port}", *options]
    return running(command, port, shop)


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_shop_opens_with_its_file_of_settings(shop):
    with by_the_unit(shop) as server:
        server.process.send_signal(signal.SIGUSR1)  # ExecReload
        assert server.end(signal.SIGTERM) == 0
    assert "closed" in (shop / "error.log").read_text()
    assert {line["path"] for line in lines(shop / "access.log")} == {"/"}
    assert lines(shop / "error.log")


@pytest.fixture
def near():
    """A folder whose path is short: that of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="cpkit-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("kind", ["a file", "no file"])
def test_systemd_is_told_of_the_start_the_life_and_the_end(shop, monkeypatch, near, kind):
    program = shop / "shop_watched.py"
    hurried = {"frequency=10": "frequency=0.05"}
    patient = {"settimeout(1)": "settimeout(60)", "health_app()": "health_app(60)"}
    text = program.read_text()
    for theirs, ours in {**hurried, **patient}.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    program.write_text(text)
    address = str(near / "user@1.socket") if kind == "a file" else f"\0{near}"
    told, is_watched = [], threading.Event()

    def listen():  # all the time, as systemd does: what it does not take, the shop waits for
        while b"STOPPING=1" not in told:
            told.append(systemd.recv(100))
            if told[-1] == b"WATCHDOG=1":
                is_watched.set()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, ThreadPoolExecutor(1) as pool:
        systemd.bind(address)
        systemd.settimeout(300)
        monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
        listening = pool.submit(listen)
        with with_settings(shop, "shop_watched", "/etc/shop/shop.conf") as server:
            assert is_watched.wait(60)
            with Client(port_of(shop)) as client:
                status, body = client.send("GET", "/health/ready")
            assert (status, json.loads(body)["checks"]) == (200, {"engine": "ok", "db": "ok"})
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(300) == 0
            listening.result(60)
    assert set(told) == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}


def test_the_shop_opens_though_systemd_does_not_listen(shop, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(shop / "nobody"))
    with with_settings(shop, "shop_watched", "/etc/shop/shop.conf") as server:
        assert server.end(signal.SIGTERM) == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    unit = UNIT.replace("/srv/shop/venv/bin/python", sys.executable).replace("User=shop\n", "")
    (tmp_path / "shop.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "shop.service")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if "Failed to initialize manager" in done.stderr or "bus" in done.stderr.lower():
        pytest.skip(done.stderr)
    assert "shop.service" not in done.stderr


def test_the_unit_keeps_its_files_from_others():
    assert re.search(r"^UMask=00[23]7$", UNIT, re.MULTILINE)


def test_a_start_of_the_shop_that_is_refused_says_why(shop):
    settings = shop / "shop.conf"
    settings.write_text(settings.read_text().replace("cpkit.timing.slow", "cpkit.timing.slo"))
    command = [sys.executable, "-m", "shop_main", str(settings)]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.count("Nothing is served, since cpkit.timing.slo") == 1


@needs_gunicorn
def test_the_shop_opens_under_gunicorn(shop):
    with by_gunicorn(shop, "--workers", "2") as server:
        assert server.end(signal.SIGTERM) == 0
    said = server.log.read_text()
    assert "RuntimeWarning" not in said
    assert said.count("shop.db: closed") == 2


@needs_gunicorn
@pytest.mark.parametrize(
    ("page", "application", "path", "answer"),
    [("conf", "wsgi:application", "/book/1", 404), ("servers", "application:start()", "/", 200)],
)
def test_what_the_how_tos_run_under_gunicorn_ends_by_itself(
    tmp_path, page, application, path, answer
):
    text = (HOW_TO / f"{page}.md").read_text()
    for name, code in FILES.findall(text):
        (tmp_path / name).write_text(code)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}"]
    # Workers that do not end are killed after this.
    command += ["--threads", "4", "--chdir", str(tmp_path), "--graceful-timeout", "600"]
    server = Process(command, port, tmp_path)
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until and server.process.poll() is None:
            with contextlib.suppress(OSError), Client(port) as client:
                assert client.send("GET", path)[0] == answer
                break
            time.sleep(0.05)
        assert server.end(signal.SIGTERM) == 0
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)
    said = server.log.read_text()
    assert "closed." in said
    assert "RuntimeWarning" not in said


@needs_gunicorn
def test_a_traceback_is_in_gunicorns_log(shop):
    page = "\n\nShop.fails = cherrypy.expose(lambda self: 1 / 0)\n"
    main = (shop / "shop_main.py").read_text()
    (shop / "shop_main.py").write_text(
        main.replace("\n\n# The plugins", page + "\n\n# The plugins")
    )
    with by_gunicorn(shop, "--workers", "1") as server:
        with Client(server.port) as client:
            status, text = client.send("GET", "/fails")
        assert (status, "ZeroDivisionError" in text) == (500, False)
        server.end(signal.SIGTERM)
    assert "ZeroDivisionError: division by zero" in server.log.read_text()


@needs_gunicorn
def test_gunicorn_guards_the_shop(shop):
    with by_gunicorn(shop, "--workers", "1") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/", headers={"Content-Type": "," * 8000})
        assert connection.getresponse().status == 431
        connection.close()


FAILS = "cherrypy.engine.subscribe('start', lambda: 1 / 0)\n    return embedded"
REFUSED = {
    "a setting": ('"engine.db.pool_size"', '"engine.db.pol_size"', "pol_size"),
    "a tool": ('"cpkit.db.on": True', '"cpkit.db.on": True, "cpkit.db.handl": 1', "cpkit.db.handl"),
    "a listener": ("return embedded", FAILS, "ZeroDivisionError"),
}


@needs_gunicorn
@pytest.mark.parametrize(
    ("refused", "logged"), [*((each, "gunicorn.log") for each in REFUSED), ("a listener", None)]
)
def test_a_start_that_fails_ends_gunicorn_and_is_told(shop, refused, logged):
    before, after, reason = REFUSED[refused]
    wsgi = (shop / "shop_wsgi.py").read_text()
    assert before in wsgi
    (shop / "shop_wsgi.py").write_text(wsgi.replace(before, after))
    command = [*shlex.split(GUNICORN), "--workers", "1", "--bind", f"127.0.0.1:{free_port()}"]
    command += ["--error-logfile", str(shop / logged)] if logged else []
    server = Process([sys.executable, "-m", *command], 0, shop, PYTHONPATH=str(shop))
    try:
        assert server.process.wait(300) != 0
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)
    assert reason in server.log.read_text()
    if logged:
        assert reason in (shop / logged).read_text()


@pytest.fixture
def nginx(shop):
    """Return a call that runs nginx with the page's block, changed, before the shop; its port."""
    if NGINX_PROGRAM is None:
        pytest.skip("nginx is not installed")
    started = []

    def start(*changes):
        port = free_port()
        block = NGINX.replace("127.0.0.1:8080", f"127.0.0.1:{port_of(shop)}")
        block = block.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        for before, after in changes:
            assert before in block
            block = block.replace(before, after)
        temporary = "".join(
            f"{kind}_temp_path {shop}/nginx-{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = shop / "nginx.conf"
        config.write_text(
            f"daemon off; pid {shop}/nginx.pid; error_log {shop}/nginx.log;\nevents {{}}\n"
            f"http {{ access_log off;\n{temporary}{block}}}\n"
        )
        command = [NGINX_PROGRAM, "-p", str(shop), "-e", f"{shop}/nginx.log", "-c", str(config)]
        started.append(subprocess.Popen(command))
        until = time.monotonic() + 300
        while time.monotonic() < until and started[-1].poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=20).close()
                return port
            time.sleep(0.05)
        raise AssertionError((shop / "nginx.log").read_text())

    yield start
    for process in started:
        process.send_signal(signal.SIGQUIT)
        process.wait(300)


def get(port, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers={"Host": f"shop.example:{port}", **headers})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_nginx_keeps_the_port_in_redirects(shop, nginx):
    port = nginx()
    with by_the_unit(shop) as server:
        assert get(port, "/").status == 200
        assert get(port, "/cart").headers["Location"] == f"http://shop.example:{port}/cart/"
        assert get(port, "/timing").status == get(port, "/metrics").status == 404
        assert get(port, "/forged", **{"X-Forwarded-For": "1.2.3.4"}).status == 404
        assert server.end(signal.SIGTERM) == 0  # so that the line is there
    (forged,) = (line for line in lines(shop / "access.log") if line["path"] == "/forged")
    assert forged["client"] == "127.0.0.1"


def test_nginx_keeps_a_path_before_the_shop(shop, nginx):
    main = (shop / "shop_main.py").read_text()
    mounted = main.replace('mount(Shop(), "/", settings)', 'mount(Shop(), "/shop", settings)')
    assert mounted != main
    also = (
        '    cherrypy.tree.mount(Shop(), "")\n    cherrypy.engine.signals'  # for running() to ask
    )
    mounted = mounted.replace("    cherrypy.engine.signals", also)
    (shop / "shop_main.py").write_text(mounted)
    port = nginx(("location / {", "location /shop/ {"))
    with by_the_unit(shop):
        assert get(port, "/shop/").status == 200
        location = get(port, "/shop/cart").headers["Location"]
        assert location == f"http://shop.example:{port}/shop/cart/"
        assert get(port, "/cart").status in (403, 404)  # nginx's own


def test_nginx_passes_on_no_body_that_was_cut_off_and_none_that_is_too_large(shop, nginx):
    port = nginx(("client_max_body_size 10m", "client_max_body_size 1k"))
    with by_the_unit(shop):
        assert get(port, "/", "POST", **{"Content-Length": "2000"}).status == 413
