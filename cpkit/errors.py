"""What can go wrong in cpkit: each error carries its data and says what to do about it.

The data are in ``args``, and the text is made of them when it is asked for: so every error can be
copied, and sent to another process.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any

if sys.version_info >= (3, 11):
    handled = sys.exception  # PERF: sys.exc_info() makes a tuple of three
else:  # pragma: no cover

    def handled() -> BaseException | None:
        """Return the exception that is being handled, None if there is none."""
        return sys.exc_info()[1]


class CpkitError(Exception):
    """Any error that cpkit raises on purpose."""

    def __reduce__(self) -> tuple[type[CpkitError], tuple[Any, ...]]:
        """Return what the error is made of again; data that cannot be pickled as their text."""
        return type(self), tuple(map(_portable, self.args))


def _portable(value: object) -> object:
    try:
        pickle.dumps(value)
    except Exception:  # whatever the value's own methods raise
        return repr(value)
    return value


class RouteError(CpkitError):
    """A route that could never work, refused when it is declared.

    *template* is the route's path as it was written, *problem* what is wrong, *remedy* what to
    write instead.
    """

    def __init__(self, template: object, problem: str, remedy: str) -> None:
        super().__init__(template, problem, remedy)
        self.template, self.problem, self.remedy = template, problem, remedy

    def __str__(self) -> str:
        return f"Route {self.template!r}: {self.problem}. {self.remedy}"


class UrlError(CpkitError):
    """A URL that cannot be made: there is no such route, or the parameters don't fit it.

    *name* is the route's name, *problem* what is wrong, *remedy* what to give instead.
    """

    def __init__(self, name: object, problem: str, remedy: str) -> None:
        super().__init__(name, problem, remedy)
        self.name, self.problem, self.remedy = name, problem, remedy

    def __str__(self) -> str:
        return f"No URL for route {self.name!r}: {self.problem}. {self.remedy}"


class SettingError(CpkitError, ValueError):
    """A setting that has a value it cannot have; *remedy* is a sentence."""

    def __init__(self, setting: str, value: object, remedy: str) -> None:
        super().__init__(setting, value, remedy)
        self.setting, self.value, self.remedy = setting, value, remedy

    def __str__(self) -> str:
        return f"{self.setting} = {self.value!r} cannot be used: {self.remedy}"


class UnknownSettingError(SettingError, TypeError):
    """A setting that the tool does not have; *known* are those it has."""

    def __init__(self, tool: str, setting: str, known: tuple[str, ...]) -> None:
        super().__init__(setting, None, f"The tool {tool} has {', '.join(known)}.")
        self.args = tool, setting, known
        self.tool, self.known = tool, known

    def __str__(self) -> str:
        known = ", ".join(self.known)
        return f"The tool {self.tool} has no setting {self.setting}; it has {known}."


class ConfigError(CpkitError):
    """A key of the configuration that cannot be used, with where it stands, and why."""

    def __init__(self, key: str, place: str, reason: str) -> None:
        super().__init__(key, place, reason)
        self.key, self.place, self.reason = key, place, reason

    def __str__(self) -> str:
        return f"{self.key} in {self.place} cannot be used: {self.reason}"


class FieldTooLargeError(CpkitError):
    """A request field that is longer than is read; to a client, a 431."""

    def __init__(self, unit: str, found: int, limit: int) -> None:
        super().__init__(unit, found, limit)
        self.unit, self.found, self.limit = unit, found, limit

    def __str__(self) -> str:
        found = f"{self.found} {self.unit}"
        return f"The field has {found}, and at most {self.limit} are read: send fewer."


class MalformedFieldError(CpkitError):
    """A request field that breaks its grammar; to a client, a 400 if asked to be strict."""

    def __init__(self, element: str) -> None:
        super().__init__(element)
        self.element = element

    def __str__(self) -> str:
        return f"The element {self.element[:80]!r} is malformed: correct it or leave it out."


class InvalidOfferError(CpkitError):
    """An offer that no client could ask for."""

    def __init__(self, offer: object, expected: str, example: str) -> None:
        super().__init__(offer, expected, example)
        self.offer, self.expected, self.example = offer, expected, example

    def __str__(self) -> str:
        return f"The offer {self.offer!r} is not {self.expected}: write it like {self.example!r}."


class AnnotationError(CpkitError, TypeError):
    """A handler whose parameters cannot be read from its annotations.

    *handler* is where it is written, *parameter* the name (None: all of them), *problem* what is
    wrong and what to write instead.
    """

    def __init__(self, handler: str, parameter: str | None, problem: str) -> None:
        super().__init__(handler, parameter, problem)
        self.handler, self.parameter, self.problem = handler, parameter, problem

    def __str__(self) -> str:
        which = f"the parameter {self.parameter}" if self.parameter else "the annotations"
        return f"{self.handler}: {which} cannot be read: {self.problem}."


class NotRenderedError(CpkitError, TypeError):
    """A body that is neither text nor bytes, nor made of them."""

    def __init__(self, body: object, content_type: str) -> None:
        super().__init__(body, content_type)
        self.body, self.content_type = body, content_type

    def __str__(self) -> str:
        kind = type(self.body).__name__
        return (
            f"The body for {self.content_type} is of type {kind}: let the handler or "
            f"the renderer of {self.content_type} return str, bytes or an iterable of them."
        )


class DatabaseError(CpkitError):
    """Any error that the database plugin and its tool raise."""


class DatabaseNotRunningError(DatabaseError):
    """A request for a database whose plugin is missing or not started."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        name = self.name
        return (
            f"The database plugin cherrypy.engine.{name} is not running: assign a DatabasePlugin "
            f"to cherrypy.engine.{name}, set engine.{name}.on (or call its subscribe()), and "
            f"call cherrypy.engine.start()."
        )


class DatabaseUnavailableError(DatabaseError):
    """A database that cannot be had now; *retry_after* is in whole seconds."""

    def __init__(self, reason: str, retry_after: int = 1) -> None:
        super().__init__(reason, retry_after)
        self.reason, self.retry_after = reason, retry_after

    def __str__(self) -> str:
        return f"{self.reason}; try again in {self.retry_after} s."


class DatabaseBusyError(DatabaseUnavailableError):
    """A database whose connections, or whose turn to write, were all taken for too long."""


class WriteInReadUnitError(DatabaseError):
    """A statement that writes where the unit of work only reads."""

    def __init__(self, statement: object) -> None:
        self.statement = str(statement)[:200]
        super().__init__(self.statement)

    def __str__(self) -> str:
        return (
            f"This unit of work only reads, but was asked for {self.statement!r}: "
            "use an unsafe method such as POST, or set cpkit.db.write = True, without "
            "cpkit.db.read_only."
        )


class UnitOverError(DatabaseError):
    """A unit of work that was used after its request had ended."""

    def __str__(self) -> str:
        return (
            "This request is over and its connection is back in the pool: "
            "outside of a request use `with cherrypy.engine.db.begin() as connection`."
        )


class TransactionLostError(DatabaseError):
    """A transaction that the database had undone before it was to be committed.

    What undid it is the error's cause.
    """

    def __str__(self) -> str:
        return (
            "Nothing of this transaction can be stored any more, since a statement in it failed: "
            "wrap what may fail in `with request.db.begin_nested()`, or call request.db.rollback() "
            "and begin anew."
        )


class OutcomeUnknownError(DatabaseError):
    """A connection that was lost while COMMIT was under way."""

    def __str__(self) -> str:
        return (
            "The connection was lost during COMMIT, so its outcome is unknown: "
            "look whether the change is there before it is repeated."
        )


class SessionDataError(DatabaseError):
    """A session that holds what cannot be stored as JSON."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"The session cannot be stored: {self.problem}. Keep strings, numbers, lists and dicts "
            "in it, and larger things in tables of their own."
        )


class MissingExtraError(CpkitError, ImportError):
    """A package that is missing, which one of cpkit's extras installs."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(package, extra)
        self.package, self.extra = package, extra

    def __str__(self) -> str:
        return f"{self.package} is not installed: pip install 'cpkit[{self.extra}]'."


class NotAPathError(CpkitError, ValueError):
    """What the test client was given instead of a path or a URL."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path!r} is no path: begin with a slash, or give a whole http URL."


class TooManyRedirectsError(CpkitError):
    """Redirections that do not end; *url* is where the test client gave up."""

    def __init__(self, url: str, limit: int) -> None:
        super().__init__(url, limit)
        self.url, self.limit = url, limit

    def __str__(self) -> str:
        return f"Gave up at {self.url} after {self.limit} redirections: do they go in a circle?"


class NotMeasuredError(CpkitError):
    """A response that has no measurements, since the application takes none."""


class EngineExitError(CpkitError):
    """An end of the test process that CherryPy's engine was about to make; *code* is its status."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return (
            f"CherryPy's engine would have ended this process with status {self.code}: a listener "
            "failed while it started or stopped. Its traceback is in CherryPy's error log."
        )


class EngineRestartError(CpkitError):
    """A new process that CherryPy's engine was about to put in the place of the test process."""

    def __str__(self) -> str:
        return (
            "CherryPy's engine would have restarted this process: engine.restart() was called "
            "and the engine blocked. Switch the autoreloader off in tests."
        )


class InvalidOriginError(CpkitError, ValueError):
    """An entry in a list of origins that no browser could send as one."""

    def __init__(self, entry: object) -> None:
        super().__init__(entry)
        self.entry = entry

    def __str__(self) -> str:
        return (
            f"{self.entry!r} is no origin: write a scheme, a host and, where it is not the "
            "scheme's own, a port, like 'https://example.org'; a name of other letters as browsers "
            "send it, 'https://xn--bcher-kva.example'."
        )


class UnfitDatabaseError(DatabaseError):
    """A database that the fixture ``cp_db`` does not work with; *url* is without its password."""

    def __init__(self, url: str, problem: str, remedy: str) -> None:
        super().__init__(url, problem, remedy)
        self.url, self.problem, self.remedy = url, problem, remedy

    def __str__(self) -> str:
        return f"cp_db does not take the database {self.url}: {self.problem}. {self.remedy}"


class MarkerError(CpkitError, TypeError):
    """A marker ``@pytest.mark.cherrypy(…)`` that says what it cannot say."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy

    def __str__(self) -> str:
        return f"The marker cherrypy: {self.problem}. {self.remedy}"


class NothingMountedError(CpkitError):
    """A request of a test where no application is mounted."""

    def __str__(self) -> str:
        return (
            "Nothing is mounted on cherrypy.tree: override the fixture cp_app, give the test "
            "@pytest.mark.cherrypy(root=…), or call cherrypy.tree.mount()."
        )


class RequestArgumentError(CpkitError, TypeError):
    """What a test's client cannot send; *argument* is the parameter's name."""

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(argument, problem)
        self.argument, self.problem = argument, problem

    def __str__(self) -> str:
        return f"The argument {self.argument} {self.problem}."


class NoSessionError(CpkitError, LookupError):
    """A session of the client that a test can neither read nor write."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy

    def __str__(self) -> str:
        return f"There is no session for cp_session: {self.problem}. {self.remedy}"
