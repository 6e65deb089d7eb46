"""What the check of a release refuses, found before there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.release_check import addresses, page_problems

ROOT = Path(__file__).parent.parent


def tracked():
    """Return what git holds of this tree, by name."""
    # Also where the clone is another user's.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    names = listed.stdout.decode().split("\0")
    return {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}


@pytest.mark.skipif(
    not ((ROOT / ".git").exists() and shutil.which("git")), reason="needs a clone, and git"
)
def test_no_tracked_file_names_a_package_registry():
    assert addresses(ROOT, tracked()) == []


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("https://" + "pypi.org/project/cpkit", False),
        ("https://" + "pypi.org/simple/cpkit", True),
        ("see https://" + "pypi.org/project/a and https://" + "pypi.org/p/a", True),
        ("https://mirror.example/" + "simple/", True),
        ("https://docs.example/simply", False),
    ],
)
def test_an_address_of_a_registry_is_refused_wherever_it_stands(text, is_refused):
    assert bool(addresses(ROOT, {"a.md": text.encode()})) is is_refused


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://git.example/cpkit/blob/v1.0.0/docs/index.md", None),
        ("https://cherrypy.dev", None),
        ("docs/index.md", "leads nowhere there: docs/index.md"),
        ("https://git.example/cpkit/blob/v1.0.0/docs/gone.md", "to no file: docs/gone.md"),
    ],
)
def test_a_link_of_the_packages_page_leads_somewhere(monkeypatch, link, said):
    monkeypatch.chdir(ROOT)
    home = "https://git.example/cpkit"
    page = f"Project-URL: Source, {home}\n\n[a page]({link})"
    found = page_problems(page, home)
    assert found == [] if said is None else said in found[0]


def test_a_package_with_a_home_names_it():
    assert page_problems("", "https://git.example/cpkit")
    assert page_problems("", "") == []
