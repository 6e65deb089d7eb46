"""What the cors tool does to a request, worked out once for all requests of one setting."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import cherrypy

from cpkit.cherry import Hook, Request
from cpkit.negotiation import vary
from cpkit.serving.dispatching import dispatched_as, is_preflight
from cpkit.settings import FLAG, WHOLE, Allowed, ToolSettings, instance_of, setting

from .cors import PREFLIGHT_VARY, TOKEN, Policy
from .origin import MAX_CHARACTERS, Origins

FIRST = 5  # before log-in checks: a preflight has no credentials
LAST = 84  # after what sets header fields, before caching (90) stores the answer
# An error that nobody expected runs the hooks of the last two points alone, and one that redirects
# never comes to the last.
ANSWERING = ("before_finalize", "before_error_response", "after_error_response")

FILES = ("staticdir", "staticfile")  # CherryPy's tools that serve where there is no handler
LIST = (list, tuple, str)
NAMES = instance_of((list, tuple), "a list of names")
FIELDS = Allowed("a list of header field names, each by itself", lambda it: _are_fields(it))
# RFC 9110, 9.1: methods are told apart by case, and browsers ask for them in capitals.
IN_CAPITALS = Allowed("a list of names in capitals, or None", lambda it: it is None or _are_big(it))


def _are_big(names: Collection[object]) -> bool:
    return all(isinstance(name, str) and name.isupper() for name in names)


def _are_fields(names: Collection[object] | None) -> bool:
    return all(isinstance(name, str) and TOKEN.fullmatch(name) for name in names or ())


def _are_origins(value: Collection[str] | str) -> bool:
    return bool(Origins.read(value))  # raises the error of the entry that is none


@dataclass(frozen=True, kw_only=True)
class CorsSettings(ToolSettings):
    """The settings of the cors tool."""

    origins: Collection[str] | str = setting(
        (),
        "the origins whose pages may read, `https://*.example.org` among them; `*`: all",
        instance_of(LIST, "a list of origins"),
        Allowed("a list of origins", _are_origins),
    )
    credentials: bool = setting(False, "whether they may send cookies", FLAG)
    expose: Collection[str] = setting((), "the response fields that they may read", NAMES, FIELDS)
    headers: Collection[str] | None = setting(
        None,
        "the request fields that they may set; any with `*`, or unless given",
        NAMES.or_none(),
        FIELDS,
    )
    methods: Collection[str] | None = setting(
        None,
        "the methods of the resource; asked of the dispatcher unless given",
        NAMES.or_none(),
        IN_CAPITALS,
    )
    max_age: int = setting(600, "the seconds that a browser may remember a preflight", WHOLE)


class PreflightAnswered(cherrypy.HTTPError):
    """The answer to a preflight, raised so that no other tool and no handler runs."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields

    def set_response(self) -> None:
        """Answer 204 with the fields."""
        response = cherrypy.serving.response
        response.status, response.body = 204, b""
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
        response.headers.update(self.fields)


class Sharing:
    """One configuration of the tool: its policy and its hooks.

    *prefix* is what the keys of its settings begin with.
    """

    def __init__(self, settings: CorsSettings, prefix: str = "cpkit.cors.") -> None:
        self._prefix = prefix
        self._policy = Policy(
            Origins.read(settings.origins),
            credentials=settings.credentials,
            headers=_lowered(settings.headers),
            expose=tuple(settings.expose),
            max_age=settings.max_age,
        )
        self._methods = settings.methods
        # PERF: a site has few origins; what is longer than one is no key.
        self._fields = lru_cache(maxsize=256)(self._policy.answer)
        self._preflight = Hook(self.preflight, priority=FIRST)
        # Failsafe: a tool that redirects from an error is followed by no further hook.
        self._answer = Hook(self.answer, failsafe=True, priority=LAST)

    def begin(self, request: Request) -> None:
        """Have the answer to *request* shared."""
        if is_preflight(request):
            request.hooks["on_start_resource"].append(self._preflight)
        else:
            self._share(request)

    def _share(self, request: Request) -> None:
        for point in ANSWERING:
            request.hooks[point].append(self._answer)

    def preflight(self) -> None:
        """Answer a preflight (Fetch, 4.8); a hook of on_start_resource."""
        request = cherrypy.serving.request
        asked = request.headers
        method = asked["Access-Control-Request-Method"]
        allowed = self._allowed(method)
        if allowed is None:
            self._share(request)
            return
        headers = asked.get("Access-Control-Request-Headers")
        alike = self._alike(request, method, allowed)
        fields = self._policy.preflight(asked["Origin"], method, headers, alike)
        raise PreflightAnswered({**fields, "Vary": ", ".join(PREFLIGHT_VARY)})

    def answer(self) -> None:
        """Let the page read the answer; a hook of the points at which one is finished."""
        # PERF: the maps' own spelling of a name needs none of HeaderMap's folding of case.
        headers = cherrypy.serving.response.headers
        origin = dict.get(cherrypy.serving.request.headers, "Origin")
        if not self._policy.is_same_for_all:
            existing = dict.get(headers, "Vary")
            dict.__setitem__(headers, "Vary", vary(existing, ("Origin",)) if existing else "Origin")
        if not dict.__contains__(headers, "Access-Control-Allow-Origin"):
            known = origin is None or len(origin) <= MAX_CHARACTERS
            dict.update(headers, self._fields(origin if known else None))

    def _allowed(self, asked: str) -> Collection[str] | None:
        """Return the methods of the resource; None where there is no resource."""
        if self._methods is not None:
            return self._methods
        request, response = cherrypy.serving.request, cherrypy.serving.response
        tools = request.toolmaps.get("tools", {})
        if isinstance(request.handler, cherrypy.NotFound):
            if any(tools.get(name, {}).get("on") for name in FILES):
                return ("GET", "HEAD")
            handler, _ = dispatched_as(request, asked)  # it may be redirected to another slash
            return None if isinstance(handler, cherrypy.NotFound) else {asked}
        told = response.headers.get("Allow")  # by a dispatcher that has no handler for OPTIONS
        if told:
            return {name.strip() for name in told.split(",")}
        dispatcher = getattr(request, "routed", (None,))[0]
        if dispatcher is not None:
            methods: Collection[str] = dispatcher.allowed_methods(request)
            return methods
        tool = tools.get("allow", {})
        listed = tool.get("methods") if tool.get("on") else None
        # CherryPy's default dispatcher hands every method to the handler.
        return listed or {asked}

    def _alike(self, request: Request, asked: str, methods: Collection[str]) -> Collection[str]:
        """Return those of *methods* that are shared as the one that is *asked* for.

        A browser remembers each method that it is told of, and does not ask for that again.
        """
        if asked not in methods:
            return ()
        own = self._given_for(request, asked)
        box, name, _ = self._prefix.split(".")
        # Else they are another method's: a toolbox of CherryPy's takes those of OPTIONS.
        if own != {self._prefix + key: it for key, it in request.toolmaps[box][name].items()}:
            return ()
        return {name for name in methods if name == asked or self._given_for(request, name) == own}

    def _given_for(self, request: Request, method: str) -> dict[str, object]:
        """Return the settings of a request that is the same but for its *method*."""
        if method == request.method:  # PERF: most dispatchers tell of OPTIONS the longest way
            return self._ours(request.config)
        return self._ours(dispatched_as(request, method)[1])

    def _ours(self, config: dict[str, object]) -> dict[str, object]:
        return {key: it for key, it in config.items() if str(key).startswith(self._prefix)}


def _lowered(names: Collection[str] | None) -> frozenset[str] | None:
    return None if names is None or "*" in names else frozenset(map(str.lower, names))
