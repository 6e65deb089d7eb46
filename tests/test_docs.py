"""The documentation: every example runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")


def examples(page):
    """Yield each example with the number of lines before it."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        yield text.count("\n", 0, found.start(1)), found[1]


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
