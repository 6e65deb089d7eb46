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


def test_the_host_is_the_one_that_the_proxy_tool_has_found(cp_client):
    mount(**{"tools.proxy.on": True})
    fields = {"Host": "127.0.0.1:8080", "X-Forwarded-Host": "shop.example", "Origin": HERE}
    assert cp_client.post("/buy", headers=fields).status_code == 200
    fields["Origin"] = "http://127.0.0.1:8080"
    assert cp_client.post("/buy", headers=fields).status_code == 403


def test_a_section_can_be_exempt(cp_client):
    shop = Shop()
    cherrypy.tree.mount(shop, "", {"/": {"cpkit.csrf.on": True}, "/buy": {"cpkit.csrf.on": False}})
    assert cp_client.post("/buy", headers={"Origin": "https://evil.example"}).status_code == 200


def test_no_body_is_read_of_what_is_refused(cp_client):
    mount()
    answer = cp_client.post("/buy", data={"a": "b"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("trusted", [["*"], "*", ["pay.example"], 7])
def test_a_list_that_would_trust_everybody_is_refused(trusted):
    with pytest.raises(CpkitError):
        cpkit.tools.csrf(trusted=trusted)
