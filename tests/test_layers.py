"""The layer rule: the pure core imports no framework, and each piece stands alone."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import {module}
"""


def imports(module: str, *, without: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    code = BLOCK.format(module=module, blocked=without)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


PURE = [
    "cpkit",
    "cpkit.errors",
    "cpkit.settings",
    "cpkit.timing.server_timing",
    "cpkit.negotiation",
    "cpkit.negotiation.problems",
    "cpkit.negotiation.settings",
    "cpkit.routing",
    "cpkit.logs.handlers",
    "cpkit.logs.settings",
    "cpkit.serving.body",
    "cpkit.serving.escapes",
    "cpkit.serving.pieces",
    "cpkit.serving.reading",
    "cpkit.serving.values",
    "cpkit.timing.phases",
    "cpkit.timing.histogram",
    "cpkit.timing.report",
    "cpkit.timing.slowest",
    "cpkit.database.terms",
    "cpkit.database.statements",
    "cpkit.database.faults",
    "cpkit.database.turns",
    "cpkit.parameters.documents",
    "cpkit.parameters.query",
    "cpkit.parameters.signature",
]
# One interpreter for all of them, and each as the first one that is imported.
EACH = """
import importlib, sys
for module in {modules!r}:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cpkit"]:
        del sys.modules[name]
    try:
        importlib.import_module(module)
    except Exception as error:
        print(module, repr(error))
"""


def refused(modules: list[str], *, without: tuple[str, ...]) -> str:
    """Return what is said of the modules that cannot be imported alone."""
    code = BLOCK.format(module="sys", blocked=without) + EACH.format(modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout + done.stderr


def test_the_pure_core_imports_no_framework():
    assert refused(PURE, without=("cherrypy", "sqlalchemy", "prometheus_client")) == ""
    assert "cpkit.tools" in refused(["cpkit.tools"], without=("cherrypy",))


def test_the_database_knows_no_cherrypy():
    done = imports("cpkit.database.database", without=("cherrypy", "prometheus_client"))
    assert done.returncode == 0, done.stderr


def test_these_pieces_need_no_sqlalchemy():
    pieces = ["dispatchers", "plugins", "plugins.timing", "testing", "tools"]
    modules = [f"cpkit.{piece}" for piece in pieces]
    assert refused(modules, without=("sqlalchemy", "prometheus_client")) == ""


def test_these_pieces_need_no_msgspec():
    modules = ["cpkit.tools", "cpkit.dispatchers", "cpkit.config_check"]
    assert refused(modules, without=("msgspec", "sqlalchemy")) == ""


def test_the_openapi_room_names_the_extra_that_it_needs():
    done = imports("cpkit.openapi", without=("msgspec",))
    assert (
        "MissingExtraError: msgspec is not installed: pip install 'cpkit[params]'." in done.stderr
    )


@pytest.mark.parametrize("tool", ["params", "body"])
def test_a_tool_names_the_extra_that_it_needs(tool):
    done = imports(f"cpkit.tools; cpkit.tools.{tool}()", without=("msgspec",))
    assert (
        "MissingExtraError: msgspec is not installed: pip install 'cpkit[params]'." in done.stderr
    )


def test_importing_cpkit_imports_nothing_else():
    code = """if True:
        import sys, cpkit
        print([name for name in sys.modules if name.startswith(("cpkit.", "cherrypy"))])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def known_to(path: Path, modules: set[str]) -> set[str]:
    """Return the modules that *path* imports, those for type checkers and in functions too."""
    package = module(path).split(".")[: None if path.name == "__init__.py" else -1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= (names & modules) or {base}
    return (found & modules) - {module(path)}


def test_no_modules_know_each_other_in_a_circle():
    paths = {module(path): path for path in (ROOT / "cpkit").rglob("*.py")}
    graph = {name: known_to(path, set(paths)) for name, path in paths.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" knows ".join(error.args[1]))
    assert "cpkit.database.unit" in graph["cpkit.database.connection"]
