"""One line of JSON for one event, whatever is in it: ASCII, and no control characters."""

from __future__ import annotations

import json
import logging
import re
import time
from functools import lru_cache
from traceback import format_tb
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from .traceparent import trace_id

if TYPE_CHECKING:
    from cpkit.cherry import Host, Response
    from cpkit.serving.sending import WatchedBody

LONGEST = 1024  # characters of what a client sends
_WHEN = re.compile(r"\A\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\] ?")  # as CherryPy begins its messages
Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
# What a record has as ``is_json`` whose message is a line already; nobody else's ``extra`` is it.
IS_JSON = object()
_quoted = json.encoder.encode_basestring_ascii


class Served(Protocol):
    """What is told of a request."""

    method: str
    script_name: str
    path_info: str
    remote: Host
    headers: dict[str, str]


def access_line(
    request: Served, response: Response, status: int, request_id: str, taken: int
) -> str:
    """Return the line of a request that took *taken* ns; it holds no query, cookie or credential.

    Text of the client's is cut to 1,024 characters.
    """
    # PERF: the names as CherryPy keeps them; its own get() spells each name anew.
    headers = request.headers
    trace, agent = dict.get(headers, "Traceparent"), dict.get(headers, "User-Agent")
    client = request.remote.ip or ""  # what a proxy says; none on a Unix socket
    line = [
        f'{{"time": "{rfc3339(time.time())}", "client": {_quoted(client[:LONGEST])}',
        f'"method": {_quoted(request.method[:LONGEST])}',
        f'"path": {_quoted((request.script_name + request.path_info)[:LONGEST])}',
        f'"status": {status}',
        f'"ms": {taken / 1e6:.2f}, "request": {_quoted(request_id)}',
    ]
    if how_much := _how_much(response, status):
        line.append(how_much)
    if route := getattr(request, "route", None):
        line.append(f'"route": {_quoted(route)}')
    if trace and trace_id(trace):
        line.append(f'"trace": {_quoted(trace)}')
    if agent:
        line.append(f'"agent": {_quoted(agent[:LONGEST])}')
    return ", ".join(line) + "}"


def _how_much(response: Response, status: int) -> str:
    """Return how long the answer was, or that it broke off; "" if nobody knows."""
    known = response.__dict__
    watched: WatchedBody | None = known.get("watched")
    if watched is not None and watched.failed:
        return '"broken": true' if watched.broke_off else ""
    if status == 500:
        if (known.get("output_status") or b"")[:3] != b"500":
            return ""  # another one was sent in its place
        # NOTE: where an error page failed, too, CherryPy leaves the fields that it had.
        if type(body := response.body) is list and body:
            return f'"bytes": {sum(map(len, body))}'
    sent = dict.get(response.headers, "Content-Length")
    return f'"bytes": {int(sent)}' if sent and str(sent).isdecimal() else ""


def rfc3339(seconds: float) -> str:
    """Return the time as RFC 3339 has it, in milliseconds and UTC."""
    whole = int(seconds)
    return f"{_second(whole)}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=1)
def _second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


def message_of(record: logging.LogRecord) -> str:
    """Return the message of *record*; if that cannot be made, what it would be made of."""
    try:
        return record.getMessage()
    except Exception as error:  # arguments that do not fit, or a __str__ that fails
        args = f" {_text(record.args)}" if record.args else ""
        return f"{_text(record.msg)}{args} ({type(error).__name__}: {_text(error)})"


def _text(value: object) -> str:
    try:
        return value if type(value) is str else str(value)
    except Exception:
        return f"<{type(value).__name__}>"


class JsonFormatter(logging.Formatter):
    """A formatter of records as lines of JSON; a line that is JSON already stays as it is.

    Its keys are ``time``, ``level``, ``logger``, ``message``, ``request`` and ``traceback``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        message = message_of(record)
        if getattr(record, "is_json", None) is IS_JSON:
            return message
        told = {
            "time": rfc3339(record.created),
            "level": str(record.levelname),
            "logger": str(record.name),
            "message": _WHEN.sub("", message, count=1).strip(),
        }
        request = getattr(record, "request_id", None)
        if request:
            told["request"] = _text(request)
        if record.exc_info:
            told["traceback"] = self._traceback(record.exc_info)
        elif record.exc_text:  # of a record that came from another process
            told["traceback"] = record.exc_text
        if record.stack_info:
            told["stack"] = record.stack_info
        return json.dumps(told)

    def _traceback(self, raised: Raised) -> str:
        """Return the traceback of what was *raised*; its frames, if Python cannot tell the rest."""
        try:
            return self.formatException(raised)
        except Exception as error:  # of a property of it, or of its cause, that fails
            _, value, frames = raised
            why = f"{type(value).__name__}: {_text(value)} ({type(error).__name__}: {_text(error)})"
            return "".join(format_tb(frames)) + why
