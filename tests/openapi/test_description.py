"""OpenAPI descriptions: valid, complete, and true to what is served."""

import dataclasses
import json
import subprocess
import sys
from typing import Annotated, Any

import cherrypy
import pytest
from msgspec import Meta, Struct

import cpkit.tools
from cpkit import openapi
from cpkit.dispatchers import RoutesDispatcher
from cpkit.openapi.schemas import Schemas
from cpkit.tools import Part
from tests.openapi import applications
from tests.openapi.describing import described, only, validate


@pytest.mark.parametrize("name", applications.MADE)
def test_the_description_of_an_application_is_valid(name, cp_isolation):
    told = openapi.describe(applications.mount(name), title=name, version="1")
    validate(told)
    assert json.loads(json.dumps(told)) == told
    assert "\0" not in json.dumps(told, ensure_ascii=False)


def test_an_operation_is_told_by_its_docstring(cp_isolation):
    def handler(self):
        """Show it.

        At length,
        on two lines.
        """

    operation = only(described(handler=handler))
    assert operation["summary"] == "Show it"
    assert operation["description"] == "At length,\non two lines."
    assert operation["tags"] == ["Pages"]
    assert operation["operationId"] == "it"


def test_parameters_are_in_the_path_or_in_the_query():
    def handler(
        self,
        number: int,
        q: Annotated[str, Meta(description="Words.")],
        page: Annotated[int, Meta(ge=1)] = 1,
        tags: list[str] = [],  # noqa: B006
        day: int | None = None,
    ): ...

    config = {"cpkit.params.on": True}
    operation = only(described(route=r"/it/{number:\d+}", handler=handler, config=config))
    number, q, page, tags, day = operation["parameters"]
    bounds = {"minimum": -(2**63), "maximum": 2**63 - 1}
    assert number == {
        "name": "number",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", **bounds},
    }
    assert q == {
        "name": "q",
        "in": "query",
        "required": True,
        "description": "Words.",
        "schema": {"type": "string"},
    }
    assert page["schema"] == {"type": "integer", **bounds, "minimum": 1, "default": 1}
    assert tags["schema"] == {"type": "array", "items": {"type": "string"}}
    assert (day["required"], day["schema"]) == (False, {"type": "integer", **bounds})


@pytest.mark.parametrize(
    ("template", "path", "schema"),
    [
        ("/a/{x}", "/a/{x}", {"type": "string", "minLength": 1}),
        (r"/a/{x:\d+}", "/a/{x}", {"type": "string", "minLength": 1, "pattern": "^(?:[0-9]+)$"}),
        (r"/a/{x:(?i:a)}", "/a/{x}", {"type": "string", "minLength": 1}),
        ("/a/{x:a|b}/c", "/a/{x}/c", {"type": "string", "minLength": 1, "pattern": "^(?:a|b)$"}),
        ("/a/:x", "/a/{x}", {"type": "string", "minLength": 1}),
    ],
)
def test_a_template_is_written_as_openapi_does(template, path, schema):
    told = described(route=template, handler=lambda self, x: "")
    assert list(told["paths"]) == [path]
    assert only(told)["parameters"][0]["schema"] == schema


def test_a_variable_that_takes_slashes_says_so():
    told = described(route="/file/{path:.+}", handler=lambda self, path: "")
    assert only(told)["parameters"][0]["description"] == "May hold slashes."
    told = described(route="/file/*path", handler=lambda self, path: "")
    assert only(told)["parameters"][0]["description"] == "May hold slashes."


def test_an_optional_format_makes_two_paths():
    told = described(route="/it/{x}{.format}", handler=lambda self, x, format=None: "")
    assert list(told["paths"]) == ["/it/{x}.{format}", "/it/{x}"]


def form(self, name: str, copies: int = 1): ...


def test_a_form_is_a_request_body():
    told = described(handler=form, methods=["POST"], config={"cpkit.params.on": True})
    body = only(told)["requestBody"]
    assert body["required"] is True
    (content,) = body["content"].values()
    assert list(body["content"]) == ["application/x-www-form-urlencoded"]
    schema = content["schema"]
    assert schema["required"] == ["name"]
    assert schema["properties"]["name"] == {"type": "string", "minLength": 1}
    assert schema["additionalProperties"] is False
    assert {"400", "405", "413", "415"} <= only(told)["responses"].keys()
    assert "422" not in only(told)["responses"]


def test_a_form_with_a_file_has_several_parts():
    def handler(self, cover: Part, title: str): ...

    told = described(handler=handler, methods=["POST"], config={"cpkit.params.on": True})
    content = only(told)["requestBody"]["content"]
    assert list(content) == ["multipart/form-data"]
    assert only(told)["requestBody"]["description"].startswith("At most 20 files")
    schema = content["multipart/form-data"]["schema"]
    assert schema["properties"]["cover"] == {"type": "string", "format": "binary"}


class Note(Struct):
    """A note."""

    text: str
    copies: int = 1


def test_a_document_is_a_request_body_and_its_class_a_schema():
    def handler(self, body: Note | None = None) -> list[Note]: ...

    config = {
        "cpkit.body.on": True,
        "cpkit.accept.on": True,
        "cpkit.accept.media": {"application/json": None, "text/html": str},
    }
    told = described(handler=handler, methods=["PUT"], config=config)
    body = only(told)["requestBody"]
    ref = {"$ref": "#/components/schemas/Note"}
    assert (body["required"], body["description"]) == (False, "At most 65,536 bytes.")
    schema = body["content"]["application/json"]["schema"]
    assert schema == {"anyOf": [ref, {"type": "null"}]}
    note = told["components"]["schemas"]["Note"]
    assert (note["description"], note["required"]) == ("A note.", ["text"])
    assert note["properties"]["copies"]["default"] == 1
    content = only(told)["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"type": "array", "items": ref}
    assert content["text/html"]["schema"] == {"type": "string"}
    assert {"413", "415", "422"} <= only(told)["responses"].keys()


@pytest.mark.parametrize("required", [True, False])
def test_a_document_that_must_be_sent_and_has_a_parser_is_not_empty(required):
    def handler(self, body=None): ...

    if required:

        def handler(self, body): ...

    config = {"cpkit.body.on": True, "cpkit.body.media": {"text/csv": bytes.decode}}
    told = described(handler=handler, methods=["PUT"], config=config)
    content = only(told)["requestBody"]["content"]
    assert content == {"text/csv": {"schema": {"minLength": 1}} if required else {}}


@pytest.mark.parametrize(
    ("config", "methods", "statuses"),
    [
        ({}, ["GET"], {"200", "400", "404", "405", "500"}),
        ({"cpkit.params.on": True}, ["GET"], {"200", "400", "405", "500"}),
        ({"cpkit.body.on": True}, ["GET"], {"200", "400", "404", "405", "500"}),
        ({"cpkit.db.on": True, "cpkit.params.on": True}, ["GET"],
         {"200", "400", "405", "500", "503"}),
        ({"cpkit.csrf.on": True, "cpkit.params.on": True}, ["GET"], {"200", "400", "405", "500"}),
        ({"cpkit.csrf.on": True, "cpkit.params.on": True}, ["DELETE"],
         {"200", "400", "403", "405", "500"}),
        ({"cpkit.accept.on": True, "cpkit.accept.media": "a/b", "cpkit.params.on": True}, ["GET"],
         {"200", "400", "405", "406", "431", "500"}),
        ({"cpkit.accept.on": True, "cpkit.accept.media": "a/b", "cpkit.accept.on_none": "first",
          "cpkit.params.on": True}, ["GET"], {"200", "400", "405", "431", "500"}),
        ({"cpkit.accept.on": True, "cpkit.accept.languages": "de", "cpkit.params.on": True},
         ["GET"], {"200", "400", "405", "431", "500"}),
        ({"cpkit.compress.on": True, "cpkit.params.on": True}, ["GET"],
         {"200", "400", "405", "406", "431", "500"}),
    ],
)  # fmt: skip
def test_the_statuses_that_the_pieces_answer_are_in_it(config, methods, statuses):
    told = described(handler=lambda self: "", methods=methods, config=config)
    assert set(only(told)["responses"]) == statuses
    answers = told["components"]["responses"]
    for response in only(told)["responses"].values():
        if "$ref" in response:
            assert response["$ref"].rpartition("/")[2] in answers
    assert "Allow" in answers["MethodNotAllowed"]["headers"]
    assert "Accept" in answers["UnsupportedMediaType"]["headers"]


FORMAT = {
    "cpkit.accept.on": True,
    "cpkit.accept.media": ["application/json", "text/html; charset=utf-8"],
    "cpkit.accept.format_param": "as",
}
SHORT = {"cpkit.accept.formats": {"j": "application/json", "c": "text/csv"}}
FIRST = {"cpkit.accept.on_none": "first"}


@pytest.mark.parametrize(
    ("more", "schema"),
    [
        ({}, {"type": "string", "enum": ["html", "json"]}),
        (SHORT, {"type": "string", "enum": ["j"]}),
        (FIRST, {"type": "string"}),
    ],
    ids=["formats", "own", "first"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_parameter_that_asks_for_a_format_is_in_it(method, more, schema):
    config = {**FORMAT, **more, "cpkit.params.on": True}
    told = described(handler=lambda self: "", methods=[method], config=config)
    (parameter,) = only(told)["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("as", "query", False)
    assert parameter["schema"] == schema


@pytest.mark.parametrize(
    "config",
    [{**FORMAT, "cpkit.accept.on": False}, {**FORMAT, "cpkit.accept.media": "image/png"}],
    ids=["off", "no-name"],
)
def test_there_is_no_such_parameter_where_nothing_can_be_asked_for(config):
    assert "parameters" not in only(described(handler=lambda self: "", config=config))


def test_a_name_that_the_handler_has_is_told_once():
    def handler(self, *, it=""): ...

    config = {**FORMAT, "cpkit.accept.format_param": "it", "cpkit.params.on": True}
    (parameter,) = only(described(handler=handler, config=config))["parameters"]
    assert "enum" not in parameter["schema"]


def test_a_decorator_adds_to_a_handler_and_to_a_class():
    @openapi.operation(tags=["Things"], responses={409: "It is there."})
    class Pages:
        exposed = True

        @openapi.operation(
            responses={
                201: (Note, "unused")[0],
                303: "Elsewhere.",
                404: None,
                418: {"description": "Tea."},
            },
            deprecated=True,
            summary="Make",
            operation_id="make",
        )
        def POST(self, name: str = ""):  # noqa: N802
            """Ignored."""

        @openapi.operation(hidden=True)
        def GET(self): ...  # noqa: N802

        def DELETE(self): ...  # noqa: N802

    dispatcher = RoutesDispatcher()
    dispatcher.connect("thing", "/thing", Pages())
    told = openapi.describe(dispatcher, title="t", version="1", config={})
    validate(told)
    methods = told["paths"]["/thing"]
    assert set(methods) == {"post", "delete"}
    made = methods["post"]
    assert (made["tags"], made["deprecated"], made["summary"]) == (["Things"], True, "Make")
    assert made["operationId"] == "make"
    assert set(made["responses"]) == {"201", "303", "400", "405", "409", "418", "500"}
    assert "Location" in made["responses"]["303"]["headers"]
    assert made["responses"]["409"]["description"] == "It is there."
    assert methods["delete"]["responses"]["409"]["description"] == "It is there."


def test_a_204_has_no_content():
    handler = openapi.operation(responses={204: "Gone."})(lambda self: None)
    answer = only(described(handler=handler, methods=["DELETE"]))["responses"]["204"]
    assert answer == {"description": "Gone."}


@dataclasses.dataclass
class Twin:
    here: int


OtherTwin = dataclasses.make_dataclass("Twin", [("there", str)])
OtherTwin.__module__, OtherTwin.__qualname__ = "other", "Outer.Twin"


@openapi.named("Thing")
class Named(Struct):
    twin: Twin
    other: OtherTwin
    again: Any = None


def test_a_property_called_as_a_reference_is_none():
    document = {"components": {}, "properties": {"$ref": {"type": "string"}}}
    assert Schemas().finish(document)["properties"] == {"$ref": {"type": "string"}}


def test_two_classes_of_one_name_have_their_modules_in_it_and_a_name_can_be_given():
    def handler(self) -> Named: ...

    config = {"cpkit.accept.on": True, "cpkit.accept.media": "application/json"}
    schemas = described(handler=handler, config=config)["components"]["schemas"]
    assert {"Thing", f"{__name__}.Twin", "other.Outer.Twin", "Problem"} == set(schemas)
    twin = schemas["Thing"]["properties"]["twin"]
    assert twin == {"$ref": f"#/components/schemas/{__name__}.Twin"}


def test_a_route_that_an_earlier_one_hides_and_what_a_url_names_are_left_out():
    class Pages:
        @cherrypy.expose
        def first(self): ...

        @cherrypy.expose
        def second(self): ...

    dispatcher = RoutesDispatcher()
    dispatcher.connect("a", "/it", Pages(), action="first", conditions={"method": ["GET"]})
    dispatcher.connect("b", "/it", Pages(), action="second", conditions={"method": ["GET"]})
    dispatcher.mapper.connect("c", "/{controller}/{action}")
    dispatcher.mapper.redirect("/old", "/it")
    told = openapi.describe(dispatcher, title="t", version="1", config={})
    assert {path: list(methods) for path, methods in told["paths"].items()} == {"/it": ["get"]}
    assert told["paths"]["/it"]["get"]["operationId"] == "a"


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_mount_point_and_the_config_are_those_of_the_application(cp_isolation, wrapped):
    def both(path_info):
        return dispatcher(path_info)

    dispatcher = RoutesDispatcher()
    page = cherrypy.expose(lambda: "")
    dispatcher.connect("it", "/it/more", page, conditions={"method": ["GET"]})
    used = both if wrapped else dispatcher
    sections = {"/": {"request.dispatch": used}, "/it": {"cpkit.db.on": True}}
    cherrypy.tree.mount(None, "/shop", sections)
    told = openapi.describe(dispatcher, title="t", version="1", description="All of it.")
    assert told["servers"] == [{"url": "/shop"}]
    assert told["info"]["description"] == "All of it."
    assert "503" in only(told)["responses"]


def test_the_command_writes_a_description(tmp_path):
    (tmp_path / "shop.py").write_text(
        "import cherrypy\n"
        "from cpkit.dispatchers import RoutesDispatcher\n"
        "dispatcher = RoutesDispatcher()\n"
        "dispatcher.connect('it', '/it', lambda: '', conditions={'method': ['GET']})\n"
        "def app():\n"
        "    config = {'/': {'request.dispatch': dispatcher, 'cpkit.db.on': True}}\n"
        "    return cherrypy.Application(None, '', config)\n"
    )

    def run(*arguments):
        command = [sys.executable, "-m", "cpkit", "openapi", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    done = run("shop:app", "--title", "Shop", "--version", "2")
    told = json.loads(done.stdout)
    assert (told["info"], "503" in only(told)["responses"]) == (
        {"title": "Shop", "version": "2"},
        True,
    )
    assert "503" not in only(json.loads(run("shop:dispatcher").stdout))["responses"]
    done = run("shop:nothing")
    assert (done.returncode, "nothing" in done.stderr) == (2, True)


def test_what_is_described_is_what_is_answered(cp_client):
    told = openapi.describe(applications.mount("notes"), title="n", version="1")
    made = cp_client.post("/notes", json={"text": "a"})
    assert str(made.status_code) in told["paths"]["/notes"]["post"]["responses"]
    refused = cp_client.post("/notes", json={"text": ""})
    problem = told["components"]["schemas"]["Problem"]
    assert set(problem["required"]) <= set(refused.json()) <= set(problem["properties"])
    cpkit.tools.params  # noqa: B018
