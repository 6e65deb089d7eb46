"""A user's file under mypy --strict: decorated handlers keep their types, a slip is an error."""

import subprocess
import sys

import pytest

pytest.importorskip("mypy")

GOOD = """
import json
import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher, route, routes
from cpkit.tools import AcceptTool, DatabaseTool

MEDIA = {"application/json": json.dumps, "text/plain": str}

class Library:
    @cpkit.tools.accept(media=MEDIA, languages=["en"], errors=True)
    @cpkit.tools.timing(header="local", slow=0.5)
    @cpkit.tools.db(handle="session", commit_on=[409], retry=2)
    @cpkit.tools.params(skip=["user"])
    @cpkit.tools.body(media={"application/json": None}, max_bytes=1000)
    def book(self, number: int) -> dict[str, int]:
        return {"number": number}

    @cpkit.tools.params(skip=["page"])
    @cpkit.tools.body(max_bytes=100)
    @cpkit.tools.cors(origins=["https://example.org"], max_age=60)
    @cpkit.tools.csrf(on=True)
    @cpkit.tools.compress(on=True)
    def take(self, body: bytes) -> None:
        return None

    @cpkit.tools.accept(on=False)
    @cpkit.tools.timing(on=False)
    @cpkit.tools.db(on=False)
    def plain(self) -> str:
        return ""

@routes("/api", name_prefix="api_")
class Routed:
    @route("/x/{number}", methods=["GET"], name="x")
    @cpkit.tools.timing()
    def x(self, number: int) -> str:
        return ""

    @route("/y")
    @staticmethod
    def y(name: str) -> str:
        return name

@route("/z")
def z(name: str) -> str:
    return name

class Maintained(RoutesDispatcher):
    pass

dispatcher = Maintained(full_result=True)
dispatcher.include(Routed(), Routed, z, prefix="/v1")
again: AcceptTool = AcceptTool(priority=40)
reports = DatabaseTool("reports")
decorated = reports(handle="dbapi")(Library.book)
reveal_type(Library.book)
reveal_type(Library().book(7))
reveal_type(Library().plain)
reveal_type(Routed().x)
reveal_type(Routed.y)
reveal_type(z)
reveal_type(dispatcher)
reveal_type(dispatcher.url_for("x", number=1))
"""

SLIPS = {
    'cpkit.tools.accept(medai="text/html")': 'keyword argument "medai"',
    "cpkit.tools.accept(media=5)": '"media"',
    'cpkit.tools.accept(on_none="fist")': '"on_none"',
    'cpkit.tools.accept("text/html")': "positional argument",
    "cpkit.tools.timing(haeder=True)": 'keyword argument "haeder"',
    'cpkit.tools.timing(slow="1")': '"slow"',
    'cpkit.tools.db(handle="orm")': '"handle"',
    "cpkit.tools.db(rerty=1)": 'keyword argument "rerty"',
    'route("/x", methods=5)': '"methods"',
    'route("/x", name=5)': '"name"',
    "routes(5)": 'Argument 1 to "routes"',
    "z(5)": 'Argument 1 to "z"',
    "Routed().x()": 'argument "number"',
    "dispatcher.include(z, prefx='/a')": 'keyword argument "prefx"',
    "cpkit.tools.params(form=[])": '"form"',
    'cpkit.tools.body(max_bytes="1")': '"max_bytes"',
    'reports(handel="dbapi")': 'keyword argument "handel"',
    "cpkit.tools.params(skpi=[])": 'keyword argument "skpi"',
    'cpkit.tools.body(max_bytes="1k")': '"max_bytes"',
    "cpkit.tools.cors(origin=[])": 'keyword argument "origin"',
    "cpkit.tools.csrf(onn=True)": 'keyword argument "onn"',
    'cpkit.tools.compress(on="yes")': '"on"',
    'Library().book("7")': 'Argument 1 to "book" of "Library"',
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what mypy says of the user's file, line by line."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "app.py").write_text("\n".join([GOOD, *SLIPS]))
    (folder / "mypy.ini").write_text(
        "[mypy]\nstrict = true\n[mypy-cherrypy.*]\nignore_missing_imports = true\n"
        # PERF: reading SQLAlchemy's types takes longer than all else; no line above has one.
        "[mypy-sqlalchemy.*]\nfollow_imports = skip\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache"), "app.py"],
        capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_decorated_handlers_keep_their_types(said):
    revealed = [line.partition("Revealed type is ")[2] for line in said if "Revealed" in line]
    assert [each.replace("builtins.", "") for each in revealed] == [
        '"def (self: app.Library, number: int) -> dict[str, int]"',
        '"dict[str, int]"',
        '"def () -> str"',
        '"def (number: int) -> str"',
        '"def (name: str) -> str"',
        '"def (name: str) -> str"',
        '"app.Maintained"',
        '"str"',
    ]


def test_what_is_right_is_no_error(said):
    right = GOOD.count("\n") + 1
    wrong = [line for line in said if ": error:" in line and int(line.split(":")[1]) <= right]
    assert wrong == []


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_an_error(said, slip):
    line = GOOD.count("\n") + 2 + list(SLIPS).index(slip)
    told = [each for each in said if each.startswith(f"app.py:{line}: error:")]
    assert SLIPS[slip] in "".join(told)
