"""Run Routes' own tests with IndexedMapper in Mapper's place: ``make test-routes-suite``.

The tests are fetched with pip from the package index, as Routes' sdist, and are not kept; without
a network the run is skipped. As a pytest plugin (``-p routes_suite``) this module makes the swap.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import types
import unittest
from pathlib import Path

SDIST, NEEDED = "Routes==2.5.1", "webtest"


def pytest_configure() -> None:
    """Put IndexedMapper in Mapper's place, and what the tests take of nose into ``nose.tools``."""
    import routes
    import routes.mapper

    from cpkit.routing import IndexedMapper

    routes.Mapper = routes.mapper.Mapper = IndexedMapper
    check, tools = unittest.TestCase(), types.ModuleType("nose.tools")
    tools.eq_, tools.assert_raises = check.assertEqual, check.assertRaises
    tools.assert_is_none = check.assertIsNone
    sys.modules |= {"nose": types.ModuleType("nose"), "nose.tools": tools}


def main() -> int:
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        fetch = ["download", "--no-deps", "--no-binary", ":all:", "-d", folder, SDIST]
        install = ["install", "--target", f"{folder}/needed", NEEDED]
        for step in (fetch, install):
            if subprocess.run([*pip, *step]).returncode:
                print(f"skipped: pip could not {step[0]} what the tests need")  # noqa: T201
                return 0
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
        tests = next(Path(folder).glob("Routes-*/tests"))
        paths = [str(Path(__file__).parent), str(Path.cwd()), f"{folder}/needed"]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "routes_suite", "-W", "ignore"]
        command += ["-c", os.devnull, f"--confcutdir={tests}", "-p", "no:cacheprovider"]
        return subprocess.run(
            [*command, str(tests)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
