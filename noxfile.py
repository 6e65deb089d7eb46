"""The test matrix: each Python, with the oldest dependencies that are allowed and the newest.

`make test-matrix` runs all of it, `make test-matrix of=tests-3.13` a part, and so does
`make test-matrix of="tests-3.13(dependencies='newest', processes='one')"`.
"""

import os

import nox

nox.options.default_venv_backend = "venv"
GITHUB = "git+https://github.com/cherrypy/cherrypy git+https://github.com/bbangert/routes"
# Folders of the two, for a machine that does not reach GitHub.
MAIN_BRANCHES = os.environ.get("CPKIT_MAIN_BRANCHES", GITHUB).split()
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# What pyproject.toml allows at least; pytest has a session of its own.
OLDEST = [
    "cherrypy==18.10.0",
    "routes==2.5.1",
    "prometheus-client==0.20.0",
    "opentelemetry-api==1.29.0",
    "opentelemetry-sdk==1.29.0",
    "msgspec==0.19.0",
    "brotli==1.1.0",
]
# These two had to change for later Pythons: SQLAlchemy before 2.0.16 uses what 3.12 warns of.
OLDER = ["sqlalchemy==2.0.0", "zstandard==0.22.0"]
OLDER_FOR = {
    "3.12": ["sqlalchemy==2.0.16", "zstandard==0.22.0"],
    "3.13": ["sqlalchemy==2.0.31", "zstandard==0.23.0"],
}
# xdist's workers hide what a process reports as it ends: one process shows it.
PROCESSES = {"two": ["-n", "2"], "one": ["-p", "no:xdist"]}


@nox.session(python=PYTHONS)
@nox.parametrize("processes", list(PROCESSES))
@nox.parametrize("dependencies", ["oldest", "newest"])
def tests(session: nox.Session, dependencies: str, processes: str) -> None:
    """Run all tests."""
    install(session)
    if dependencies == "oldest":
        session.install("--quiet", *OLDEST, *OLDER_FOR.get(session.python, OLDER))
    session.run("python", "-m", "pytest", "-q", *PROCESSES[processes], *session.posargs)


@nox.session(python=PYTHONS)
def main_branches(session: nox.Session) -> None:
    """Run all tests on what is to be the next CherryPy and the next Routes."""
    install(session)
    session.install("--quiet", *MAIN_BRANCHES)
    session.run("python", "-m", "pytest", "-q", "-n", "2", *session.posargs)


@nox.session(python=["3.10", "3.13"])
def pytest8(session: nox.Session) -> None:
    """Run the tests of the pytest plugin under the oldest pytest that it works with.

    They need their settings here: pytest 8 does not read those in pyproject.toml.
    """
    install(session)
    session.install("--quiet", "pytest==8.0.0")
    options = ["-W", "error", "--import-mode=importlib", "-p", "no:cacheprovider"]
    options += ["-o", "markers=faults: slow", "-m", "not faults"]
    session.run("python", "-m", "pytest", "-q", *options, "tests/testing", *session.posargs)


def install(session: nox.Session) -> None:
    """Install cpkit and what its tests need."""
    project = nox.project.load_toml("pyproject.toml")
    groups = nox.project.dependency_groups(project, "test")
    needed = [each for each in groups if not each.startswith("cpkit")]
    session.install("--quiet", "-e", ".[compress,db,otel,params,prometheus,testing]", *needed)
