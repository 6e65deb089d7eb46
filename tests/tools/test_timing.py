"""The timing tool bills the right phase, and never changes what is answered."""

import contextlib
import copy
import io
import logging
from types import SimpleNamespace

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers the toolbox
from cpkit.testing import Client
from cpkit.timing import hooks, phases, server_timing
from cpkit.timing.phases import RequestTiming

ON = {"cpkit.timing.on": True}


class Clock:
    """A clock that stands still but for naps, which it is put on by."""

    NAP = 2**-8  # seconds, of which no fraction is lost in a float's
    NANOSECONDS = 3_906_250

    def __init__(self):
        self.naps = 0

    def perf_counter_ns(self):
        return 10**12 + self.naps * self.NANOSECONDS

    def time(self):
        return 1_800_000_000 + self.naps * self.NAP


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Put the clock in the place of those that the timing tool and CherryPy read."""
    clock = Naps.clock = Clock()
    for module in (hooks, phases, server_timing):
        monkeypatch.setattr(module, "perf_counter_ns", clock.perf_counter_ns)
    monkeypatch.setattr(hooks, "time", clock.time)
    monkeypatch.setattr(cherrypy._cprequest, "time", SimpleNamespace(time=clock.time))
    return clock


class Naps:
    """Let the clock go on a known time."""

    clock: Clock

    def __init__(self):
        self.taken = 0

    def __call__(self, *args, **kwargs):
        self.clock.naps += 1
        self.taken += self.clock.NANOSECONDS


class SlowBody(io.BytesIO):
    """A request body whose client takes its time."""

    nap: Naps

    def read(self, size=-1):
        self.nap()
        return super().read(size)


class Page:
    """Pages whose handlers do nothing, or nap while they answer."""

    nap: Naps

    @cherrypy.expose
    def index(self, **params):
        return "ok"

    @cherrypy.expose
    def napping(self):
        self.nap()
        return "ok"

    @cherrypy.expose
    def chunks(self):
        yield "a"
        self.nap()
        yield "b"

    @cherrypy.expose
    def in_a_span(self):
        with cherrypy.request.timing.span("search"):
            self.nap()
        return "ok"

    @cherrypy.expose
    def broken(self):
        raise ZeroDivisionError

    @cherrypy.expose
    def absent(self):
        raise cherrypy.NotFound

    @cherrypy.expose
    def elsewhere(self):
        self.nap()
        raise cherrypy.InternalRedirect("/")


class Unnapping(cherrypy.dispatch.Dispatcher):
    """CherryPy's dispatcher, after a nap; stamped as cpkit's RoutesDispatcher does."""

    def __init__(self, nap, stamped):
        super().__init__()
        self.nap, self.stamped = nap, stamped

    def __call__(self, path_info):
        if self.stamped:
            cherrypy.serving.request.dispatch_started = Naps.clock.perf_counter_ns()
        self.nap()
        return super().__call__(path_info)


def hook(point, priority):
    """Return config that naps in a hook of *point*, before or after every other tool."""

    def config(nap):
        return {f"hooks.{point}": cherrypy._cprequest.Hook(nap, priority=priority)}

    return config


def config(**settings):
    """Return a function of the nap that makes config; values that are types are called with it."""
    return lambda nap: {
        key.replace("__", "."): value(nap) if isinstance(value, type(lambda: 0)) else value
        for key, value in settings.items()
    }


@contextlib.contextmanager
def slow_access_log(nap):
    class Handler(logging.Handler):
        def emit(self, record):
            nap()

    handler, log = Handler(), next(iter(cherrypy.tree.apps.values())).log.access_log
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@contextlib.contextmanager
def slow_bus(nap):
    cherrypy.engine.subscribe("before_request", nap, priority=99)
    yield
    cherrypy.engine.unsubscribe("before_request", nap)


def error_page(nap):
    def page(**kwargs):
        nap()
        return "sorry"

    return page


NO_ENCODE = {"tools__encode__on": False, "response__headers__Content-Type": "text/plain"}

# name: (phase, path, config from the nap, context that naps)
PLACES = {
    "bus": ("start", "/", config(request__dispatch=lambda n: Unnapping(lambda: 0, True)), slow_bus),
    "bus, dispatch not stamped": ("dispatch", "/", config(), slow_bus),
    "dispatch": ("dispatch", "/", config(request__dispatch=lambda n: Unnapping(n, True)), None),
    "dispatch, not stamped": (
        "dispatch",
        "/",
        config(request__dispatch=lambda n: Unnapping(n, False)),
        None,
    ),
    **{
        f"{point} at {priority}": ("tools", "/", hook(point, priority), None)
        for point in (
            "on_start_resource",
            "before_request_body",
            "before_handler",
            "before_finalize",
            "on_end_resource",
        )
        for priority in (-5000, 5000)
    },
    "hook before an error page": ("tools", "/broken", hook("before_error_response", 50), None),
    "hook after an error page": ("tools", "/broken", hook("after_error_response", 50), None),
    "request body": ("body", "/", config(), None),
    "handler": ("handler", "/napping", config(), None),
    "generator, encoded": ("handler", "/chunks", config(), None),
    "generator, collapsed": ("finalize", "/chunks", config(tools__encode__on=False), None),
    "generator, streamed": ("stream", "/chunks", config(response__stream=True), None),
    "error page of a 404": ("handler", "/absent", config(error_page__404=error_page), None),
    "error page of a 500": ("error", "/broken", config(error_page__500=error_page), None),
    "access log": ("log", "/", config(), slow_access_log),
    "internal redirect": ("redirect", "/elsewhere", config(), None),
}


def timed(place: str) -> tuple[RequestTiming, int]:
    """Send one request that naps in *place*; return its timing and the nap's own time."""
    _, path, settings, context = PLACES[place]
    nap, seen = Naps(), []
    Page.nap = nap
    SlowBody.nap = nap
    collapsing = settings(nap).get("tools.encode.on", True) is False
    root = BytesPage() if collapsing else Page()
    cherrypy.tree.mount(root, "", {"/": {**ON, **settings(nap)}})

    def keep():
        seen.append(getattr(cherrypy.serving.request, "timing", None))

    cherrypy.engine.subscribe("after_request", keep)
    client = Client(raise_exceptions=False)
    try:
        with context(nap) if context else contextlib.nullcontext():
            if place == "request body":
                body = SlowBody(b"a=1")
                client.post(path, data={"a": 1}, environ={"wsgi.input": body})
            else:
                client.get(path)
    finally:
        cherrypy.engine.unsubscribe("after_request", keep)
    return seen[-1], nap.taken


class BytesPage(Page):
    """Pages in bytes, for when the encode tool is off."""

    @cherrypy.expose
    def chunks(self):
        yield b"a"
        self.nap()
        yield b"b"


@pytest.mark.parametrize("place", PLACES)
def test_a_nap_is_billed_to_its_phase_and_to_no_other(cp_client, place):
    timing, taken = timed(place)
    assert taken
    assert {name: time for name, time in timing.durations().items() if time} == {
        PLACES[place][0]: taken
    }
    assert timing.nanoseconds == taken


def test_a_span_is_billed_beside_its_phase(cp_client):
    nap = Page.nap = Naps()
    kept = []

    class Spanning(Page):
        @cherrypy.expose
        def spanning(self):
            kept.append(cherrypy.request.timing)
            return self.in_a_span()

    cherrypy.tree.mount(Spanning(), "", {"/": ON})
    cp_client.get("/spanning")
    assert kept[0].spans["search"] == [nap.taken, 1]
    assert kept[0].durations()["handler"] == nap.taken


class OwnHooks(cherrypy._cprequest.HookMap):
    """A HookMap of the application's own, with a point of its own."""


class OwnRequest(cherrypy._cprequest.Request):
    hooks = OwnHooks([*cherrypy._cprequest.hookpoints, "mine"])


@pytest.mark.parametrize("own_map", [False, True], ids=["a point", "a point and a HookMap"])
def test_hook_points_of_ones_own_run_and_belong_to_their_phase(cp_client, own_map):
    ran = []

    class Root:
        @cherrypy.expose
        def index(self):
            cherrypy.request.hooks.setdefault("mine", [])
            cherrypy.request.hooks.attach("mine", lambda: ran.append("mine"))
            cherrypy.request.hooks.run("mine")
            ran.append(cherrypy.request.timing.marks[-2])
            return "ok"

    app = cherrypy.Application(Root(), "", {"/": ON})
    if own_map:
        app.request_class = OwnRequest
    cherrypy.tree.mount(app)
    assert cp_client.get("/").status_code == 200
    assert ran == ["mine", "handler"]


@pytest.mark.parametrize("timed", [False, True], ids=["without", "with"])
def test_after_a_hook_that_fails_only_the_failsafe_ones_run(cp_client, caplog, timed):
    cp_client.raise_exceptions = False
    ran = []

    def hook(name, priority, failsafe=False):
        def run():
            ran.append(name)
            assert name != "fails"

        return cherrypy._cprequest.Hook(run, failsafe=failsafe, priority=priority)

    hooks = [
        hook("late", 90, failsafe=True),
        hook("never", 70),
        hook("fails", 60),
        hook("first", 1),
    ]
    config = {f"hooks.before_handler.{number}": hook for number, hook in enumerate(hooks)}
    cherrypy.tree.mount(Page(), "", {"/": {**config, "cpkit.timing.on": timed}})
    assert cp_client.get("/").status_code == 500
    assert ran == ["first", "fails", "late"]
    logged = caplog.text.split("Traceback")[1:]  # by the hooks, then by the log_tracebacks tool
    assert [text.count('assert name != "fails"') for text in logged] == [1, 1]


def test_the_hooks_of_the_end_run_even_after_one_that_fails(cp_client):
    cp_client.raise_exceptions = False
    ran = []
    late = cherrypy._cprequest.Hook(lambda: ran.append(1), failsafe=True, priority=90)
    config = {"hooks.on_end_request": lambda: 1 / 0, "hooks.on_end_request.late": late, **ON}
    cherrypy.tree.mount(Page(), "", {"/": config})
    assert cp_client.get("/").status_code == 200
    assert ran == [1]


COPIES = {
    "copy()": lambda hooks: hooks.copy(),
    "copy.copy": copy.copy,
    "twice": lambda hooks: hooks.copy().copy(),
    "a plain map": lambda hooks: plain(hooks),
}


def plain(hooks):
    """Return the hooks in a map of CherryPy's own."""
    made = cherrypy._cprequest.HookMap()
    made.update(hooks)
    return made


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("point", ["on_start_resource", "before_handler", "before_finalize"])
def test_hooks_can_be_copied(cp_client, name, point):
    ran, seen = [], []

    def exchange():
        request = cherrypy.serving.request
        request.hooks = COPIES[name](request.hooks)
        request.hooks.attach("on_end_resource", lambda: ran.append("its own"))
        seen.append(request.timing)

    config = {f"hooks.{point}": exchange, "cpkit.timing.header": True, **ON}
    cherrypy.tree.mount(Page(), "", {"/": config})
    answer = cp_client.get("/")
    assert (answer.status_code, ran) == (200, ["its own"])
    if name != "a plain map":
        assert "Server-Timing" in answer.headers
        assert {"handler", "finalize", "log", "stream"} <= seen[0].phases.keys()
        assert seen[0].ended


def test_what_is_added_to_a_copy_is_not_added_to_the_hooks(cp_client):
    ran = []

    def exchange():
        cherrypy.request.hooks.copy().attach("before_handler", lambda: ran.append("the copy's"))

    cherrypy.tree.mount(Page(), "", {"/": {"hooks.on_start_resource": exchange, **ON}})
    cp_client.get("/")
    assert ran == []


def test_hooks_that_were_held_before_can_be_added_to(cp_client):
    ran, held = [], []

    class Holding(cherrypy.dispatch.Dispatcher):
        def __call__(self, path_info):
            held.append(cherrypy.serving.request.hooks)
            return super().__call__(path_info)

    def add():
        held[0].attach("before_finalize", lambda: ran.append("added"))

    config = {"request.dispatch": Holding(), "hooks.before_handler": add, **ON}
    cherrypy.tree.mount(Page(), "", {"/": config})
    cp_client.get("/")
    assert ran == ["added"]


def test_a_stamp_from_before_the_request_makes_no_phase_negative(cp_client):
    seen = []

    class Stamping(cherrypy.dispatch.Dispatcher):
        def __call__(self, path_info):
            cherrypy.serving.request.dispatch_started = 0
            return super().__call__(path_info)

    class Root:
        @cherrypy.expose
        def index(self):
            seen.append(cherrypy.request.timing)

    cherrypy.tree.mount(Root(), "", {"/": {"request.dispatch": Stamping(), **ON}})
    cp_client.get("/")
    assert min(seen[0].durations().values()) >= 0
