"""The csrf tool: other sites' pages change nothing, everybody else is served."""

import cherrypy
import pytest

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import CpkitError

HERE = "https://shop.example"


class Shop:
    def __init__(self):
        self.bought = 0

    @cherrypy.expose
    def buy(self, **kwargs):
        self.bought += 1
        return "bought"


def mount(dispatcher=None, **config):
    shop = Shop()
    config = {"cpkit.csrf.on": True, **config}
    if dispatcher is not None:
        dispatcher.connect("buy", "/buy", shop, action="buy")
        config["request.dispatch"] = dispatcher
    cherrypy.tree.mount(shop if dispatcher is None else None, "", {"/": config})
    return shop


@pytest.mark.parametrize("dispatcher", [None, RoutesDispatcher], ids=["default", "routes"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": HERE}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://blog.shop.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": HERE}, 200),
        ({"Origin": "https://pay.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://pay.example"}, 200),
        ({}, 200),
    ],
)
def test_what_another_site_sends_changes_nothing(cp_client, dispatcher, method, fields, status):
    shop = mount(dispatcher and dispatcher(), **{"cpkit.csrf.trusted": ["https://pay.example"]})
    headers = {"Host": "shop.example", **fields}
    assert cp_client.request(method, "/buy", headers=headers).status_code == status
    assert shop.bought == (status == 200)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_pass(cp_client, method):
    mount()
    fields = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert cp_client.request(method, "/buy", headers=fields).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": HERE}, 200),
        ({}, 200),
    ],
)
@pytest.mark.parametrize("upgrade", ["websocket", "h2c, WebSocket"])
def test_a_page_of_another_site_opens_no_web_socket(cp_client, upgrade, fields, status):
    mount()
    headers = {"Host": "shop.example", "Upgrade": upgrade, "Connection": "Upgrade", **fields}
    assert cp_client.get("/buy", headers=headers).status_code == status


def test_the_host_is_the_one_that_the_proxy_tool_has_found(cp_client):
    mount(**{"tools.proxy.on": True})
    fields = {"Host": "127.0.0.1:8080", "X-Forwarded-Host": "shop.example", "Origin": HERE}
    assert cp_client.post("/buy", headers=fields).status_code == 200
    fields["Origin"] = "http://127.0.0.1:8080"
    assert cp_client.post("/buy", headers=fields).status_code == 403


@pytest.mark.parametrize(
    ("settings", "origin", "status"),
    [
        ({"base": "https://shop.example/app", "local": ""}, HERE, 200),
        ({"base": "https://shop.example/app", "local": ""}, "https://evil.example", 403),
        ({"base": "shop.example:8443"}, "https://shop.example:8443", 200),
        ({"base": "shop.example:8443"}, HERE, 403),
        # CherryPy's manual has it so for Squid, which passes Host on.
        ({"local": "Origin"}, "https://evil.example", 403),
        ({"local": "origin"}, "https://evil.example", 403),
        ({"local": "Origin"}, "http://127.0.0.1:8080", 200),
    ],
)
def test_the_host_is_known_whatever_the_proxy_tool_is_told(cp_client, settings, origin, status):
    shop = mount(**{f"tools.proxy.{name}": it for name, it in {"on": True, **settings}.items()})
    answer = cp_client.post("/buy", headers={"Host": "127.0.0.1:8080", "Origin": origin})
    assert answer.status_code == status
    assert shop.bought == (status == 200)


@pytest.mark.parametrize("method", ["PROPFIND", "MKCOL", "LOCK", "QUERY", "get", "M17"])
def test_a_method_that_nobody_says_is_safe_is_looked_at(cp_client, method):
    shop = mount()
    answer = cp_client.request(method, "/buy", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, shop.bought) == (403, 0)


def test_no_field_makes_another_method_of_a_request(cp_client):
    shop = mount()
    fields = {"Origin": "https://evil.example", "X-HTTP-Method-Override": "GET"}
    assert cp_client.post("/buy", headers=fields).status_code == 403
    assert cp_client.post("/buy?_method=GET", headers=fields).status_code == 403
    assert shop.bought == 0


def test_what_is_refused_begins_no_session_and_is_told_as_a_problem(cp_client):
    mount(
        **{
            "tools.sessions.on": True,
            "cpkit.accept.on": True,
            "cpkit.accept.media": ["text/html", "application/json"],
            "cpkit.accept.errors": True,
        }
    )
    fields = {"Origin": "https://evil.example", "Accept": "application/json"}
    answer = cp_client.post("/buy", headers=fields)
    assert answer.json()["status"] == 403
    assert "Set-Cookie" not in answer.headers


def test_a_section_can_be_exempt(cp_client):
    shop = Shop()
    cherrypy.tree.mount(shop, "", {"/": {"cpkit.csrf.on": True}, "/buy": {"cpkit.csrf.on": False}})
    assert cp_client.post("/buy", headers={"Origin": "https://evil.example"}).status_code == 200


def test_no_body_is_read_of_what_is_refused(cp_client):
    mount(**{"hooks.on_end_request": lambda: read.append(cherrypy.request.body.fp.read())})
    read = []
    answer = cp_client.post("/buy", data={"a": "b"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert read == [b"a=b"]


@pytest.mark.parametrize("trusted", [["*"], "*", ["null"], "null", ["pay.example"], 7])
def test_a_list_that_would_trust_everybody_is_refused(trusted):
    with pytest.raises(CpkitError):
        cpkit.tools.csrf(trusted=trusted)
