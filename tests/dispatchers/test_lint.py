"""What is told when the engine starts: routes that can't do what they were written for."""

import gc

import cherrypy
import pytest

from cpkit.config_check import check_at_start
from cpkit.dispatchers import RoutesDispatcher
from cpkit.dispatchers import start_check as _lint


class Page:
    def unexposed(self): ...

    @cherrypy.expose
    def exposed(self): ...


class Bare:
    def unexposed(self): ...


@pytest.fixture
def dispatcher():
    return RoutesDispatcher()


def test_a_table_without_faults_says_nothing(dispatcher):
    dispatcher.connect("a", "/a", print)
    dispatcher.connect("act", "/act/{action}", Page())
    dispatcher.mapper.redirect("/old", "/new")
    dispatcher.mapper.connect("/any/{controller}/{action}")
    dispatcher.mapper.connect("/late", controller="late", action="exposed")
    dispatcher.controllers["late"] = Page()
    dispatcher.mapper.connect("/named", controller="named", action="exposed")
    dispatcher.controllers["named"] = "no_such_module:yet"
    assert list(_lint.faults(dispatcher)) == []


def test_a_shadowed_route_is_named_with_what_shadows_it(dispatcher):
    dispatcher.connect("any", "/{x}", print)
    dispatcher.connect("a", "/a", print)
    (fault,) = _lint.faults(dispatcher)
    assert "'/a' can never match: '/{x}'" in fault


def test_an_unknown_controller_is_named(dispatcher):
    dispatcher.mapper.connect("/x", controller="nobody", action="show")
    (fault,) = _lint.faults(dispatcher)
    assert "no controller is called 'nobody'" in fault


def test_an_action_that_is_not_there_is_named(dispatcher):
    dispatcher.connect("x", "/x", Page(), action="exposd")
    dispatcher.connect("y", "/y", Page(), action="unexposed")
    dispatcher.resource("page", "pages", Page())
    (fault,) = _lint.faults(dispatcher)
    assert "Route '/x' answers 404" in fault
    assert "has no method 'exposd'" in fault


def test_a_controller_that_exposes_nothing_to_its_url_is_named(dispatcher):
    dispatcher.connect("act", "/act/{action}", Bare)
    (fault,) = _lint.faults(dispatcher)
    assert "no method of" in fault
    assert "@cherrypy.expose" in fault


def test_the_engine_logs_the_faults_when_it_starts(cp_engine, dispatcher, caplog):
    dispatcher.mapper.connect("/x", controller="nobody", action="show")
    cp_engine.start()
    assert "no controller is called 'nobody'" in caplog.text


def test_a_dispatcher_that_is_gone_is_forgotten():
    check_at_start(cherrypy.engine)
    before = len(cherrypy.engine.listeners["start"])
    made = RoutesDispatcher(register=False)
    assert len(cherrypy.engine.listeners["start"]) == before + 1
    del made
    gc.collect()
    assert len(cherrypy.engine.listeners["start"]) == before
