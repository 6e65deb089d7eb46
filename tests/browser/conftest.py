"""Chromium and the demo, in a process of its own, as a visitor meets it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
AXE = ROOT / "demo" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
BUNDLE = ROOT / "demo" / "static" / "app.js"
PATIENCE = 60_000  # milliseconds for what takes a tenth of a second, unless the machine is busy
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Origins of plain http, of which a browser sends no Sec-Fetch-Site.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: make test-browser"
    )
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(chromium, tmp_path_factory):
    """The address of a demo on a new database; stopped as Ctrl-C stops it."""
    if not BUNDLE.exists() or not AXE.exists():
        pytest.skip("the React application is not built: make frontend")
    port = free_port()
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "demo", "--port", str(port)]
    command += ["--database", f"sqlite:///{folder / 'demo.sqlite'}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address + "/healthz", process, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(300)


def _wait_for(address, process, log, seconds=300):
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        try:
            with urlopen(address, timeout=5) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the demo did not start:\n{log.read_text()}")


class Visitor:
    """A browser's profile with one page, and what went wrong on it."""

    def __init__(self, context, site):
        self.context, self.site = context, site
        self.page = context.new_page()
        self.errors, self.foreign = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("request", self._requested)

    def open(self, path):
        self.page.goto(self.site + path)
        return self.page

    def _said(self, message):
        # Chromium reports each answer of 400 and above; those are asked for here.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def _requested(self, request):
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.foreign.append(request.url)


@pytest.fixture
def visit(chromium, site):
    """Make visitors; none may see an error on the console or a request to another host."""
    visitors = []

    def come(**options):
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE)
        visitors.append(Visitor(context, site))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.context.close()
        assert visitor.errors == []
        assert visitor.foreign == []
