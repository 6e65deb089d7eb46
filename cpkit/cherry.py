"""What CherryPy hands over untyped, as Protocols; and its private names, each with why.

CherryPy has no types. These Protocols say as much of it as cpkit relies on, so that a reader and
mypy can follow a request; ``cherrypy.serving.request`` fits them, being Any. A room that leaves
something of its own on the request says so by a Protocol of its own, in the room::

    class TimedRequest(Request, Protocol):
        timing: Timing

No other module of cpkit imports from CherryPy's private modules. tests/test_private_names.py
fails, by its name, when one of these goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from http.cookies import SimpleCookie
from inspect import getattr_static, getclosurevars
from types import FunctionType, MappingProxyType, MethodType
from typing import Any, NamedTuple, Protocol

# An argument list that doesn't fit the handler is a 404, as with CherryPy's own dispatcher.
from cherrypy._cpdispatch import test_callable_spec

# Their class attributes are settings too, which a test may change: the isolation puts them back.
from cherrypy._cplogging import LogManager

# And forms are read as CherryPy reads them, only that their escapes are undone in C.
from cherrypy._cpreqbody import Entity, Part, RequestBody, process_urlencoded, unquote_plus

# Hooks are made once and put into the lists of many requests: attach() makes one each time.
from cherrypy._cprequest import Hook, HookMap

# A toolbox of one's own needs its base.
from cherrypy._cptools import Toolbox

# As LogManager; and the tree puts a favicon beside its own file on each root.
from cherrypy._cptree import Tree
from cherrypy._cpwsgi import CPWSGIApp

# The guarded server is CherryPy's own with other connections.
from cherrypy._cpwsgi_server import CPWSGIServer

__all__ = [
    "Application",
    "Body",
    "Bus",
    "CPWSGIApp",
    "CPWSGIServer",
    "Dispatcher",
    "Entity",
    "Field",
    "Handler",
    "Hook",
    "HookMap",
    "Hooks",
    "Host",
    "LogManager",
    "Part",
    "Request",
    "RequestBody",
    "Response",
    "Served",
    "Toolbox",
    "Tree",
    "behind",
    "process_urlencoded",
    "test_callable_spec",
    "unquote_plus",
]

WRAPPERS = 5  # how many dispatchers stand one in the other, at most
Handler = Callable[..., Any]  # a page handler, bound or not: what it returns is its own affair


class Served(NamedTuple):
    """A page handler, the config that counts for it, and which requests it answers.

    *methods* are those of the requests (None: any), *variables* those of the route's path, each
    with the regex that it has there, or None.
    """

    handler: Handler
    config: Mapping[str, Any]
    methods: frozenset[str] | None = None
    variables: Mapping[str, str | None] = MappingProxyType({})


class Host(Protocol):
    """One end of the connection."""

    ip: str
    port: int
    name: str


class Field(Protocol):
    """The value of a header field, and the parameters that follow it."""

    value: str
    params: dict[str, str]


class Body(Protocol):
    """The body of a request."""

    content_type: Field
    default_proc: Callable[[], None]
    fp: Any
    maxbytes: int | None
    processors: dict[str, Callable[[Any], None]]
    params: dict[str, Any]
    length: int | None

    def read(self, size: int | None = None, fp_out: Any = None) -> bytes:
        """Return up to *size* bytes."""


class Hooks(Protocol):
    """The hooks of a request, by point."""

    def __getitem__(self, point: str) -> list[Hook]:
        """Return the hooks of *point*."""

    def __iter__(self) -> Iterator[str]:
        """Yield the points."""

    def values(self) -> Iterable[list[Hook]]:
        """Return the hooks of each point."""

    def copy(self) -> Hooks:
        """Return the same hooks, to which others can be added."""

    def attach(
        self,
        point: str,
        callback: Callable[..., object],
        failsafe: bool | None = None,
        priority: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Add a hook."""

    def run(self, point: str) -> None:
        """Run the hooks of *point*."""


class Application(Protocol):
    """What is mounted at one path."""

    root: object
    script_name: str
    config: dict[str, dict[str, Any]]
    toolboxes: dict[str, Any]

    def find_config(self, path: str, key: str, default: Any = None) -> Any:
        """Return the value of *key* in the deepest section along *path* that has it."""


class Dispatcher(Protocol):
    """What finds the handler of a path, and the config that counts for it."""

    def __call__(self, path_info: str) -> None:
        """Set the request's handler and config."""


class Request(Protocol):
    """The request that is served."""

    app: Application | None
    base: str
    body: Body
    config: dict[str, Any]
    cookie: SimpleCookie
    dispatch: Dispatcher
    error_page: dict[int | str, Any]
    error_response: Callable[[], object]
    handler: Handler | None
    headers: dict[str, str]
    hooks: Hooks
    is_index: bool | None
    local: Host
    method: str
    negotiable: bool  # a dispatcher's word that its answer has a representation; True if missing
    params: dict[str, Any]
    path_info: str
    prev: Request | None
    process_request_body: bool
    query_string: str
    remote: Host
    request_line: str
    scheme: str
    script_name: str
    stage: str | None
    toolmaps: dict[str, dict[str, dict[str, Any]]]
    wsgi_environ: dict[str, Any]


class Response(Protocol):
    """The answer to it."""

    body: Iterable[bytes]
    cookie: SimpleCookie
    header_list: list[tuple[bytes, bytes]] | None  # None before it is finalized
    headers: dict[str, str]
    output_status: bytes | None
    status: str | int | None
    stream: bool
    time: float


class Bus(Protocol):
    """The process bus, ``cherrypy.engine``."""

    listeners: dict[str, set[Callable[..., object]]]
    state: object
    states: Any

    def subscribe(
        self, channel: str, callback: Callable[..., object], priority: int | None = None
    ) -> None:
        """Have *callback* called with what is published on *channel*."""

    def unsubscribe(self, channel: str, callback: Callable[..., object]) -> None:
        """Have it called no more."""

    def publish(self, channel: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Return what the listeners of *channel* returned."""

    def log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        """Log *msg*."""

    def start(self) -> None:
        """Start what is subscribed."""

    def exit(self) -> None:
        """Stop the process."""


def behind(dispatch: object) -> Iterator[Any]:
    """Yield *dispatch* and the dispatchers that it wraps, as ``VirtualHost`` does its next one.

    A wrapper is a function, a method, a partial or an object; what it wraps stands in its closure,
    its attributes, or under a global name that it uses.
    """
    seen: set[int] = set()
    level = [dispatch]
    for _ in range(WRAPPERS):
        level = [each for each in level if callable(each) and id(each) not in seen]
        seen.update(map(id, level))
        yield from level
        level = [inner for each in level for inner in _held(each)]


def _held(wrapper: Any) -> Iterator[object]:
    if isinstance(wrapper, type) or getattr_static(wrapper, "controllers", None) is not None:
        return
    if isinstance(wrapper, FunctionType):
        values = getclosurevars(wrapper)
        yield from (*values.nonlocals.values(), *values.globals.values())
    elif isinstance(wrapper, MethodType):
        yield from (wrapper.__func__, wrapper.__self__)
    elif isinstance(wrapper, partial):
        yield from (wrapper.func, *wrapper.args, *wrapper.keywords.values())
    with suppress(Exception):  # a proxy, that a function uses too, may have nothing behind it
        yield from list(vars(wrapper).values())
