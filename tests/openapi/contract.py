"""Have schemathesis look for what an application does against its own description.

``python tests/openapi/contract.py [NAME …]``: the small applications of this folder, unless named.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cherrypy

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
import applications  # noqa: E402

from cpkit import openapi  # noqa: E402

EXAMPLES = int(os.environ.get("CPKIT_EXAMPLES", "200"))
PHASES = "examples,coverage,fuzzing,stateful"
# Once as a client that wants JSON, so that response schemas are checked, and once as any.
HEADERS = (["-H", "Accept: application/json"], [])


@contextmanager
def served(name: str) -> Iterator[tuple[str, Path]]:
    """Serve an application for as long as the block lasts; yield its URL and its description."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dispatcher = applications.mount(name)
    folder = Path(tempfile.mkdtemp(prefix="cpkit-contract-"))
    description = folder / "openapi.json"
    told = openapi.describe(dispatcher, title=name, version="1")
    description.write_text(json.dumps(told))
    cherrypy.config.update(
        {"server.socket_port": port, "log.screen": False, "engine.autoreload.on": False}
    )
    cherrypy.engine.start()
    try:
        yield f"http://127.0.0.1:{port}", description
    finally:
        cherrypy.engine.exit()
        shutil.rmtree(folder)


def check(url: str, description: Path | str, *, examples: int = EXAMPLES) -> int:
    """Run schemathesis with all its checks and phases; return how many runs failed."""
    failed = 0
    for headers in HEADERS:
        command = ["run", str(description), "--url", url, "--checks", "all", "--phases", PHASES]
        options = ["--max-examples", str(examples), "--suppress-health-check", "all", "--no-color"]
        seed = ["--seed", "1", "--generation-database", "none", "--continue-on-failure"]
        runner = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
        done = subprocess.run(
            [runner, *command, *options, *seed, *headers], cwd=tempfile.gettempdir()
        )
        failed += done.returncode != 0
    return failed


def main(names: list[str]) -> int:
    """Check the named applications, each in a process of its own; return the exit code."""
    if len(names) == 1:
        with served(names[0]) as (url, description):
            return check(url, description)
    each = [subprocess.run([sys.executable, __file__, name]).returncode for name in names]
    return int(any(each))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(applications.MADE)))
