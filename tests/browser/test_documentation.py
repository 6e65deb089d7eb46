"""The documentation as `make docs` builds it: no fault that axe finds on any page, and a search."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AXE = ROOT / "demo/frontend/node_modules/axe-core/axe.min.js"

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the pages, built now."""
    pytest.importorskip("sphinx", reason="sphinx is not installed: make .venv/.docs")
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "docs", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", PHONE), ("dark", DESK)], ids=["day", "night"]
)
def test_axe_finds_no_fault_on_any_page(chromium, built, scheme, size):
    if not AXE.exists():
        pytest.skip("axe is not installed: make frontend")
    found = {}
    with chromium.new_context(color_scheme=scheme, viewport=size) as context:
        page = context.new_page()
        for path in sorted(built.rglob("*.html")):
            name = str(path.relative_to(built))
            page.goto(f"file://{path}")
            page.add_script_tag(path=AXE)
            faults = page.evaluate("axe.run().then(result => result.violations)")
            for fault in faults:
                found[name, fault["id"]] = [node["html"][:160] for node in fault["nodes"]]
    assert found == {}


def test_a_message_is_found_by_the_search(chromium, built):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"file://{built / 'search.html'}?q=troubleshooting")
        page.locator("#search-results a", has_text="Troubleshooting").first.wait_for()


def test_the_first_page_has_install_an_example_and_its_picture(chromium, built):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"file://{built / 'index.html'}")
        assert "pip install cpkit" in page.inner_text("article")
        assert page.evaluate("document.querySelector('figure img').naturalWidth") > 0
