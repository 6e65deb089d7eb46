"""Run a handler again when the database undid its transaction for another's sake."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import cherrypy
from cherrypy.lib import is_iterator
from cherrypy.lib.httputil import valid_status

from cpkit.cherry import Handler, Request, Response
from cpkit.errors import TransactionLostError

from .before import RequestBefore, ResponseBefore, SessionBefore
from .faults import Fault, backoff, fault_of
from .terms import is_unseen
from .unit import Unit

V = TypeVar("V")

COMMITTED = "_cpkit_committed"  # set on a request in which another unit has committed
UNIT_KEY = "_cpkit_unit_"  # what the keys begin with by which a request knows its units of work
BORROWED = "_cpkit_borrowed"  # the connections that a request has taken from the engine itself

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.2  # seconds
_REDIRECTS = (cherrypy.HTTPRedirect, cherrypy.InternalRedirect)

# NOTE: a COMMIT whose answer was lost raises OutcomeUnknownError, which is no fault of these:
# it is never repeated. A COMMIT that the server refused as a conflict was rolled back.
_REPEATABLE = (Fault.CONFLICT, Fault.BUSY, Fault.GONE)


def repeating(
    unit: Unit, retries: int, handler: Handler, keeps: Callable[[Unit, int], bool]
) -> Handler:
    """Return *handler* with its commit inside, run again up to *retries* times.

    Each time in a fresh transaction, with the request, the session and the response as they were
    before, after a pause that grows and is jittered. What a streamed body does is left alone, and
    so is what cannot be undone: a commit, on whatever handle, and a new session id. What a tool
    has written before the handler would be undone, and not be done again: nor is that repeated.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        request, response = cherrypy.serving.request, cherrypy.serving.response
        if response.stream:
            return handler(*args, **kwargs)
        before = _Before(request, response)

        def attempt() -> object:
            return _attempt(unit, partial(handler, *args, **kwargs), keeps)

        try:
            return _repeated(unit, retries, before, attempt)
        finally:
            before.close()

    return call


def _repeated(unit: Unit, retries: int, before: _Before, attempt: Callable[[], V]) -> V:
    pauses = backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
    for left, pause in zip(range(retries, -1, -1), pauses, strict=False):
        try:
            return attempt()
        except Exception as error:
            lost = isinstance(error, TransactionLostError)
            fault = fault_of(error.__cause__ if lost else error)
            if not left or fault not in _REPEATABLE or not before.can_be_restored():
                raise
        unit.close(broken=fault is Fault.GONE)
        for other in units_of(cherrypy.serving.request):
            other.close()
        before.restore()
        time.sleep(pause)
    raise AssertionError  # pragma: no cover


def _attempt(unit: Unit, handler: Callable[[], Any], keeps: Callable[[Unit, int], bool]) -> Any:
    """Call *handler*, make its body, and commit if the answer so far keeps it."""
    response = cherrypy.serving.response
    try:
        body = handler()
        # A body whose length is told, a file's, is sent as it is made: CherryPy has it so.
        is_sent_later = response.stream or response.headers.get("Content-Length") is not None
        if is_iterator(body) and not is_sent_later:
            body = list(body)
    except _REDIRECTS:
        if not unit.doomed:
            unit.commit()
        raise
    # NOTE: where the handler says that it streams, its body goes on with rows that it reads.
    status, _, _ = valid_status(response.status)
    if keeps(unit, status) and (unit.terms.write or not response.stream):
        unit.commit()
    return body


def is_out(record: Any, pooled: object) -> bool:
    """Tell whether who was lent *pooled* has it still."""
    return record.fairy_ref is not None and record.fairy_ref() is pooled


def units_of(request: Request) -> set[Unit]:
    """Return the units of work that *request* has, of whichever database."""
    return {it for key, it in [*vars(request).items()] if key.startswith(UNIT_KEY)}


class _Before:
    """The request, its session and the response as a handler found them."""

    def __init__(self, request: Request, response: Response) -> None:
        self._known = vars(request)
        units = units_of(request)
        # What was committed before is not done again; only a commit of the handler's hinders.
        self._committed = {unit for unit in units if unit.committed}
        self._was_noted = self._known.pop(COMMITTED, None)
        for unit in self._committed:
            unit.committed = False
        self._holds_work = any(unit.holds_work for unit in units)
        self._doomed = {unit: unit.doomed for unit in units}
        self._request, self._response = RequestBefore(request), ResponseBefore(response)
        session = getattr(cherrypy.serving, "session", None)
        self._session = None if session is None else SessionBefore(session)

    def close(self) -> None:
        """Forget what was read of the body; remember what was committed before."""
        self._request.forget()
        for unit in self._committed:
            unit.committed = True
        if self._was_noted:
            self._known[COMMITTED] = True

    def can_be_restored(self) -> bool:
        """Tell whether there is nothing that a handler cannot undo."""
        if self._holds_work or COMMITTED in self._known:
            return False
        if any(is_out(*it) and is_unseen(it[0].info) for it in self._known.get(BORROWED, ())):
            return False
        if any(unit.committed or unit.exposed for unit in self._doomed):
            return False
        session = self._session
        return self._request.can_be_restored() and (session is None or session.can_be_restored())

    def restore(self) -> None:
        """Put back what the handler may have changed."""
        for unit, doomed in self._doomed.items():
            unit.doomed = doomed
        self._request.restore()
        self._response.restore()
        if self._session is not None:
            self._session.restore()
