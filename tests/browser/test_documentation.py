"""The documentation as `make docs` builds it: no serious fault that axe finds, and a search."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AXE = ROOT / "demo/frontend/node_modules/axe-core/axe.min.js"

PAGES = ["index.html", "accept.html", "howto/files.html"]
SEVERE = ("serious", "critical")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the pages, built now."""
    pytest.importorskip("sphinx", reason="sphinx is not installed: make .venv/.docs")
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "docs", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_severe_fault(chromium, built, scheme):
    if not AXE.exists():
        pytest.skip("axe is not installed: make frontend")
    found = {}
    with chromium.new_context(color_scheme=scheme) as context:
        for name in PAGES:
            page = context.new_page()
            page.goto(f"file://{built / name}")
            page.add_script_tag(path=AXE)
            faults = page.evaluate("axe.run().then(result => result.violations)")
            for fault in faults:
                if fault["impact"] in SEVERE:
                    found[name, fault["id"]] = [node["html"][:120] for node in fault["nodes"]]
            page.close()
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
