"""The documentation: every example runs, and every setting is in it."""

import inspect
import re
from pathlib import Path

import pytest

# NOTE: what a run within this process imports first is forgotten after it, and imported twice.
import sqlalchemy.dialects.sqlite.pysqlite
import sqlalchemy.orm  # noqa: F401

import cpkit.errors
import cpkit.tools
from cpkit.database.settings import DatabaseSettings
from cpkit.dispatchers import GuardedServer
from cpkit.logs.settings import LogSettings
from cpkit.plugins import TimingPlugin
from cpkit.sessions import DatabaseSession
from cpkit.settings import declared, table
from cpkit.timing.settings import TimingPluginSettings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "howto").glob("*.md"))
FENCE = re.compile(r"^```(python|ini)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.(?:py|conf))\n")


def examples(page):
    """Yield each example, and each file of settings, with the number of lines before it."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        if found[1] == "python" or FILE.match(found[2]):
            yield text.count("\n", 0, found.start(2)), found[2]


def run(page, folder):
    """Run a page's examples, which share names; one that begins with a file's name is that file."""
    names = {"__name__": "example"}
    for line, code in examples(page):
        if name := FILE.match(code):
            (folder / name[1]).write_text(code)
        else:
            exec(compile("\n" * line + code, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_of_a_page_runs(page, pytester, monkeypatch, cp_engine):
    monkeypatch.syspath_prepend(pytester.path)
    run(page, pytester.path)
    if list(pytester.path.glob("test_*.py")):
        lean = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error")
        assert pytester.runpytest_inprocess(*lean).ret == 0


def arguments(function):
    """Return the names of a function's keyword arguments."""
    return {name for name in inspect.signature(function).parameters if name != "self"}


# The page, and what it must name: derived from the code wherever the code can tell.
SETTINGS = {
    "accept.md": set(declared(cpkit.tools.accept.settings)),
    "compress.md": set(declared(cpkit.tools.compress.settings)),
    "origins.md": set(declared(cpkit.tools.cors.settings))
    | set(declared(cpkit.tools.csrf.settings)),
    "params.md": set(declared(cpkit.tools.params.settings))
    | set(declared(cpkit.tools.body.settings)),
    "timing.md": set(declared(cpkit.tools.timing.settings))
    | arguments(TimingPlugin.__init__) - {"bus"}
    | set(declared(TimingPluginSettings))
    | {"slow_rate"},
    "database.md": set(declared(cpkit.tools.db.settings))
    | set(declared(DatabaseSettings))
    | {name for name in vars(DatabaseSession) if name in {"plugin", "table", "lease", "lock_wait"}},
    "logs.md": set(declared(LogSettings)),
    "server.md": set(re.findall(r"``server\.(max_\w+)``", GuardedServer.__doc__)),
    "testing.md": {"cherrypy_isolation", "root", "mount", "config", "isolation"},
}


# The page of each tool whose table of settings is the declaration's.
TABLES = {
    "accept": "accept.md",
    "body": "params.md",
    "compress": "compress.md",
    "cors": "origins.md",
    "csrf": "origins.md",
    "db": "database.md",
    "params": "params.md",
}


@pytest.mark.parametrize("tool", TABLES)
def test_the_table_of_settings_is_the_declaration(tool):
    text = (ROOT / "docs" / TABLES[tool]).read_text()
    _, _, *rows = table(f"cpkit.{tool}", getattr(cpkit.tools, tool).settings).splitlines()
    assert [row for row in rows if row not in text] == []


@pytest.mark.parametrize("page", SETTINGS)
def test_every_setting_is_documented(page):
    text = (ROOT / "docs" / page).read_text()
    named = {name for code in re.findall(r"`([^`\n]+)`", text) for name in re.findall(r"\w+", code)}
    named |= set(re.findall(r"^[\w.]*?(\w+) = ", text, re.MULTILINE))
    assert SETTINGS[page] - named == set()


def test_every_error_is_in_the_troubleshooting():
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    named = set(re.findall(r"\| `(\w+)` \|", text))
    kinds = {
        name
        for name, kind in vars(cpkit.errors).items()
        if isinstance(kind, type) and issubclass(kind, cpkit.errors.CpkitError)
    }
    assert kinds - named == set()
    assert named - kinds == set()


def test_the_architecture_names_every_room_and_no_file_that_there_is_not():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "cpkit").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}/" not in text} == set()
    files = re.findall(r"`((?:\w+/)+\w+\.py)`", text)
    assert [name for name in files if not (ROOT / "cpkit" / name).exists()] == [
        name for name in files if name.startswith("tests/")
    ]
