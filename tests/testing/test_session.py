"""The session of the client, wherever the application keeps it."""

from typing import ClassVar

import cherrypy
import pytest
from cherrypy.lib.sessions import FileSession, RamSession

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher
from cpkit.errors import NoSessionError
from cpkit.sessions import DatabaseSession


class OwnSession(RamSession):
    """A storage of a project's own, with data and locks apart from CherryPy's."""

    cache: ClassVar = {}
    locks: ClassVar = {}


class Shop:
    @cherrypy.expose
    def index(self):
        return cherrypy.session.get("user", "nobody")

    @cherrypy.expose
    def log_in(self, user):
        cherrypy.session.regenerate()
        cherrypy.session["user"] = user

    @cherrypy.expose
    def log_out(self):
        cherrypy.lib.sessions.expire()


@pytest.fixture(params=["ram", "file", "database", "own", "old name of file"])
def storage(request, tmp_path):
    match request.param:
        case "file":
            return {"storage_class": FileSession, "storage_path": str(tmp_path)}
        case "old name of file":
            return {"storage_type": "file", "storage_path": str(tmp_path)}
        case "database":
            request.getfixturevalue("cp_db")
            return {"storage_class": DatabaseSession}
        case "own":
            return {"storage_class": OwnSession}
    return {}


@pytest.fixture(params=["implicit", "early", "explicit"])
def locking(request):
    return {"locking": request.param}


@pytest.fixture(params=["session_id", "shop_sid"])
def cookie(request):
    return {"name": request.param}


def mount(**settings):
    config = {f"tools.sessions.{key}": value for key, value in settings.items()}
    cherrypy.tree.mount(Shop(), "", {"/": {"tools.sessions.on": True, **config}})


def test_a_visitor_is_logged_in_by_one_line(cp_client, cp_session, storage, cookie):
    mount(**storage, **cookie)
    cp_session["user"] = "zoe"
    assert cp_client.get("/").text == "zoe"
    assert cookie["name"] in cp_client.cookies


def test_what_the_application_stored_is_read(cp_client, cp_session, storage, cookie):
    mount(**storage, **cookie)
    cp_client.post("/log_in", data={"user": "zoe"})
    assert dict(cp_session) == {"user": "zoe"}
    cp_client.get("/log_out")
    assert dict(cp_session) == {}
    assert cp_client.get("/").text == "nobody"


def test_however_the_application_locks(cp_client, cp_session, locking, storage):
    mount(**storage, **locking)
    cp_session.update(user="zoe", roles=["editor"])
    cp_session["user"] = "ada"
    assert dict(cp_session) == {"user": "ada", "roles": ["editor"]}
    del cp_session["roles"]
    with pytest.raises(KeyError):
        del cp_session["roles"]
    cp_session.clear()
    assert (len(cp_session), cp_session.get("user")) == (0, None)


def test_looking_makes_no_session(cp_client, cp_session, storage):
    mount(**storage)
    assert (dict(cp_session), dict(cp_client.cookies)) == ({}, {})
    cp_client.cookies["session_id"] = "made-up"
    assert dict(cp_session) == {}
    assert dict(cp_client.cookies) == {"session_id": "made-up"}


@pytest.mark.cherrypy(root=Shop)
def test_an_application_without_sessions_says_so(cp_session):
    for use in (lambda: dict(cp_session), lambda: cp_session.update(a=1)):
        with pytest.raises(NoSessionError, match=r"has no session\. Set tools\.sessions\.on, or"):
            use()


def test_of_several_sessions_one_is_named(cp_client, cp_session):
    mount(name="shop_sid")
    admin = {"/": {"tools.sessions.on": True, "tools.sessions.name": "admin_sid"}}
    cherrypy.tree.mount(Shop(), "/admin", admin)
    with pytest.raises(
        NoSessionError, match=r"several: admin_sid, shop_sid\. Set cp_session\.name"
    ):
        cp_session["user"] = "zoe"
    cp_session.name = "admin_sid"
    cp_session["user"] = "root"
    assert [cp_client.get(path).text for path in ("/", "/admin/")] == ["nobody", "root"]
    cp_session.name = "other"
    with pytest.raises(NoSessionError, match="has no session other"):
        dict(cp_session)


def test_a_session_below_a_path_keeps_its_cookie_there(cp_client, cp_session):
    cherrypy.tree.mount(Shop(), "/admin", {"/": {"tools.sessions.path": "/admin"}})
    cherrypy.config.update({"tools.sessions.on": True})
    cp_session["user"] = "zoe"
    assert (cp_client.get("/admin/").text, dict(cp_session)) == ("zoe", {"user": "zoe"})


def test_settings_that_no_config_has_can_be_given(cp_client, cp_session):
    class Late:
        @cherrypy.expose
        def index(self):
            cherrypy.lib.sessions.init(name="late", storage_class=OwnSession)
            return cherrypy.session.get("user", "nobody")

    cherrypy.tree.mount(Late())
    cp_session.settings = {"name": "late", "storage_class": OwnSession}
    cp_session["user"] = "zoe"
    assert cp_client.get("/").text == "zoe"


def test_a_cookie_for_https_asks_for_a_client_that_speaks_it(cp_client, cp_session):
    mount(secure=True)
    with pytest.raises(NoSessionError, match=r"http://127\.0\.0\.1 is not sent the cookie"):
        cp_session["user"] = "zoe"
    cp_client.base_url = "https://127.0.0.1"
    cp_session["user"] = "zoe"
    assert cp_client.get("/").text == "zoe"


class Refusing:
    """What is on for every page, and would refuse the visitor."""

    @staticmethod
    def refuse():
        raise cherrypy.HTTPRedirect("/log_in")


def test_other_tools_have_no_part_in_it(cp_client, cp_session):
    cherrypy.tools.refusing = cherrypy.Tool("before_handler", Refusing.refuse)
    cherrypy.config.update({"tools.refusing.on": True})
    mount()
    cp_session["user"] = "zoe"
    assert dict(cp_session) == {"user": "zoe"}
    assert cp_client.get("/").status_code == 303


def test_a_decorated_page_is_enough(cp_client, cp_session):
    class Page:
        @cherrypy.expose
        @cherrypy.tools.sessions(name="deep")
        def below(self):
            return cherrypy.session["user"]

    class Root:
        page = Page()

    cherrypy.tree.mount(Root())
    cp_session["user"] = "zoe"
    assert cp_client.get("/page/below").text == "zoe"


def test_the_config_of_a_route_is_enough(cp_client, cp_session):
    routes = RoutesDispatcher()
    config = {"tools.sessions.on": True, "tools.sessions.name": "routed"}
    routes.connect("shop", "/shop", controller=Shop(), action="index", config=config)
    cherrypy.tree.mount(None, "", {"/": {"request.dispatch": routes}})
    cp_session["user"] = "zoe"
    assert cp_client.get("/shop").text == "zoe"


def test_a_session_that_cannot_be_had_says_so(cp_client, cp_session, tmp_path):
    assert cpkit.tools
    mount(storage_class=DatabaseSession)
    with pytest.raises(Exception, match=r"engine\.db is not running"):
        cp_session["user"] = "zoe"


def test_the_access_log_has_the_requests_of_the_test_alone(cp_client, cp_session, caplog):
    mount()
    cp_session["user"] = "zoe"
    assert cp_client.get("/").text == cp_session["user"]
    accesses = [each for each in caplog.records if each.name.startswith("cherrypy.access")]
    assert len(accesses) == 1
