"""The documentation: every example runs, and the architecture is as it is told."""

import re
from pathlib import Path

import cherrypy
import pytest

# NOTE: what a run within this process imports first is forgotten after it, and imported twice.
import sqlalchemy.dialects.postgresql
import sqlalchemy.dialects.sqlite.pysqlite
import sqlalchemy.orm  # noqa: F401

import cpkit.tools

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
    """Run a page's examples, which share names; one that begins with a file's name is that file.

    Return the names.
    """
    names = {"__name__": "example"}
    for line, code in examples(page):
        if name := FILE.match(code):
            (folder / name[1]).write_text(code)
        else:
            exec(compile("\n" * line + code, page, "exec"), names)
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_of_a_page_runs(page, pytester, monkeypatch, cp_engine):
    monkeypatch.syspath_prepend(pytester.path)
    run(page, pytester.path)
    if list(pytester.path.glob("test_*.py")):
        lean = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error")
        assert pytester.runpytest_inprocess(*lean).ret == 0


def test_the_error_page_of_params_escapes_names_and_knows_refusals_of_others(cp_client, tmp_path):
    config = run(ROOT / "docs" / "params.md", tmp_path)["config"]

    class Root:
        @cherrypy.expose
        def bad(self):
            raise cherrypy.HTTPError(400, "The moon is full.")

        @cherrypy.expose
        @cpkit.tools.params()
        def good(self): ...

    pages = {key: it for key, it in config["/"].items() if key.startswith("error_page")}
    cherrypy.tree.mount(Root(), "/", {"/": pages})
    assert cp_client.get("/bad").text.strip() == "The moon is full."
    assert cp_client.get("/good?<b>=1").text.strip() == "&lt;b&gt; is unknown"


def test_the_architecture_names_every_room_and_no_file_that_there_is_not():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "cpkit").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}/" not in text} == set()
    files = re.findall(r"`((?:\w+/)+\w+\.py)`", text)
    assert [name for name in files if not (ROOT / "cpkit" / name).exists()] == [
        name for name in files if name.startswith("tests/")
    ]


def test_every_how_to_is_in_their_index():
    index = (ROOT / "docs" / "howto" / "index.md").read_text()
    pages = {path.name for path in (ROOT / "docs" / "howto").glob("*.md")} - {"index.md"}
    assert pages - set(re.findall(r"\]\(([\w-]+\.md)", index)) == set()


def test_a_time_that_was_measured_is_in_the_benchmarks_alone():
    """A figure of one run grows stale in prose: the pages link to those that are published."""
    told = {page.name for page in PAGES if "µs" in page.read_text()}
    assert told <= {"benchmarks.md", "README.md", "testing.md"}
