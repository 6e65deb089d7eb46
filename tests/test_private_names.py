"""The private names of CherryPy that cpkit uses: each is here, with why, and fails by its name.

They are imported in cpkit/cherry.py and nowhere else.
"""

import ast
import importlib
from pathlib import Path

import cherrypy
import pytest

import cpkit

ROOM = Path(cpkit.__file__).parent

USED = {
    "cherrypy._cprequest.Hook": "hooks are made once and shared by requests",
    "cherrypy._cprequest.HookMap": "the timing tool marks phases where a point's hooks run",
    "cherrypy._cptools.Toolbox": "the base of a toolbox of one's own",
    "cherrypy._cplogging.LogManager": "the isolation of tests puts its class attributes back",
    "cherrypy._cpreqbody.Entity": "the same",
    "cherrypy._cpreqbody.Part": "the same",
    "cherrypy._cpreqbody.RequestBody": "the same",
    "cherrypy._cpreqbody.process_urlencoded": "the guard puts a quicker one in its place",
    "cherrypy._cpreqbody.unquote_plus": "what is no escape is its own affair",
    "cherrypy._cptree.Tree": "the same",
    "cherrypy._cpwsgi.CPWSGIApp": "the same",
    "cherrypy._cpwsgi_server.CPWSGIServer": "the guarded server is CherryPy's own",
    "cherrypy._cpdispatch.test_callable_spec": "arguments that don't fit a handler are a 404",
}


@pytest.mark.parametrize("name", USED)
def test_a_private_name_of_cherrypy_is_still_there(name):
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute, None)
    assert found is not None, f"CherryPy has no {name} any more: {USED[name]}"


@pytest.mark.parametrize("name", ["_name", "_setup"])
def test_a_tool_of_cherrypys_still_has(name):
    # Its name in its toolbox; and what the toolbox calls, which is there to be overridden.
    assert hasattr(cherrypy.Tool("before_handler", lambda: None), name)


def imported(path):
    """Yield the private names of CherryPy that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cherrypy"):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def test_what_cherry_imports_is_on_the_list():
    names = {name for name in imported(ROOM / "cherry.py") if "cherrypy._" in name}
    assert names == set(USED)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(ROOM.rglob("*.py")) if path.name != "cherry.py"],
    ids=lambda path: str(path.relative_to(ROOM)),
)
def test_no_other_module_knows_a_private_module_of_cherrypy(path):
    names = [name for name in imported(path) if name.startswith("cherrypy")]
    found = {name for name in names for part in name.split(".") if part.startswith("_cp")}
    assert {name for name in found if not name.endswith("._cp_config")} == set()


OF_OPENTELEMETRY = {
    "_span_processors": lambda sdk: sdk.SynchronousMultiSpanProcessor(),
    "_local_parent_sampled": lambda sdk: sdk.sampling.ParentBased(sdk.sampling.ALWAYS_ON),
}


@pytest.mark.parametrize("name", OF_OPENTELEMETRY)
def test_a_private_name_of_opentelemetry_is_still_there(name):
    # Without it the spans of phases are begun and ended one by one, at seven times the work.
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    assert hasattr(OF_OPENTELEMETRY[name](sdk), name)
