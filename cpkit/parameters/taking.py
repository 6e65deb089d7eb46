"""What the params tool does to a request: path, query and form, in the order of refusals."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import cherrypy

from cpkit.cherry import Handler, Hook, Part, Request
from cpkit.serving.arguments import fitting
from cpkit.serving.escapes import has_too_many_bad_escapes

from .faults import Faults
from .forms import FILES, is_empty, limits, prepare
from .media import Content, check_coding, content_of
from .plan import Parameter, Plan, Value, is_file
from .query import parsed
from .refusals import InvalidRequest
from .remembered import Remembered
from .renewing import RENEW, Renewing, is_repeated
from .settings import FORM, ParamsSettings
from .signature import plan_of

# After accept (50) took its parameter out of the query. The body tool refuses in between (60): a
# missing resource comes first, then a media type, then what the query says.
PATH, QUERY = 55, 65
# As CherryPy's own tools.params; after the body tool (14).
FORMS = 15
_FORMS = f"{FORM}, {FILES}"
_SHORT = 100  # characters of a query that is read whatever it is


class TakingRequest(Request, Protocol):
    """A request whose parameters are read."""

    taken: Taken
    args: tuple[Value, ...]
    body_parameter: str | None
    methods_with_bodies: tuple[str, ...]
    process_query_string: Callable[[], None]


class Taken:
    """What is known of the parameters of one request: where each was sent."""

    __slots__ = ("handler", "path", "plan", "positional", "query", "unread")

    def __init__(self, handler: Handler, path: dict[str, Value]) -> None:
        self.plan: Plan | None = None
        self.handler, self.path = handler, path
        self.query: dict[str, Value] = {}
        self.positional: frozenset[str] = frozenset()
        self.unread = ""  # why the query was not read


class Taking:
    """The typed parameters of the requests that have the same settings."""

    def __init__(self, settings: ParamsSettings) -> None:
        self._skip, self._form = frozenset(settings.skip), settings.form
        self._plans = Remembered(self._read)
        # PERF: made once; they find what they need on the request that is served.
        self._path = Hook(self.take_path, False, PATH)
        self._query = Hook(self.take_query, False, QUERY)
        self._forms = Hook(self.take_form, False, FORMS)
        self._renew = Hook(self.renew, False, RENEW)

    def begin(self, asked: Request) -> None:
        """Have the parameters of the request read, if a page handler answers it."""
        request: Any = asked
        handler = getattr(request.handler, "callable", None)
        if handler is None:  # a 404, a redirection, an OPTIONS that the dispatcher answers
            if isinstance(request.handler, Exception):
                request.process_query_string = _leave_query
            return
        request.handler = fitting(request.handler)
        # NOTE: an optional variable that is not in the path, as of {.format}, is None.
        path = {name: value for name, value in request.params.items() if value is not None}
        request.taken = Taken(handler, path)
        request.process_query_string = _read_query
        hooks = request.hooks["before_request_body"]
        if request.params or request.args:
            hooks.append(self._path)
        hooks.append(self._query)

    def _read(self, handler: Handler, body: str | None) -> Plan:
        """Return the plan of *handler*, whose parameter *body* the body tool fills."""
        skip = self._skip if body is None else self._skip | {body}
        plan = plan_of(handler, skip=skip, file=Part)
        plan.skipped = self._skip
        if body is not None:
            plan.refused |= {body}
        return plan

    def _plan_for(self, request: TakingRequest) -> Plan:
        taken = request.taken
        if taken.plan is None:
            taken.plan = self._plans.of(taken.handler, request.__dict__.get("body_parameter"))
        return taken.plan

    def take_path(self) -> None:
        """Put typed values in the place of the path's variables; one that does not fit: 404."""
        request: TakingRequest = cherrypy.serving.request
        taken, faults, params = request.taken, Faults(), request.params
        plan = self._plan_for(request)
        named = plan.named
        for name in taken.path:
            # A variable that the handler has no name for is CherryPy's to refuse.
            if (name in named or plan.others) and params.get(name).__class__ is str:
                plan.fill(params, name, "path", faults)
        if request.args:
            _take_positional(request, plan, faults)
        if faults:
            raise InvalidRequest(404, faults=faults)

    def take_query(self) -> None:
        """Put typed values in the place of the query's; see to the form that may follow."""
        request: TakingRequest = cherrypy.serving.request
        taken, params, faults = request.taken, request.params, Faults()
        plan, form = self._plan_for(request), self._expects_form(request)
        if form:
            _admit_form(request, plan)
            request.hooks["before_handler"].append(self._forms)
        if plan.changeable and is_repeated(request):
            request.hooks["before_handler"].append(self._renew)
        if taken.unread:
            faults.add("query", "", taken.unread)
        path, positional = taken.path, taken.positional
        for name in taken.query:
            if name in path or name in positional:
                faults.add("query", name, "is unknown")
            elif name in params:  # else another tool took it out
                plan.fill(params, name, "query", faults)
        if not form:
            plan.complete(params, taken.positional, "query", faults)
        if faults:
            raise InvalidRequest(400, faults=faults)

    def renew(self) -> None:
        """Have the handler called with values of its own, should it be called again."""
        request: TakingRequest = cherrypy.serving.request
        change_back = _changed_back(self._plan_for(request), request.params)
        if request.handler is not None:
            request.handler = Renewing(change_back, request.handler)

    def _expects_form(self, request: TakingRequest) -> bool:
        if not self._form or request.method not in request.methods_with_bodies:
            return False
        return "body_parameter" not in request.__dict__

    def take_form(self) -> None:
        """Put typed values in the place of the form's."""
        request: TakingRequest = cherrypy.serving.request
        taken, faults, params = request.taken, Faults(), request.params
        plan = self._plan_for(request)
        form: Mapping[str, Value] = request.body.params if request.process_request_body else {}
        for name in form or ():
            if name in taken.query:
                faults.add("form", name, "is in the query as well")
            elif name in taken.path or name in taken.positional:
                faults.add("form", name, "is unknown")
            elif name in params:
                plan.fill(params, name, "form", faults)
        plan.complete(params, taken.positional, "form", faults)
        if faults:
            for file in _files(form):  # which no handler will see
                file.close()
            raise InvalidRequest(400, faults=faults)


def _changed_back(plan: Plan, params: dict[str, Value]) -> Callable[[], None]:
    """Return what gives *params* the lists and dicts of now, and reads files from their begin."""
    made = {name: it for name, it in params.items() if name in plan.named or plan.others}
    kept = {name: copy.copy(it) for name, it in made.items() if isinstance(it, list | set | dict)}
    files = list(_files(made))

    def change_back() -> None:
        params.update({name: copy.copy(value) for name, value in kept.items()})
        for file in files:
            if not file.closed:
                file.seek(0)

    return change_back


def _files(params: Mapping[str, Value]) -> Iterator[Any]:
    """Yield the files of *params*."""
    for value in params.values():
        for each in value if isinstance(value, list | tuple) else [value]:
            if is_file(each) and each.file:
                yield each.file


# NOTE: it asks for the request: a partial of it would hold the request, which holds the partial.
def _read_query() -> None:
    """Read the query in CherryPy's place, which splits it at semicolons too."""
    request: TakingRequest = cherrypy.serving.request
    taken, query = request.taken, request.query_string
    if not query:
        return
    if len(query) > _SHORT:
        taken.unread = _why_not_to_read(query)  # told after what comes first
    try:
        taken.query = {} if taken.unread else parsed(query)
    except UnicodeDecodeError:
        taken.unread = "is no UTF-8"
    for name, value in taken.query.items():
        if name not in taken.path:
            request.params[name] = value


def _why_not_to_read(query: str) -> str:
    """Return what is told of a query that takes too long to read; empty: nothing."""
    most = limits().max_query_fields
    if query.count("&") >= most:
        return f"has more than {most} fields"
    return "is malformed" if has_too_many_bad_escapes(query.encode()) else ""


def _leave_query() -> None:
    """Leave a query unread: that a resource is not there comes before what is wrong with it."""


def _take_positional(request: TakingRequest, plan: Plan, faults: Faults) -> None:
    """Put typed values in the place of the path's further segments (CherryPy's dispatchers)."""
    known = plan.positional[: len(request.args)]
    request.taken.positional = frozenset(each.name for each in known)
    rest = len(request.args) - len(known)
    if rest and plan.rest is None:
        raise InvalidRequest(404, "There is nothing here: the path is too long.")
    readers: list[Parameter | None] = [*known, *[plan.rest] * rest]
    values = []
    for reader, raw in zip(readers, request.args, strict=True):
        typed = reader is not None and raw.__class__ is str
        values.append(reader.value(raw, "path", faults) if reader and typed else raw)
    request.args = tuple(values)


def _admit_form(request: TakingRequest, plan: Plan) -> None:
    """See to it that a form is read; a body of another media type is a 415."""
    if is_empty(request):
        request.process_request_body = False  # CherryPy would ask for a length, with a 411
        return
    content = content_of(request)
    if content is None or content.kind not in (FORM, FILES):
        taken = request.taken
        filled = taken.path.keys() | taken.positional
        if plan.takes_more_than(filled) and not _is_read(request, content):
            raise InvalidRequest(415, f"Send a form: {_FORMS}.", Accept=_FORMS)
    else:
        check_coding(request, _FORMS)
        request.body.content_type.value = content.kind
    prepare(request.body)


def _is_read(request: TakingRequest, content: Content | None) -> bool:
    """Tell whether a processor of the application's own, or of another tool, reads the body."""
    kind = content.kind if content else ""
    return kind in request.body.processors
