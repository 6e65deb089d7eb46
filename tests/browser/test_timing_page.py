"""The timing page as a reader has it: on a phone, by keyboard, by night."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.plugins import TimingPage, TimingPlugin
from cpkit.testing import Client

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
ROUTE = "/a/long/way/{through}/many/{parts}/of/a/path"


class Templated(cherrypy.dispatch.Dispatcher):
    def __call__(self, path_info):
        super().__call__(path_info)
        cherrypy.serving.request.route = ROUTE


class Root:
    @cherrypy.expose
    def index(self):
        for name in ("db", "a search in an index whose name is long"):
            cherrypy.request.timing.add(name, 2_000_000)
        return "ok"


@pytest.fixture
def opened(chromium, cp_server):
    """Return a function that opens the page in a window, after some *requests*."""
    contexts = []
    TimingPlugin(cherrypy.engine).subscribe()
    config = {"request.dispatch": Templated(), "cpkit.timing.on": True}
    cherrypy.tree.mount(Root(), "/timed", {"/": config})
    cherrypy.tree.mount(TimingPage(), "/timing")

    def open_(requests=3, viewport=PHONE, **options):
        contexts.append(chromium.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        for _ in range(requests):
            Client().get("/timed/")  # which is counted by then: a browser is answered before
        page.goto(f"{cp_server.url}/timing/")
        return page

    yield open_
    for context in contexts:
        context.close()


WIDTH = "document.documentElement.scrollWidth"
SMALL = """[...document.querySelectorAll('main *')]
    .filter(each => each.firstChild?.nodeType === 3 && each.checkVisibility())
    .map(each => each.tagName + ' ' + parseFloat(getComputedStyle(each).fontSize))
    .filter(told => parseFloat(told.split(' ')[1]) < 12)"""


@pytest.mark.parametrize("width", [320, 390, 700, 1280])
def test_the_page_is_no_wider_than_its_window_and_its_text_no_smaller_than_12_px(opened, width):
    page = opened(viewport={"width": width, "height": 844})
    assert page.evaluate(WIDTH) <= width
    assert page.evaluate(SMALL) == []


def test_the_bars_of_a_waterfall_fill_the_width_of_a_phone(opened):
    page = opened()
    bars = page.locator("details[open] .waterfall svg").all()
    assert len(bars) >= 6
    for bar in bars:
        assert bar.bounding_box()["width"] > 300


def test_every_waterfall_is_opened_by_keyboard(opened):
    page = opened(viewport=DESK)
    shut = page.locator("details:not([open])")
    before = shut.count()
    assert before
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert shut.count() == before - 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_readers_scheme(opened, scheme):
    page = opened(color_scheme=scheme)
    ground, ink = page.evaluate(
        "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    dark = int(ground.removeprefix("rgb(").split(",")[0]) < 128
    assert dark == (scheme == "dark")
    assert ground != ink


def test_an_empty_page_says_what_to_do(opened):
    page = opened(requests=0)
    told = page.locator("main").inner_text()
    assert "set cpkit.timing.on = True" in told
    assert "ms" not in told.split()
