"""Look into the built distributions: ``python tests/release_check.py dist``."""

import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path

REGISTRY = re.compile(rb"https?://[^\s\"']*(pypi|/simple/|registry|npmjs)", re.IGNORECASE)
# What the project names itself: where its badges, and the tools that it tells of, live.
ALLOWED = re.compile(rb"https?://(pypi\.org/project|test\.pypi\.org|registry\.npmjs\.org/\S+\.md)")


def problems(folder: Path) -> list[str]:
    """Return what is wrong with the one wheel and the one sdist in *folder*."""
    wheel, sdist = next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))
    return [*wheel_problems(wheel), *sdist_problems(sdist)]


def wheel_problems(path: Path) -> list[str]:
    """Return what a wheel holds beyond the package and its metadata, or lacks."""
    with zipfile.ZipFile(path) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    strange = [name for name in files if not re.match(r"cpkit/|cpkit-[\d.a-z]+\.dist-info/", name)]
    found = [f"{path.name} holds {name}" for name in strange]
    if "cpkit/py.typed" not in files:
        found.append(f"{path.name} lacks cpkit/py.typed")
    if not any(name.endswith("licenses/LICENSE") for name in files):
        found.append(f"{path.name} lacks the licence")
    metadata = next(held for name, held in files.items() if name.endswith("/METADATA")).decode()
    home = os.environ.get("CPKIT_HOME", "")
    return found + addresses(path, files) + page_problems(metadata, home)


def page_problems(metadata: str, home: str) -> list[str]:
    """Return the links of a package's page that lead nowhere, and the lack of its addresses."""
    found = []
    if home and f"Project-URL: Source, {home}\n" not in metadata:
        found.append(f"the package's page does not name its source, {home}")
    for link in re.findall(r"\]\(([^)]*)\)", metadata):
        if not link.startswith("https://"):
            found.append(f"the package's page has a link that leads nowhere there: {link}")
        file = re.sub(r"/(blob|raw)/v[^/]*/", "/", link).removeprefix(f"{home}/")
        if home and link.startswith(home) and not Path(file).is_file():
            found.append(f"the package's page has a link to no file: {file}")
    return found


def sdist_problems(path: Path) -> list[str]:
    """Return what an sdist should not hold."""
    with tarfile.open(path) as sdist:
        members = [member for member in sdist.getmembers() if member.isfile()]
        files = {member.name: sdist.extractfile(member).read() for member in members}
    unwanted = re.compile(r"node_modules|\.venv|__pycache__|\.sqlite|docs/_build")
    found = [f"{path.name} holds {name}" for name in files if unwanted.search(name)]
    return found + addresses(path, files)


def addresses(path: Path, files: dict[str, bytes]) -> list[str]:
    """Return the files that name a package registry; this one has to."""
    return [
        f"{path.name}: {name} names {found[0].decode()}"
        for name, held in files.items()
        if not name.endswith("tests/release_check.py")
        for found in REGISTRY.finditer(held)
        if not ALLOWED.match(held, found.start())
    ]


if __name__ == "__main__":
    found = problems(Path(sys.argv[1]))
    sys.stdout.write("\n".join(found) or "The distributions hold what they should.\n")
    sys.exit(bool(found))
