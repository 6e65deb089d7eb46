"""``python -m cpkit routes``: the table of routes, and what answers a path."""

import json
import os
import subprocess
import sys

import pytest

from cpkit.__main__ import main

SHOP = """
import cherrypy
from cpkit.dispatchers import RoutesDispatcher

class Books:
    exposed = True
    def GET(self): ...
    def POST(self): ...

class Pages:
    @cherrypy.expose
    def show(self, page): ...

class Pile(Books):
    pass

def about(): ...

def make(cls=RoutesDispatcher):
    made = cls()
    made.connect("books", "/books", Books() if cls is RoutesDispatcher else about)
    made.connect("about", "/about", about, conditions={"method": ["GET"]})
    made.connect("page", "/pages/{page}", Pages(), action="show")
    made.connect("any", "/any/{action}", Pages)
    made.mapper.redirect("/old", "/new")
    made.mapper.connect("lost", "/lost", controller="nobody", action="show")
    made.mapper.connect("named", "/{controller}/{action}/x")
    made.connect("later", "/pages/{number}", Pages(), action="show")
    made.connect("posts", "/posts", Pile(), conditions={"method": ["POST", "PUT"]})
    return made

def crossed(cls=RoutesDispatcher):
    made = cls()
    made.connect("item", "/cache/{item}", Pages(), action="show")
    made.connect("clean", "/cache/clean", Pages(), action="show")
    return made

def crossed_theirs():
    return crossed(cherrypy.dispatch.RoutesDispatcher)

dispatcher = make()
behind = cherrypy.Application(
    None, "", {"/": {}, "/x": {"request.dispatch": cherrypy.dispatch.VirtualHost(dispatcher)}}
)
application = cherrypy.Application(None, "", {"/": {"request.dispatch": dispatcher}})
theirs = make(cherrypy.dispatch.RoutesDispatcher)
nothing = object()
"""

TABLE = """\
methods   template               name   handler
GET,POST  /books                 books  shop:Books by method
GET       /about                 about  shop:about
*         /pages/{page}          page   shop:Pages.show
*         /any/{action}          any    shop:Pages.{action}
*         /old                   *      redirect 302 to /new
*         /lost                  lost   unknown controller 'nobody'.show
! answers 404: no controller is called 'nobody'.
*         /{controller}/{action}/x  named  {controller}.{action}
*         /pages/{number}        later  shop:Pages.show
! can never match: '/pages/{page}', declared before, takes all its URLs. \
Declare it first, or remove it.
! answers 404: Pages.show has no parameter 'number', unless a tool takes it out.
POST      /posts                 posts  shop:Pile by method
! waits for 'PUT', and Pile has no such method.
"""


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("shop", None)


def words(text):
    return [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("name", ["dispatcher", "application", "make", "behind"])
def test_it_shows_the_routes_of_a_dispatcher_its_application_or_its_maker(capsys, name):
    assert main(["routes", f"shop:{name}"]) == 0
    assert words(capsys.readouterr().out) == words(TABLE)


def test_it_shows_the_routes_of_cherrypys_own_dispatcher(capsys):
    assert main(["routes", "shop:theirs"]) == 0
    assert "shop:Pages.show" in capsys.readouterr().out


def test_the_routes_as_json(capsys):
    assert main(["routes", "shop:dispatcher", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[2] == {
        "methods": None,
        "template": "/pages/{page}",
        "name": "page",
        "handler": "shop:Pages.show",
    }


def test_a_match_says_what_wins_and_what_comes_later(capsys):
    assert main(["routes", "shop:dispatcher", "--match", "/pages/a%2Fb%20c?x=1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "GET /pages/a%2Fb c: 200",
        "  /pages/{page} -> shop:Pages.show",
        "    action = 'show'",
        "    controller = 'page'",
        "    page = 'a%2Fb c'",
        "  /pages/{page}: wins: the first that fits",
        "  /pages/{number}: comes later",
    ]


@pytest.mark.parametrize("code", ["%00", "%1B[2J", "%FF%FE", "%C2%85"])
def test_a_match_is_404_where_the_dispatcher_finds_no_text(capsys, code):
    assert main(["routes", "shop:dispatcher", "--match", "/pages/" + code]) == 1
    out = capsys.readouterr().out
    assert "404" in out
    assert "no path may hold that" in out
    assert all(line.isprintable() for line in out.splitlines())
    assert main(["routes", "shop:dispatcher", "--json", "--match", "/pages/" + code]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == 404


def test_a_match_of_nothing_is_one_of_the_mount_point(capsys):
    assert main(["routes", "shop:dispatcher", "--match", ""]) == 1
    assert capsys.readouterr().out == "GET /: 404\n"


def test_a_match_by_another_method_says_which_are_allowed(capsys):
    assert main(["routes", "shop:dispatcher", "--match", "/about", "--method", "PUT"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "PUT /about: 405",
        "  Allow: GET, HEAD, OPTIONS",
        "  /about: only GET",
    ]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/books", "OPTIONS", 204), ("/books", "HEAD", 200), ("/none", "GET", 404)],
)
def test_a_match_as_json(capsys, path, method, status):
    code = main(["routes", "shop:dispatcher", "--match", path, "--method", method, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], code) == (status, 0 if status < 400 else 1)


@pytest.mark.parametrize("name", ["shop:nope", "no_such_module:x", "shop:nothing", ""])
def test_a_name_that_leads_nowhere_is_a_usage_error(capsys, name):
    with pytest.raises(SystemExit, match="2"):
        main(["routes", name])
    assert "error:" in capsys.readouterr().err


def test_a_match_needs_the_dispatcher_of_cpkit(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["routes", "shop:theirs", "--match", "/about"])
    assert "cpkit" in capsys.readouterr().err


def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "cpkit", "routes", "shop:dispatcher"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert words(done.stdout) == words(TABLE), done.stderr


def test_what_makes_no_dispatcher_is_told_with_a_remedy(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["routes", "json:dumps"])
    assert "json:dumps() fails: " in (said := capsys.readouterr().err)
    assert "Name a dispatcher, or what makes one." in said


@pytest.mark.parametrize("name", ["crossed", "crossed_theirs"])
def test_it_compares_with_the_order_of_routes(capsys, name):
    assert main(["routes", f"shop:{name}", "--compare"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "GET /cache/clean",
        "  declared first: /cache/{item} -> shop:Pages.show",
        "  Routes 2.5:     /cache/clean -> shop:Pages.show",
    ]
    assert main(["routes", f"shop:{name}", "--compare", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["method"], found["path"]) == ("GET", "/cache/clean")
    assert (found["declared"]["name"], found["routes"]["name"]) == ("item", "clean")


def test_what_it_compares_is_what_both_answer(shop):
    import cherrypy

    from cpkit.routing.listing import differences

    (found,) = differences(__import__("shop").crossed())
    for make, row in (("crossed", found["declared"]), ("crossed_theirs", found["routes"])):
        table = getattr(__import__("shop"), make)()
        match = table.mapper.match(found["path"], {"REQUEST_METHOD": found["method"]})
        assert match["controller"] == row["name"]
    assert isinstance(table, cherrypy.dispatch.RoutesDispatcher)


def test_a_table_without_a_difference_says_so(capsys):
    assert main(["routes", "shop:dispatcher", "--compare"]) == 0
    assert "by the same route" in capsys.readouterr().out


def test_problems_stand_in_the_json_of_their_routes(capsys):
    main(["routes", "shop:dispatcher", "--json"])
    rows = {row["template"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["/lost"]["problems"] == ["answers 404: no controller is called 'nobody'."]
    assert "problems" not in rows["/about"]


def test_a_reader_that_stops_early_gets_no_traceback(tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    command = [sys.executable, "-m", "cpkit", "openapi", "shop:make", "--title", "x" * 100_000]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as running:
        assert running.stdout.read(1) == b"{"
        running.stdout.close()
        assert running.stderr.read() == b""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise RuntimeError('no key')", "RuntimeError: no key ({file}, line 2)"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name' ({file}, line 2)"),
        ("broken = (", "SyntaxError: '(' was never closed ({file}, line 2)"),
    ],
    ids=["raises", "imports", "syntax"],
)
@pytest.mark.parametrize("command", ["openapi", "routes"])
def test_a_module_that_fails_is_told_with_its_line(tmp_path, capsys, command, source, said):
    name = tmp_path.name
    file = tmp_path / f"{name}.py"
    file.write_text(f"# It fails.\n{source}\n")
    with pytest.raises(SystemExit) as exit_:
        main([command, f"{name}:app"])
    assert exit_.value.code == 2
    told = capsys.readouterr().err
    assert f"{name}:app cannot be imported: " in told
    assert said.format(file=file) in told


@pytest.mark.parametrize("name", ["shop", "shop:nothing", "shop:Pages", "shop:cherrypy", "os:path"])
@pytest.mark.parametrize("command", ["openapi", "routes"])
def test_what_is_no_dispatcher_is_called_so(capsys, command, name):
    with pytest.raises(SystemExit):
        main([command, name])
    assert f"{name} is no RoutesDispatcher, and no application that uses one." in (
        capsys.readouterr().err
    )


def test_a_description_is_of_cpkits_dispatcher(capsys):
    with pytest.raises(SystemExit):
        main(["openapi", "shop:theirs"])
    assert "needs a dispatcher of cpkit" in capsys.readouterr().err


def test_the_server_of_a_description_is_where_the_application_is(tmp_path):
    config = "{'/': {'request.dispatch': make()}}"
    below = f"below = cherrypy.Application(None, '/é', {config})"
    (tmp_path / "shop.py").write_text(f"{SHOP}\n{below}\n", encoding="utf-8")
    command = [sys.executable, "-m", "cpkit", "openapi", "shop:below", "--title", "Bücher"]
    for encoding in ("ascii", "utf-8"):
        environ = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environ)
        told = json.loads(done.stdout)
        assert (told["servers"], told["info"]["title"]) == ([{"url": "/é"}], "Bücher")


def test_the_head_that_a_get_answers_is_listed_of_no_route(capsys):
    main(["routes", "shop:dispatcher", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert not [row for row in rows if "HEAD" in (row["methods"] or ())]
