"""Have schemathesis look for what an application does against its own description.

``python tests/openapi/contract.py [NAME …]``: the small applications of this folder, and the demo.
Each is asked twice: as a client that takes only JSON, so that the schemas of answers are checked,
and as one that says nothing. ``CPKIT_EXAMPLES`` is how many examples each operation gets (200).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cherrypy

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
import applications  # noqa: E402

from cpkit import openapi  # noqa: E402

EXAMPLES = os.environ.get("CPKIT_EXAMPLES", "200")
PHASES = "examples,coverage,fuzzing,stateful"
DEMO = "demo"
JSON = ["-H", "Accept: application/json", "--exclude-tag", "Pages"]  # pages are HTML alone
PATIENCE = 300.0  # seconds until the demo answers


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def application(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a small application; yield its URL, and where its description is."""
    port, dispatcher = free_port(), applications.mount(name)
    description = folder / "openapi.json"
    description.write_text(json.dumps(openapi.describe(dispatcher, title=name, version="1")))
    cherrypy.config.update(
        {"server.socket_port": port, "log.screen": False, "engine.autoreload.on": False}
    )
    cherrypy.engine.start()
    try:
        yield f"http://127.0.0.1:{port}", str(description)
    finally:
        cherrypy.engine.exit()


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve the demo on a new database; yield its URL, and where its description is."""
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", folder / "access.jsonl"
    database = f"sqlite:///{folder}/demo.sqlite"
    options = ["--port", str(port), "--database", database, "--access-log", str(log)]
    with subprocess.Popen([sys.executable, "-m", "demo", *options]) as process:
        try:
            wait_for(f"{url}/openapi.json")
            yield url, f"{url}/openapi.json"
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    """Return when *url* answers."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise TimeoutError(url)


def check(url: str, description: str) -> int:
    """Run schemathesis with all its checks and phases; return how many runs failed."""
    runner = str(Path(sys.executable).parent / "schemathesis")
    command = [runner, "run", description, "--url", url, "--checks", "all", "--phases", PHASES]
    options = ["--max-examples", EXAMPLES, "--suppress-health-check", "all", "--no-color"]
    same = ["--seed", "1", "--generation-database", "none", "--continue-on-failure"]
    runs = [[*command, *options, *same, *headers] for headers in (JSON, [])]
    return sum(subprocess.run(run, cwd=tempfile.gettempdir()).returncode != 0 for run in runs)


def main(names: list[str]) -> int:
    """Check the named applications, each in a process of its own; return the exit code."""
    if len(names) > 1:
        codes = [subprocess.run([sys.executable, __file__, name]).returncode for name in names]
        return max(codes)
    with tempfile.TemporaryDirectory(prefix="cpkit-contract-") as folder:
        served = demo(Path(folder)) if names == [DEMO] else application(names[0], Path(folder))
        with served as (url, description):
            return check(url, description)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [*applications.MADE, DEMO]))
