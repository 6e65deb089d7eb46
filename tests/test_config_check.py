"""Wrong settings in the config of applications end the start, before anything is served."""

import pickle
import subprocess
import sys

import cherrypy
import pytest

import cpkit.tools
from cpkit import config_check as _start
from cpkit.config_check import faults
from cpkit.dispatchers import RoutesDispatcher
from cpkit.plugins import ConfigCheck, DatabasePlugin, TimingPlugin
from cpkit.tools import AcceptTool, DatabaseTool


class Page:
    @cherrypy.expose
    def index(self):
        return ""


def told(config=None, root=None):
    """Return what is wrong with an application at /shop."""
    cherrypy.tree.mount(root or Page(), "/shop", config or {})
    return [str(fault) for fault in faults()]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"cpkit.accept.medai": "text/html"}, "The tool accept has no setting medai; it has media"),
        ({"cpkit.accept.media": ["text"]}, "The offer 'text' is not a media type"),
        ({"cpkit.accept": True}, "it names a tool and no setting: write cpkit.accept.on."),
        ({"cpkit.acept.on": True}, "There is no tool cpkit.acept; there is accept, "),
        (
            {"cpkit.db.hanlde": "session"},
            "The tool db has no setting hanlde; it has plugin, ",
        ),
        ({"cpkit.db.handle": "orm"}, "take one of connection, session, dbapi."),
        ({"cpkit.timing.x": 1}, "The tool timing has no setting x; it has header, slow."),
        ({"cpkit.timing.slow": "1"}, "set it to a number of seconds, or None."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_key_that_cannot_be_used_is_named_with_its_section(section, said):
    (fault,) = told({"/": {}, "/books": section})
    key = next(iter(section))
    assert fault.startswith(f"{key} in [/books] of /shop cannot be used: ")
    assert said in fault


def test_what_can_be_used_and_what_is_not_ours_is_passed():
    cherrypy.tree.graft(lambda environ, start_response: [], "/wsgi")
    section = {"cpkit.accept.media": "text/html", "cpkit.accept.on": True, "tools.nosuch.on": True}
    data = {"cpkit.nosuch.on": True}
    assert told({"/": {**section, "plain": 1, "none.such": 1}, "data": data}) == []


def test_the_global_config_is_looked_at_too():
    cherrypy.config.update({"cpkit.timing.haeder": True})
    (fault,) = told()
    assert fault.startswith("cpkit.timing.haeder in the global config cannot be used: ")


def test_what_the_global_config_switches_on_is_checked_whole_for_each_application():
    cherrypy.config.update({"cpkit.db.on": True})
    (fault,) = told()
    assert fault.startswith("cpkit.db.on in the global config of /shop cannot be used: ")
    assert "cherrypy.engine.db is not running" in fault


def test_what_an_application_switches_off_again_is_not_checked_whole():
    cherrypy.config.update({"cpkit.db.on": True})
    assert told({"/": {"cpkit.db.on": False}}) == []


def test_what_the_pages_say_of_a_tool_that_is_on_for_all_counts():
    class Offering:
        @cherrypy.expose
        @cpkit.tools.accept(media="text/html")
        def index(self):
            return ""

    cherrypy.config.update({"cpkit.accept.on": True})
    assert told(root=Offering()) == []
    cherrypy.tree.apps.clear()
    (fault,) = told()
    assert "cpkit.accept.on in the global config" in fault


def test_a_tool_of_ours_in_another_toolbox_is_checked(cp_isolation):
    cherrypy.tools.accept = AcceptTool()
    (fault,) = told({"/": {"tools.accept.medai": "text/html"}})
    assert fault.startswith("tools.accept.medai in [/] of /shop cannot be used: The tool accept")


def test_without_the_import_of_the_tools_it_is_asked_for(cp_isolation):
    del cherrypy.Application.toolboxes["cpkit"]
    try:
        (fault,) = told({"/": {"cpkit.timing.on": True}})
    finally:
        cherrypy.Application.toolboxes["cpkit"] = cpkit.tools.toolbox
    assert fault.endswith("there are no tools of cpkit's: import cpkit.tools.")


# ------------------------------ the database that a tool names ------------------------------


def test_a_database_tool_without_its_plugin_is_a_fault(cp_engine):
    (fault,) = told({"/": {"cpkit.db.on": True}})
    assert "The database plugin cherrypy.engine.db is not running" in fault
    assert "set engine.db.on" in fault


def test_a_plugin_that_is_there_but_not_on_is_a_fault(cp_engine, tmp_path):
    cp_engine.db = DatabasePlugin(cp_engine, "sqlite://")
    config = {"/": {"cpkit.db.on": True}}
    assert len(told(config)) == 1
    cp_engine.db.subscribe()
    assert told(config) == []
    cp_engine.db.unsubscribe()
    cp_engine.db.start()
    assert told(config) == []
    cp_engine.db.stop()


def test_the_plugin_that_a_deeper_section_names_must_be_there(start_database):
    start_database()
    config = {"/": {"cpkit.db.on": True}, "/a/b": {"cpkit.db.plugin": "reports"}}
    (fault,) = told(config)
    assert fault.startswith("cpkit.db.plugin in [/a/b] of /shop cannot be used: ")
    assert "cherrypy.engine.reports is not running" in fault
    config["/a"] = {"cpkit.db.on": False}
    assert told(config) == []


def test_a_tool_of_a_further_database_asks_for_its_own_plugin(start_database):
    start_database()
    cpkit.tools.toolbox.reports = DatabaseTool(plugin="reports")
    try:
        (fault,) = told({"/": {"cpkit.reports.on": True}})
        assert "cherrypy.engine.reports is not running" in fault
    finally:
        del cpkit.tools.toolbox.reports


# ------------------------------ accept without media ------------------------------

NOTHING = (
    "the tool is on, so media has to be a media type, or a list or a mapping of some. It is None."
)


def page_with(**config):
    """Return a root with one page, which has this config."""

    class Root:
        @cherrypy.expose
        def page(self):
            return {}

    Root.page._cp_config = {f"cpkit.accept.{name}": value for name, value in config.items()}
    return Root()


def test_accept_without_media_is_a_fault_in_a_section():
    (fault,) = told({"/": {"cpkit.accept.on": True}})
    assert fault == f"cpkit.accept.on in [/] of /shop cannot be used: {NOTHING}"


def test_accept_without_media_is_a_fault_at_a_page():
    (fault,) = told(root=page_with(on=True))
    assert fault.endswith(f"page_with.<locals>.Root.page of /shop cannot be used: {NOTHING}")


def test_accept_without_media_is_a_fault_in_a_class():
    @cherrypy.config(**{"cpkit.accept.on": True})
    class Root(Page):
        pass

    (fault,) = told(root=Root())
    assert NOTHING in fault


@pytest.mark.parametrize("setting", [{"media": "text/html"}, {"languages": ["en"]}])
def test_a_page_may_have_what_its_section_lacks(setting):
    on = {"/": {"cpkit.accept.on": True}}
    assert told(on, root=page_with(**setting)) == []


def test_a_page_may_have_what_its_class_lacks():
    @cherrypy.config(**{"cpkit.accept.on": True})
    class Root:
        @cherrypy.expose
        @cherrypy.config(**{"cpkit.accept.media": "text/html"})
        def page(self):
            return ""

    assert told(root=Root()) == []


def test_a_section_above_or_a_class_may_have_what_a_page_lacks():
    media = {"/": {"cpkit.accept.media": "text/html"}}
    assert told(media, root=page_with(on=True)) == []

    @cherrypy.config(**{"cpkit.accept.media": "text/html"})
    class Root:
        page = page_with(on=True).page

    assert told(root=Root()) == []


def test_a_tool_that_is_off_may_lack_what_it_needs():
    assert told({"/": {"cpkit.accept.on": False}}, root=page_with(on=False)) == []


# ------------------------------ _cp_config ------------------------------


@cherrypy.config(**{"cpkit.accept.medai": "text/html"})
class Books:
    @cherrypy.expose
    @cherrypy.config(**{"cpkit.timing.slwo": 1})
    def index(self):
        raise AssertionError("is not run")

    @property
    def title(self):
        raise AssertionError("is not run")

    def __getattr__(self, name):
        raise AssertionError(f"{name} is not asked for")


def test_the_config_of_pages_is_looked_at_and_nothing_of_theirs_is_run():
    root = Page()
    root.books = root.again = Books()
    root.books.__dict__["up"] = root
    assert [fault.partition(" cannot")[0] for fault in told(root=root)] == [
        "cpkit.accept.medai in Books of /shop",
        "cpkit.timing.slwo in Books.index of /shop",
    ]


def test_pages_that_a_dispatcher_leads_to_are_looked_at():
    dispatcher = RoutesDispatcher()
    dispatcher.connect("books", "/books", Books, action="index")
    found = told({"/": {"request.dispatch": dispatcher}})
    assert [fault.partition(" in ")[0] for fault in found] == [
        "cpkit.accept.medai",
        "cpkit.timing.slwo",
    ]


def test_a_decorated_page_needs_its_database(cp_engine):
    class Root(Page):
        @cherrypy.expose
        @cpkit.tools.db()
        def save(self):
            return ""

    (fault,) = told(root=Root())
    assert fault.startswith("cpkit.db.on in ")
    assert "cherrypy.engine.db is not running" in fault


# ------------------------------ who looks ------------------------------


def database(engine):
    engine.db = DatabasePlugin(engine, "sqlite://")
    engine.db.subscribe()


LOOKERS = {
    "the check alone": lambda engine: ConfigCheck(engine).subscribe(),
    "a database": database,
    "timing": lambda engine: TimingPlugin(engine).subscribe(),
    "a dispatcher": lambda engine: setattr(engine, "kept", RoutesDispatcher()),
}


@pytest.mark.parametrize("looker", LOOKERS)
def test_each_piece_that_hears_the_start_looks_once_and_ends_it(cp_engine, caplog, looker):
    LOOKERS[looker](cp_engine)
    cherrypy.tree.mount(Page(), "/", {"/": {"cpkit.accept.medai": "text/html"}})
    with pytest.raises(SystemExit) as ended:
        cp_engine.publish("start")
    assert ended.value.code == 1
    said = [r.getMessage() for r in caplog.records if "Nothing is served" in r.getMessage()]
    assert len(said) == 1
    assert "Nothing is served, since cpkit.accept.medai in [/] of / cannot be used: The" in said[0]


def test_pieces_that_start_together_look_once(cp_engine, monkeypatch):
    looked = []
    monkeypatch.setattr(_start, "check_tools", looked.append)
    for look in LOOKERS.values():
        look(cp_engine)
    cp_engine.publish("start")
    assert looked == [cp_engine]


APP = """
import cherrypy, cpkit.tools
from cpkit.plugins import ConfigCheck
ConfigCheck(cherrypy.engine).subscribe()
cherrypy.config.update({"engine.autoreload.on": False, "server.socket_port": 0,
    "server.socket_host": "127.0.0.1"})
cherrypy.quickstart(None, "", {"/": {"cpkit.timing.slow": "x"}})
"""


def test_the_process_ends_without_a_traceback():
    done = subprocess.run([sys.executable, "-c", APP], capture_output=True, text=True, timeout=300)
    assert done.returncode not in (0, None)
    assert "Nothing is served, since cpkit.timing.slow in [/] of / cannot be used" in done.stderr
    assert "Serving on" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_can_be_sent_to_another_process():
    cherrypy.tree.mount(Page(), "/", {"/": {"cpkit.timing.x": 1}})
    (fault,) = faults()
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)


PROGRAM = """if True:
    import sys, cherrypy, cpkit.tools
    from cpkit.plugins import ConfigCheck
    ConfigCheck(cherrypy.engine).subscribe()
    cherrypy.config.update({"server.socket_port": 0, **eval(sys.argv[1])})
    config = {"/": {"cpkit.timing.on": True, "cpkit.timing.slo": 1}}
    cherrypy.quickstart(type("Root", (), {})(), "/", config)
"""


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"environment": "production"},
        {"environment": "embedded"},
        {"environment": "production", "log.error_file": "error.log"},
        {"environment": "production", "log.screen": True},
    ],
)
def test_a_refused_start_says_why_on_stderr_once_and_last(config, tmp_path):
    command = [sys.executable, "-c", PROGRAM, repr(config)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.returncode == 1
    assert done.stderr.count("Nothing is served, since cpkit.timing.slo") == 1
    assert "Nothing is served" in done.stderr.splitlines()[-1]
